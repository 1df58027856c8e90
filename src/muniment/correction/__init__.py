"""Correcting what was quarantined.

`exporting` writes the rejected records as a `worksheet`, which people mend in a spreadsheet program;
`recognition` sees what that program made of the file, `reformatting` tells its doings from corrections,
`corrected` puts corrections and originals together, `resubmission` loads the result. `entries` lists, shows,
dismisses and reopens.
"""

from muniment.correction.entries import Content, Entry, dismiss, entries, entry, reopen
from muniment.correction.exporting import export
from muniment.correction.resubmission import resubmit

__all__ = ["Content", "Entry", "dismiss", "entries", "entry", "export", "reopen", "resubmit"]
