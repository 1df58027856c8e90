"""The catalogue of faults, held to the tests that are marked with its numbers."""

from __future__ import annotations

from tests.faults.catalogue import DATABASES, DOES_NOT_APPLY, FAULTS, NOT_COVERED, marks


def test_each_fault_is_tested_on_each_database_or_it_is_said_why_not() -> None:
    tested = {(mark.number, name) for mark in marks() for name in mark.databases}
    excused = DOES_NOT_APPLY.keys() | NOT_COVERED.keys()
    every = {(number, name) for number in FAULTS for name in DATABASES}
    assert every - tested == excused - tested
    assert NOT_COVERED.keys() & tested == set()
