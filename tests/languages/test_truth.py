"""Three-valued truth: Kleene's tables, and what an unknown depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.languages.truth import FALSE, TRUE, UNKNOWN, Truth, all_of, any_of, truth_of, unknown

truths = st.sampled_from([TRUE, FALSE, UNKNOWN, unknown("a"), unknown("b", "a"), unknown("c")])
ORDER = [False, None, True]


@given(st.lists(truths))
def test_all_is_the_least_and_any_the_most(found: list[Truth]) -> None:
    values = [truth.value for truth in found]
    assert all_of(found).value is min(values, key=ORDER.index, default=True)
    assert any_of(found).value is max(values, key=ORDER.index, default=False)


@given(st.lists(truths))
def test_all_and_any_change_places_with_their_opposites(found: list[Truth]) -> None:
    assert all_of(truth.negated() for truth in found) == any_of(found).negated()


@given(st.lists(truths))
def test_an_unknown_depends_on_what_its_unknown_parts_do_once_each(found: list[Truth]) -> None:
    for joined in (all_of(found), any_of(found)):
        names = [name for truth in found for name in truth.depends_on]
        assert joined.depends_on == (tuple(dict.fromkeys(names)) if joined.value is None else ())


@pytest.mark.parametrize(("join", "decisive"), [(all_of, FALSE), (any_of, TRUE)])
def test_nothing_is_evaluated_after_the_part_that_decides(
    join: Callable[[Iterable[Truth]], Truth], decisive: Truth
) -> None:
    parts = iter([UNKNOWN, decisive, UNKNOWN])
    assert join(parts) == decisive
    assert list(parts) == [UNKNOWN]


def test_certain_truths() -> None:
    assert (truth_of(True), truth_of(False)) == (TRUE, FALSE)
    assert (TRUE.negated(), FALSE.negated(), unknown("a").negated()) == (FALSE, TRUE, unknown("a"))
