"""Whether an actor is a person or a group: as the export's own word for it says."""

from __future__ import annotations

from typing import Literal

from muniment.museum.publishing.objects import Actor

PERSONS = frozenset(("person", "individual", "artist", "maker", "human", "people", "man", "woman"))
GROUPS = frozenset(
    (
        *("group", "organization", "organisation", "institution", "museum", "society", "corporate"),
        *("company", "firm", "manufacturer", "manufactory", "workshop", "studio", "factory"),
        *("collaboration", "family", "couple"),
    )
)
"""Words for kinds of actors, one of which stands in what a collection system calls them."""


def kind_of(actor: Actor) -> Literal["person", "group"] | None:
    """What the actor is; `None` where the export does not say."""
    kind = (actor.kind or "").casefold()
    if kind in PERSONS:
        return "person"
    return "group" if GROUPS.intersection(kind.split()) else None
