"""Reading XML as it streams by, with expat: in flat memory, and without entities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from xml.parsers import expat

from muniment.errors import SourceError, SourceTooLarge

TOKEN_BYTES = 16 * 1024 * 1024
"""The longest tag, all of which expat holds: those of any spreadsheet program have some hundred bytes."""

Attributes = dict[str, str]


class Handlers(NamedTuple):
    """What is called while a document streams by.

    Attributes:
        begin: with the name of an element, as it stands there, and its attributes; not of the root.
        end: with its name.
        text: with text, of which there may be several pieces between two tags.
    """

    begin: Callable[[str, Attributes], object]
    end: Callable[[str], object]
    text: Callable[[str], object]


def parse(pieces: Iterable[bytes], handlers: Callable[[str], Handlers], where: str) -> Iterator[None]:
    """Call the handlers; gives way after each piece, so that what they made can be taken.

    Args:
        pieces: the document.
        handlers: makes them for the prefix, with its colon, that the root's namespace has.
        where: what it is, for errors.

    Raises:
        SourceError: it is no well-formed XML, or declares a document type.
        SourceTooLarge: a tag is longer than `TOKEN_BYTES`.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refusing_doctypes(where)
    parser.StartElementHandler = _at_the_root(parser, handlers)
    fed = 0
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > TOKEN_BYTES:
                raise SourceTooLarge(
                    f"it has a tag of more than {TOKEN_BYTES:,} bytes",
                    hint="No spreadsheet program writes such a one: the file was made to do harm",
                    where=where,
                )
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        hint = "Open the file in a spreadsheet program and save it anew"
        raise SourceError(f"the workbook is damaged: {error}", hint=hint, where=where) from error


def _at_the_root(parser: Any, handlers: Callable[[str], Handlers]) -> Callable[[str, Attributes], None]:
    """The handler of the first element, which sets those of all others."""

    def begin(name: str, _: Attributes) -> None:
        prefix = name.removesuffix(local(name))
        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = handlers(prefix)

    return begin


def _refusing_doctypes(where: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise SourceError(
            "it declares a document type, by which XML can do harm",
            hint="No spreadsheet program writes one: open the file in such a program and save it anew",
            where=where,
        )

    return refuse


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]
