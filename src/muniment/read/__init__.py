"""Reading large tables and results in flat memory, from PostgreSQL, MySQL, MariaDB and SQLite.

    stream          all rows, one by one, in one pass
    batches         the same in batches
    stream_async    rows in an async program, batches_async batches
    pages           in the order of a key, nothing held between pages, resumable
    lookup          from keys to surrogate keys, many at a time

Rows come as `tuples`, `mappings`, `instances(Class)` or `models(PydanticModel)`, batches also as `arrow()`.
"""

from muniment.read.arrow import arrow
from muniment.read.asynchronous import AsyncStream, batches_async, stream_async
from muniment.read.lookups import REMEMBERED_KEYS, Lookup, lookup
from muniment.read.paging import PAGE_ROWS, Page, pages
from muniment.read.rows import BATCH_ROWS, instances, mappings, models, tuples
from muniment.read.streams import Stream, batches, stream

__all__ = [
    "BATCH_ROWS",
    "PAGE_ROWS",
    "REMEMBERED_KEYS",
    "AsyncStream",
    "Lookup",
    "Page",
    "Stream",
    "arrow",
    "batches",
    "batches_async",
    "instances",
    "lookup",
    "mappings",
    "models",
    "pages",
    "stream",
    "stream_async",
    "tuples",
]
