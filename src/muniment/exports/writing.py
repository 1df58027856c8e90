"""An export: its parts, written one by one or by several processes, taken up where it was interrupted.

A part is a range of keys; its files depend on nothing but the request and the database's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.errors import MunimentError, UsageError
from muniment.exports.changes import last_run, state_of
from muniment.exports.dataset import Dataset, Key
from muniment.exports.manifest import Account, FileEntry
from muniment.exports.processes import done_by_processes
from muniment.exports.storage import Storage
from muniment.exports.streams import Hashed, compressed
from muniment.ledger import reading
from muniment.memory import rare_collections

MANIFEST = "manifest.json"

PART_ITEMS = 10_000
"""The least items of a part, where files hold fewer: each part costs an entry in the account, and an
interrupted one is written again."""

FOLDER_FILES = 1_000
"""Files of one folder, where there are thousands: few tools like more."""


@dataclass(frozen=True)
class Plan:
    """Everything about an export but its database; plain data, so that any process may have it.

    Attributes:
        storage: where the files go.
        datasets: what they hold.
        compression: "", `gz` or `zst`.
        file_items: items of a file; None for all in one.
        file_name: the name of the one file, for an export into one.
        documents: small files that go with them, by name.
        told: what the manifest tells of the choice.
    """

    storage: Storage
    datasets: tuple[Dataset, ...]
    compression: str = ""
    file_items: int | None = None
    file_name: str = ""
    documents: Mapping[str, bytes] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Where the account of the export is kept."""
        return Account(self.storage, f"{self.file_name}.{MANIFEST}" if self.file_name else MANIFEST)

    def request(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """All that decides what the files hold, for telling one export from another."""
        chosen = [f"{dataset.format.name}: {dataset.description()}" for dataset in self.datasets]
        return {
            "datasets": chosen,
            "compression": self.compression,
            "file_items": self.file_items,
            "state": dict(state),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A range of one dataset's items, behind `after` up to `last`.

    Attributes:
        number: counted over the whole export, from 0.
        dataset: its place in the plan.
        items: how many there are.
        first_file: the number of its first file among those of the dataset, from 1.
        alone: whether the dataset has one file.
    """

    number: int
    dataset: int
    after: Key | None
    last: Key | None
    items: int
    first_file: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is: items written, of how many in all."""

    written: int
    items: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to.

    Attributes:
        status: `done`, or `already exported` where everything was there.
        manifest: where its account is.
        files: how many; records: by what they hold, how many.
        cut: values of which the format could hold only the beginning.
        notes: what whoever reads the files should know, a sentence each.
    """

    status: str
    manifest: str
    files: int
    records: Mapping[str, int]
    cut: int = 0
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The attributes, as plain data."""
        names = ("status", "manifest", "files", "cut")
        plain = {name: getattr(self, name) for name in names}
        return plain | {"records": dict(self.records), "notes": list(self.notes)}


Observer = Callable[[Progress], None]


def run_export(
    plan: Plan,
    database: Database,
    url: str,
    state: Mapping[str, Any],
    *,
    workers: int,
    again: bool,
    observer: Observer,
) -> Exported:
    """Write what is not written yet, and the manifest once everything is there.

    Args:
        plan: what to write, and where.
        database: to read from; `url` is where other processes find it.
        url: see `database`.
        state: the database's when the plan was made.
        workers: processes that write; 1 for this one alone.
        again: replace an export that is there, or one that was begun of another state.
        observer: is told after each part how far it is.

    Raises:
        UsageError: there is another export.
        MunimentError: the database changed meanwhile.
    """
    account = plan.account
    with reading(database) as connection:
        request = plan.request(state)
        if not again and _is_there(account, request):
            return _summary(account, "already exported")
        done = _taken_up(account, request, again=again)
        parts = list(_parts(connection, plan))
    _write_parts(plan, [part for part in parts if part.number not in done], database, url, workers, observer)
    with reading(database) as connection:
        if state_of(connection) != state:
            raise MunimentError(
                "the database changed while it was exported",
                where=database.label,
                hint="Run the same command again with --again when nothing is being loaded",
            )
        told = {**plan.told, "last_run": last_run(connection), "request": request}
    documents = list(_write_documents(plan))

    def entries() -> Iterator[FileEntry]:
        yield from account.files([part.number for part in parts])
        yield from documents

    totals = _totals(entries())
    account.finish({**told, **totals}, entries())
    return _exported("done", account, told | totals)


def _is_there(account: Account, request: Mapping[str, Any]) -> bool:
    manifest = account.complete()
    if manifest is None:
        return False
    if manifest.get("request") == request:
        return True
    raise UsageError(
        "there is another export already, or one of another state of the database",
        where=f"{account.storage.label}/{account.name}",
        hint="Give --again to replace it, or name another place",
    )


def _taken_up(account: Account, request: Mapping[str, Any], *, again: bool) -> set[int]:
    """The parts that are whole already; begins anew where there are none that can be used."""
    before = account.begun()
    if before == request and account.complete() is None:
        return account.parts()
    if before is not None and before != request and not again:
        raise UsageError(
            "another export was begun here, or the database has changed since",
            where=account.storage.label,
            hint="Give --again to begin anew, or name another place",
        )
    account.begin(request)
    return set()


def _parts(connection: sa.Connection, plan: Plan) -> Iterator[Part]:
    number = 0
    for index, dataset in enumerate(plan.datasets):
        files_a_part = max(1, PART_ITEMS // plan.file_items) if plan.file_items else 1
        size = plan.file_items * files_a_part if plan.file_items else None
        found = list(_cuts(connection, dataset, size))
        connection.rollback()
        after = None
        for position, (last, items) in enumerate(found):
            first = 1 + position * files_a_part
            alone = len(found) == 1 and (plan.file_items is None or items <= plan.file_items)
            yield Part(number, index, after, last, items, first, alone)
            number, after = number + 1, last


def _cuts(connection: sa.Connection, dataset: Dataset, size: int | None) -> Iterator[tuple[Key | None, int]]:
    """Where to cut; without a size there is one part, and so there is where there are no items."""
    if size is not None:
        cuts = list(dataset.cuts(connection, size))
    else:
        every = list(dataset.cuts(connection, PART_ITEMS))
        cuts = [(every[-1][0], sum(items for _, items in every))] if every else []
    if cuts or not dataset.optional:
        yield from cuts or [(None, 0)]


def _write_parts(
    plan: Plan, parts: Sequence[Part], database: Database, url: str, workers: int, observer: Observer
) -> None:
    items, written = sum(part.items for part in parts), 0
    observer(Progress(0, items))
    for part in _written(plan, parts, database, url, workers):
        written += part.items
        observer(Progress(written, items))


def _written(plan: Plan, parts: Sequence[Part], database: Database, url: str, workers: int) -> Iterator[Part]:
    """Each part as soon as it is written."""
    if min(workers, len(parts)) <= 1:
        for part in parts:
            _write_part(plan, part, database)
            yield part
        return
    work = partial(_write_part_elsewhere, plan, url)
    yield from done_by_processes(work, parts, min(workers, len(parts)))


def _write_part_elsewhere(plan: Plan, url: str, part: Part) -> None:
    with closing(connect(url)) as database:
        _write_part(plan, part, database)


def _write_part(plan: Plan, part: Part, database: Database) -> None:
    dataset = plan.datasets[part.dataset]
    files: list[FileEntry] = []
    with rare_collections(), reading(database) as connection:
        pages = dataset.pages(connection, part.after, part.last) if part.items else iter(())
        left = part.items
        items = _Items(pages)
        while left or not files:
            number = part.first_file + len(files)
            wanted = min(left, plan.file_items or left)
            files.append(_write_file(plan, dataset, _file_name(plan, dataset, part, number), items, wanted))
            left -= wanted
    plan.account.enter(part.number, files)


class _Items:
    """Items that come in pages, handed out by number."""

    def __init__(self, pages: Iterator[Sequence[Any]]) -> None:
        self._pages = pages
        self._page: Sequence[Any] = ()

    def take(self, count: int) -> Iterator[Sequence[Any]]:
        """The next so many, in pages."""
        while count:
            if not self._page:
                self._page = next(self._pages, ())
            if not self._page:
                raise MunimentError(
                    "the database changed while it was exported",
                    hint="Run the same command again with --again when nothing is being loaded",
                )
            taken, self._page = self._page[:count], self._page[count:]
            count -= len(taken)
            yield taken


def _file_name(plan: Plan, dataset: Dataset, part: Part, number: int) -> str:
    ending = dataset.format.suffix + (f".{plan.compression}" if plan.compression else "")
    if plan.file_name and not dataset.optional:
        return plan.file_name
    if plan.file_name:
        return f"{plan.file_name}.{dataset.name}{ending}"
    if part.alone:
        return dataset.name + ending
    if plan.file_items and plan.file_items < PART_ITEMS // FOLDER_FILES:
        return f"{dataset.name}/{(number - 1) // FOLDER_FILES + 1:05}/{number:08}{ending}"
    return f"{dataset.name}-{number:05}{ending}"


def _write_file(plan: Plan, dataset: Dataset, name: str, items: _Items, count: int) -> FileEntry:
    with plan.storage.writing(name) as stream:
        hashed = Hashed(stream)
        with compressed(hashed, plan.compression) as packed:
            writer = dataset.format.writer(packed)
            for page in items.take(count):
                writer.write(page)
            writer.finish()
    return FileEntry(name, dataset.name, count, hashed.size, hashed.sha256, writer.cut)


def _write_documents(plan: Plan) -> Iterator[FileEntry]:
    for name, content in plan.documents.items():
        with plan.storage.writing(name) as stream:
            hashed = Hashed(stream)
            hashed.write(content)
        yield FileEntry(name, "document", 0, hashed.size, hashed.sha256)


def _totals(entries: Iterator[FileEntry]) -> dict[str, Any]:
    records: dict[str, int] = {}
    files = cut = 0
    for entry in entries:
        files, cut = files + 1, cut + entry.cut
        if entry.of != "document":
            records[entry.of] = records.get(entry.of, 0) + entry.records
    return {"records": records, "file_count": files, "cut": cut}


def _summary(account: Account, status: str) -> Exported:
    return _exported(status, account, account.complete() or {})


def _exported(status: str, account: Account, told: Mapping[str, Any]) -> Exported:
    where = f"{account.storage.label}/{account.name}"
    notes = tuple(told.get("notes", ()))
    return Exported(status, where, told["file_count"], told["records"], told["cut"], notes)
