import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgaudit.register.workbook.merge import Conflict, merge

IDS = ("A", "B", "C")
FIELDS = ("title", "owner", "scope.controls")
texts = st.text(alphabet="xyz", max_size=2)
entries = st.fixed_dictionaries({}, optional={field: texts.filter(bool) for field in FIELDS})
sides = st.dictionaries(st.sampled_from(IDS), entries)


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "edits", "conflicts"),
    [
        ("a", "a", "a", {}, 0),
        ("a", "b", "a", {"A": {"title": "b"}}, 0),
        ("a", "a", "b", {}, 0),
        ("a", "b", "b", {}, 0),
        ("a", "b", "c", {}, 1),
        ("a", "", "a", {"A": {"title": ""}}, 0),
        ("a", "", "c", {}, 1),
        ("a", "b", "", {}, 1),
        ("", "b", "", {"A": {"title": "b"}}, 0),
    ],
)
def test_one_field_three_ways(
    base: str, theirs: str, ours: str, edits: dict[str, dict[str, str]], conflicts: int
) -> None:
    merged = merge({"A": {"title": base}}, {"A": {"title": theirs}}, {"A": {"title": ours}})
    assert (merged.edits, len(merged.conflicts)) == (edits, conflicts)


def test_an_absent_row_changes_nothing() -> None:
    merged = merge({"A": {"title": "a"}}, {}, {"A": {"title": "a"}})
    assert (merged.edits, merged.conflicts) == ({}, [])


def test_a_deleted_entry_stays_deleted_and_an_edit_to_it_conflicts() -> None:
    base = {"A": {"title": "a"}}
    assert merge(base, {"A": {"title": "a"}}, {}).conflicts == []
    merged = merge(base, {"A": {"title": "b"}}, {})
    assert merged.edits == {}
    assert merged.conflicts == [Conflict(id="A", field="title", base="a", theirs="b", ours=None)]


def test_different_fields_of_one_entry_both_hold() -> None:
    base = {"A": {"title": "a", "owner": "o"}}
    merged = merge(base, {"A": {"title": "b", "owner": "o"}}, {"A": {"title": "a", "owner": "p"}})
    assert (merged.edits, merged.conflicts) == ({"A": {"title": "b"}}, [])


@settings(max_examples=1000, deadline=None)
@given(base=sides, data=st.data())
def test_no_edit_of_either_side_is_ever_lost_and_nothing_deleted_comes_back(
    base: dict[str, dict[str, str]], data: st.DataObject
) -> None:
    theirs = {name: data.draw(entries) for name in base if data.draw(st.booleans())}
    ours = {name: data.draw(entries) for name in base if data.draw(st.booleans())}
    ours |= {name: data.draw(entries) for name in string.digits[:2]}
    merged = merge(base, theirs, ours)
    conflicts = {(it.id, it.field) for it in merged.conflicts}
    assert merged.edits.keys() <= ours.keys()
    for name in ours:
        for field in FIELDS:
            was = base.get(name, {}).get(field, "")
            is_now = ours[name].get(field, "")
            wished = theirs.get(name, {}).get(field, "") if name in theirs else was
            result = merged.edits.get(name, {}).get(field, is_now)
            if (name, field) in conflicts:
                assert is_now != was != wished != is_now
            else:
                assert wished in (was, result)
                assert is_now in (was, result)
    for name in theirs.keys() - ours.keys():
        changed = {field for field in FIELDS if theirs[name].get(field, "") != base[name].get(field, "")}
        assert {field for found, field in conflicts if found == name} == changed
