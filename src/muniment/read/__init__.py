"""Reading large tables and results in flat memory, from PostgreSQL, MySQL, MariaDB and SQLite.

    stream          all rows, one by one, in one pass
    batches         the same in batches

Rows come as `tuples`, `mappings`, `instances(Class)` or `models(PydanticModel)`.
"""

from muniment.read.rows import instances, mappings, models, tuples
from muniment.read.streams import BATCH_ROWS, Stream, batches, stream

__all__ = [
    "BATCH_ROWS",
    "Stream",
    "batches",
    "instances",
    "mappings",
    "models",
    "stream",
    "tuples",
]
