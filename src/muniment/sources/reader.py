"""What reads the chunks of a delimited text: plain data, which can be sent to another process or machine."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.records import HUGE_BYTES, Chunk, Header, Place, Records
from muniment.sources.columnar import read_columns
from muniment.sources.parsing import Parser


@dataclass(frozen=True, slots=True)
class ChunkReader:
    """Reads chunks that its source has cut; see `muniment.sources.source.Reader`."""

    parser: Parser
    header: Header
    first: Place
    name: str

    def records(self, chunk: Chunk, *, by_column: bool = False) -> Records:
        """As in `Reader`."""
        if chunk.layout is None:
            raise ValueError("only chunks that this source has cut can be read")
        # Python's own reader takes a dozen times the bytes of a huge cell for a while.
        columns = (by_column or len(chunk.data) > HUGE_BYTES) and self.parser.is_delimited
        found = read_columns(self.parser, self.header, chunk, chunk.layout) if columns else None
        return found or self.parser.records(self.header, chunk, chunk.layout)
