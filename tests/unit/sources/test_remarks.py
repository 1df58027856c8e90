"""What there is to say of a header before anything is loaded."""

from __future__ import annotations

from muniment.records import Header
from muniment.sources.remarks import remarks, unsettled


def told(names: tuple[str, ...], mapped: list[tuple[str, ...]]) -> dict[str, str]:
    return {problem.code: problem.message for problem in remarks(Header(names, names), mapped)}


def test_columns_that_are_not_there_are_named_with_the_nearest() -> None:
    assert told(("sku", "PRICE", "colour"), [("sku",), ("price",), ("size",)]) == {
        "absent-columns": "the source has no columns price (the nearest: PRICE), size; they count as empty",
        "unmapped-columns": "no mapping mentions the columns PRICE, colour; they are not loaded",
    }


def test_a_column_that_is_there_by_one_of_its_names_is_not_missed() -> None:
    assert told(("Artikel",), [("Artikel", "sku")]) == {}


def test_what_a_draft_still_asks_its_reader_is_told_by_its_lines() -> None:
    (remark,) = unsettled('[institution]\nname = "a"  # TODO: the name\nid = "todo"\n# x = 1  #TODO: what?\n')
    assert (remark.code, remark.message) == (
        "unsettled-mapping",
        "the mapping still has TODO on lines 2, 4",
    )
    (remark,) = unsettled("# TODO\n" * 9)
    assert remark.message == "the mapping still has TODO on lines 1, 2, 3, 4, 5 and more"
    assert unsettled('title = "TODO"\nnull = ["# TODO"]\n# TODOS are done\n') == []
