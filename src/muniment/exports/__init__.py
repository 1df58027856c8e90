"""The way out: what a database holds, as files that others can read."""
