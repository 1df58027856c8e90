#!/bin/sh
# The demo: what one would type, and what comes back. `make demo` runs it with `muniment` on the PATH.
set -eu

cd "$(dirname "$0")/../.."

bold='' plain=''
[ ! -t 1 ] || { bold=$(printf '\033[1m'); plain=$(printf '\033[0m'); }

step() {
    printf '\n%s# %s%s\n$ %s\n' "$bold" "$1" "$plain" "$2"
    sh -c "$2"
}

rm -f demo.db demo.db-wal demo.db-shm

step "Load a made-up export of 1,000 objects, of which 45 are bad in 16 ways" \
    "muniment load examples/sample/sample_export.csv --mapping examples/sample/mapping.toml --to sqlite:///demo.db"

step "Every record is accounted for" \
    "muniment status --db sqlite:///demo.db"

step "What was not stored, where it stands in the file, and why" \
    "muniment quarantine list --db sqlite:///demo.db"

step "From a stored object back to the bytes that it came from" \
    "muniment trace 1908.1 --db sqlite:///demo.db"

cat <<'NEXT'

# What to type next (first: . .venv/bin/activate)

  muniment quarantine export --db sqlite:///demo.db -o bad.csv    the bad records as a spreadsheet, to be mended
  muniment quarantine resubmit bad.csv --db sqlite:///demo.db     ... and handed in again
  muniment guess YOUR_EXPORT.csv                                  begin with a file of your own
  muniment load --help                                            PostgreSQL, MariaDB, and all the rest
  sqlite3 demo.db 'select * from object_summary limit 5'          the same in SQL
NEXT
