"""What storing museum records touches: the objects, their accession numbers, and rows that objects share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from muniment.footprint import Footprint, footprint
from muniment.museum.record_columns import RecordColumns
from muniment.museum.rows import Keys, Written


def museum_footprint(
    keys: Sequence[str], records: RecordColumns, names: Keys, *, unique_accessions: bool
) -> Footprint:
    """The footprint of records.

    A shared row is made by whoever comes first, and the first record's attributes stay. As long as all
    name it with the same attributes, they may come in any order.

    Args:
        keys: of the records.
        records: what they say.
        names: the business keys of shared rows.
        unique_accessions: whether an accession number belongs to one object alone.
    """
    alone = list(keys)
    if unique_accessions:
        alone += [f"accession/{accession}" for accession in records.texts("accession")]
    shared: defaultdict[str, set[object]] = defaultdict(set)
    places = range(len(records))
    written = Written(records, places, places, names)
    for vocabulary, key, attributes in written.terms_named():
        shared[f"{vocabulary}/{key}"].add(attributes)
    for key, attributes in written.actors_named():
        shared[f"actor/{key}"].add(attributes)
    return footprint(alone, shared)
