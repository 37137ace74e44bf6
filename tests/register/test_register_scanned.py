"""Closed is only said by a run that looked: an independent judge of what a run saw, on random runs and scopes."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orgaudit.model import Account, Cell, EntryState, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.extent import Extent, Scanned
from orgaudit.register.hygiene import review
from orgaudit.report.figures import ExceptionScore
from orgaudit.store.register_result import HygieneConcern
from tests.register.making import fields, finding, registered

ON = date(2025, 4, 20)
REQUIREMENTS = {"a_one": ("cis_1.4:1", "cis_2.0:1"), "b_two": ("cis_1.4:2",), "c_three": ("cis_2.0:3",)}
REGIONS = ("eu-1", "eu-2", "us-1")
EVERY = tuple(
    Account(id=f"{n}" * 12, name=f"n{n}", ou_path=unit, ou_ids=("r-abcd",), tags=tags)
    for n, unit, tags in ((1, "Root/A", {"t": "x"}), (2, "Root/B", {"t": "y"}), (3, "Root/B", None))
)


def test_requirements_of_a_framework_outside_the_run_are_not_scanned(tmp_path: Path) -> None:
    for pattern in ("cis_1.4:2.1.1", "cis_1.4:*", "cis_1*"):
        why, concerns, score = judged(tmp_path, {"controls": ["a_one", pattern], "accounts": ["1" * 12]})
        assert why == f"{pattern} was not part of this run."
        assert concerns == [HygieneConcern.EXPIRED_NOT_SCANNED]
        assert not score.closed


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ({"accounts": ["1" * 12]}, ""),
        ({"accounts": ["1" * 12, "9" * 12]}, f"Account {'9' * 12} was not part of this run."),
        ({"accounts": ["1" * 12, "2" * 12]}, f"Account {'2' * 12} was out of this run's scope."),
        ({"accounts": ["1*"], "controls": ["*"]}, "b_two was not part of this run."),
        ({"accounts": ["1" * 12], "regions": ["eu-1"]}, ""),
        ({"accounts": ["1" * 12], "regions": ["eu-*"]}, "The region eu-2 was not part of this run."),
        ({"ous": ["Root/A"], "account_tags": {"t": "x"}}, f"The tags of account {'4' * 12} are not known to this run."),
        (
            {"ous": ["Root/A", "Root/Z"], "accounts": ["5*"]},
            f"The unit of account {'5' * 12} is not known to this run.",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, scope: dict[str, Any], why: str) -> None:
    unread = Account(id="4" * 12, name="n4", ou_path="Root/A", tags=None)
    homeless = Account(id="5" * 12, name="n5", tags={})
    more = (unread, homeless) if "ous" in scope else ()
    unselected = {"1" * 12: frozenset({"eu-2"})} if scope.get("regions") == ["eu-*"] else {}
    extent = Extent(
        accounts=(EVERY[0], *more),
        outside=(EVERY[1],),
        names={"a_one": ("a_one", "cis_2.0:1")},
        beyond={"b_two": ("b_two",)},
        frameworks=frozenset({"cis_2.0"}),
        regions=frozenset({"eu-1"}),
        unselected=unselected,
    )
    found, concerns, score = judged(tmp_path, {"controls": ["a_one"]} | scope, extent)
    assert found == why
    assert score.closed is (why == "")
    assert (HygieneConcern.EXPIRED_NOT_SCANNED in concerns) is bool(why)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"status": Status.NOT_ASSESSED}, "1 of 1 evaluation in its scope not assessed."),
        ({"accepted": 2}, "1 of 1 evaluation in its scope not assessed."),
        ({"region": "global", "status": Status.NOT_ASSESSED}, "1 of 1 evaluation in its scope not assessed."),
    ],
)
def test_a_cell_that_was_not_seen_whole_closes_nothing(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    scope = {"controls": ["a_one"], "accounts": ["1" * 12], "regions": ["eu-1"]}
    assert judged(tmp_path, scope, cells=[cell(EVERY[0], "a_one", **changes)])[0] == why


@pytest.mark.parametrize(
    ("scope", "status", "why"),
    [
        ({}, Status.MANUAL, "1 finding in its scope left to a manual review."),
        ({"resource_tags": {"app": "shop"}}, Status.FAIL, "1 failing resource would be in its scope by tags"),
        ({"resource_tags": {"app": "shop"}}, Status.PASS, ""),
        ({"resource_tags": {"app": "shop"}, "resources": ["other"]}, Status.FAIL, ""),
    ],
)
def test_what_a_run_could_not_decide_closes_nothing(
    tmp_path: Path, scope: dict[str, Any], status: Status, why: str
) -> None:
    item = finding(control="a_one", account_id="1" * 12, region="eu-1", resource_tags={}, status=status)
    whole = {"controls": ["a_one"], "accounts": ["1" * 12]} | scope
    assert judged(tmp_path, whole, findings=[item])[0].startswith(why)
    assert bool(judged(tmp_path, whole, findings=[item])[0]) is bool(why)


def test_what_fails_under_another_exception_is_not_closed(tmp_path: Path) -> None:
    scope = {"controls": ["a_one"], "accounts": ["1" * 12]}
    both = registered(
        tmp_path,
        fields(id="EXC-2025-0001", scope=scope),
        fields(id="EXC-2025-0002", scope=scope | {"regions": ["eu-1"]}, expires_on="2025-04-01"),
    )
    applied = AppliedRegister(both, [EVERY[0]], ON)
    list(applied.apply([finding(control="a_one", account_id="1" * 12, region="eu-1")]))
    rows = Scanned(applied, small(), [cell(EVERY[0], "a_one")]).rows()
    assert [(row.id[-1], row.failing, row.not_scanned) for row in rows] == [("1", 1, ""), ("2", 1, "")]
    assert [ExceptionScore(row, 0, 0).closed for row in rows] == [False, False]


def small() -> Extent:
    return Extent(
        accounts=(EVERY[0],),
        names={"a_one": ("a_one", "cis_2.0:1")},
        frameworks=frozenset({"cis_2.0"}),
        regions=frozenset({"eu-1"}),
    )


def cell(account: Account, control: str, region: str = "eu-1", **changes: Any) -> Cell:
    sound: dict[str, Any] = {"status": Status.PASS} | changes
    return Cell(
        account_id=account.id,
        account_name=account.name,
        ou_path=account.ou_path,
        region=sound.pop("region", region),
        control=control,
        **sound,
    )


def judged(
    tmp_path: Path, scope: dict[str, Any], extent: Extent | None = None, *, cells: Any = None, findings: Any = ()
) -> tuple[str, list[HygieneConcern], ExceptionScore]:
    """Return what the run lacks for an expired exception of a scope, its concerns, and its line in the report."""
    extent = extent or small()
    register = registered(tmp_path, fields(scope=scope, broad=True))
    applied = AppliedRegister(register, extent.accounts, ON)
    list(applied.apply(findings))
    if cells is None:
        cells = [cell(account, control) for account in extent.accounts for control in extent.names]
    found = Scanned(applied, extent, cells)
    [row] = found.rows()
    assert row.state is EntryState.EXPIRED
    assert row.not_scanned is not None
    return row.not_scanned, [it.concern for it in review(found)], ExceptionScore(row, 0, 0)


def subset(values: Any, least: int = 1) -> Any:
    return st.lists(st.sampled_from(values), min_size=least, unique=True)


SCOPES = st.fixed_dictionaries(
    {"controls": subset(["a_one", "b_two", "c_three", "cis_1.4:1", "cis_1.4:2", "cis_2.0:1", "cis_2.0:3", "*_t*"])},
    optional={
        "accounts": subset([account.id for account in EVERY]),
        "ous": subset(["Root/A", "Root/B"]),
        "account_tags": st.sampled_from([{"t": "x"}, {"t": "y"}]),
        "regions": subset([*REGIONS, "eu-*"]),
        "except": st.fixed_dictionaries(
            {}, optional={"regions": subset(REGIONS), "accounts": subset([account.id for account in EVERY])}
        ).filter(bool),
    },
)


def matches(pattern: str, value: str) -> bool:
    """Return whether one of the three kinds of patterns of this test matches."""
    if pattern == "*_t*":
        return value in {"b_two", "c_three"}
    return value.startswith("eu-") if pattern == "eu-*" else pattern == value


def in_scope(scope: dict[str, Any], account: Account, region: str, control: str) -> bool:
    """Return whether a scope may reach a place of the organization, where all frameworks are known."""
    left = scope.get("except")
    if left and region in left.get("regions", REGIONS) and account.id in left.get("accounts", [account.id]):
        return False
    tags = scope.get("account_tags")
    return (
        any(matches(it, name) for it in scope["controls"] for name in (control, *REQUIREMENTS[control]))
        and account.id in scope.get("accounts", [account.id])
        and account.ou_path in scope.get("ous", [account.ou_path])
        and (tags is None or account.tags is None or account.tags == tags)
        and any(matches(it, region) for it in scope.get("regions", REGIONS))
    )


RUNS = st.fixed_dictionaries(
    {
        "inside": subset([0, 1, 2]),
        "regions": subset(REGIONS),
        "controls": subset(sorted(REQUIREMENTS)),
        "frameworks": subset(["cis_1.4", "cis_2.0"], least=0),
        "missed": st.sets(st.tuples(st.integers(0, 2), st.sampled_from(REGIONS), st.sampled_from(sorted(REQUIREMENTS))))
        | st.just(set()),
    }
)
WHOLE = {
    "inside": [0, 1, 2],
    "regions": [*REGIONS],
    "controls": sorted(REQUIREMENTS),
    "frameworks": ["cis_1.4", "cis_2.0"],
    "missed": set(),
}


def run_of(run: dict[str, Any]) -> tuple[Extent, list[Cell]]:
    """Return what a run set out to assess, and its cells."""

    def names(control: str) -> tuple[str, ...]:
        return (control, *(it for it in REQUIREMENTS[control] if it.partition(":")[0] in frameworks))

    inside, controls, regions, frameworks = (run[key] for key in ("inside", "controls", "regions", "frameworks"))
    cells = [
        cell(EVERY[number], control, region, status=Status.NOT_ASSESSED if missed else Status.PASS)
        for number in inside
        for control in controls
        for region in regions
        for missed in [(number, region, control) in run["missed"]]
    ]
    extent = Extent(
        accounts=tuple(EVERY[number] for number in inside),
        outside=tuple(account for number, account in enumerate(EVERY) if number not in inside),
        names={control: names(control) for control in controls},
        beyond={control: names(control) for control in REQUIREMENTS if control not in controls},
        frameworks=frozenset(frameworks),
        regions=frozenset(regions),
        unselected={EVERY[number].id: frozenset(REGIONS) - {*regions} for number in inside},
    )
    return extent, cells


@settings(max_examples=400, deadline=None)
@example(scope={"controls": ["cis_1.4:2"], "accounts": ["1" * 12], "regions": ["eu-*"]}, run=WHOLE)
@given(scope=SCOPES, run=RUNS | st.just(WHOLE))
def test_closed_is_only_said_where_every_place_in_scope_was_assessed(
    scope: dict[str, Any], run: dict[str, Any]
) -> None:
    extent, cells = run_of(run)
    with tempfile.TemporaryDirectory() as directory:
        why, concerns, score = judged(Path(directory), scope, extent, cells=cells)
    assessed = {(it.account_id, it.region, it.control) for it in cells if it.status is Status.PASS}
    places = {
        (account.id, region, control)
        for account in EVERY
        for region in REGIONS
        for control in REQUIREMENTS
        if in_scope(scope, account, region, control)
    }
    assert score.closed is (why == "")
    assert (HygieneConcern.EXPIRED_NOT_SCANNED in concerns) is bool(why)
    if run == WHOLE and places and "account_tags" not in scope:
        assert score.closed, "a run that saw everything closes what it reaches"
    if score.closed:
        assert places, "a scope that reaches nothing is closed by no run"
        assert places <= assessed
