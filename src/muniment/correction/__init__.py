"""Correcting what was quarantined.

`exporting` writes the rejected records as a `worksheet`, which people mend in a spreadsheet program;
`recognition` sees what that program made of the file, `reformatting` tells its doings from corrections,
`corrected` puts corrections and originals together, `resubmission` loads the result. `entries` lists, shows,
dismisses and reopens; `retention` purges what is settled.
"""

from muniment.correction.entries import Content, Entry, dismiss, entries, entry, reopen
from muniment.correction.exporting import export
from muniment.correction.resubmission import resubmit
from muniment.correction.retention import Purged, purge

__all__ = [
    "Content",
    "Entry",
    "Purged",
    "dismiss",
    "entries",
    "entry",
    "export",
    "purge",
    "reopen",
    "resubmit",
]
