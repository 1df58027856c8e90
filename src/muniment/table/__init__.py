"""The `table` profile: any Pydantic model, or columns of a mapping, into one table."""

from muniment.table.lookups import Lookup
from muniment.table.mapping import Mode, TableMapping
from muniment.table.model import PrimaryKey, table_of
from muniment.table.profile import TableProfile

__all__ = ["Lookup", "Mode", "PrimaryKey", "TableMapping", "TableProfile", "table_of"]
