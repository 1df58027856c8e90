"""The `table` profile: any Pydantic model into one table."""

from muniment.table.model import PrimaryKey, table_of
from muniment.table.profile import TableProfile

__all__ = ["PrimaryKey", "TableProfile", "table_of"]
