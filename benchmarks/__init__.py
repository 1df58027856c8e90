"""Measurements of Muniment, and the export that they load."""
