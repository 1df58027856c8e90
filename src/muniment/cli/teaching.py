"""Commands whose docstring is their help."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

KEEP_LINES = "\b\n"
"""Before a paragraph of help: its line breaks stay."""


def help_text(command: Callable[..., Any]) -> str:
    """The docstring as help, in which paragraphs with indented lines, such as examples, keep their form."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(KEEP_LINES + text if "\n  " in text else text for text in paragraphs)


def command_of(name: str, made_from: typer.Typer | Callable[..., Any]) -> Any:
    """What typer makes of a function, or of several that stand under one name."""
    if isinstance(made_from, typer.Typer):
        return typer.main.get_group(made_from)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    add_command(alone, name, made_from)
    return typer.main.get_command(alone)


def add_command(app: typer.Typer, name: str, command: Callable[..., Any]) -> None:
    """Make a function a command of this name."""
    app.command(name, help=help_text(command))(command)
