"""What was done, and where things come from: runs with their accounts, stored records with their origin.

Everything here only reads. `runs` tells of runs, `noted` of what was remarkable in them; `tracing` leads from
a stored record back to its bytes, in a file that `whereabouts` finds by its hash; `verification` compares
the evidence with its seals.
"""

from muniment.audit.noted import NoteKind, StoredNote, note_kinds, notes
from muniment.audit.runs import RunStatus, run_status, runs
from muniment.audit.tracing import Change, FieldTrace, RunOrigin, Sighting, SourceOrigin, Trace, trace
from muniment.audit.verification import Finding, Verification, verify

__all__ = [
    "Change",
    "FieldTrace",
    "Finding",
    "NoteKind",
    "RunOrigin",
    "RunStatus",
    "Sighting",
    "SourceOrigin",
    "StoredNote",
    "Trace",
    "Verification",
    "note_kinds",
    "notes",
    "run_status",
    "runs",
    "trace",
    "verify",
]
