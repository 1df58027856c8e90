"""Sources: what is loaded, as chunks of whole records with their positions.

`opening` makes a file that can be read again of whatever the user names; `stored` knows its hash and its
bytes from any place, by way of `decompression`; `windows` holds a stretch of it in memory, as bytes or as
text (`encodings`); `cutting` cuts chunks of whole records, found by `scanning` with arrays where all is
well, else by `recovery` one by one; `parsing` makes cells of each record or says what is wrong with it,
`columnar` the cells of many.
"""

from muniment.sources.delimited import DelimitedSource
from muniment.sources.format import Format
from muniment.sources.opening import open_source
from muniment.sources.source import Fingerprint, Source

__all__ = ["DelimitedSource", "Fingerprint", "Format", "Source", "open_source"]
