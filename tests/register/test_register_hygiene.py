from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orgaudit.model import Account, Cell, EntryState, Finding, Severity, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.extent import Extent, Scanned, extent_of
from orgaudit.register.file.load import Register
from orgaudit.register.hygiene import review
from orgaudit.register.match import control_names
from orgaudit.register.state import state_of, today
from orgaudit.store.register_result import HygieneConcern, HygieneRemark
from tests.register.making import ACCOUNT, CONTROL, fields, finding, registered
from tests.synthetic_run import build

ON = date(2025, 2, 1)
OTHER = Account(id="444455556666", name="data", ou_path="Root/Data", ou_ids=("r-abcd", "ou-abcd-data"), tags={})
EXTENT = Extent(
    accounts=(ACCOUNT,),
    outside=(OTHER,),
    names={CONTROL: (CONTROL, "cis_2.0:3.4")},
    beyond={"s3_bucket_versioned": ("s3_bucket_versioned",)},
    frameworks=frozenset({"cis_2.0"}),
)


def cell(**changes: Any) -> Cell:
    sound: dict[str, Any] = {
        "account_id": ACCOUNT.id,
        "account_name": ACCOUNT.name,
        "ou_path": ACCOUNT.ou_path,
        "region": "eu-west-1",
        "control": CONTROL,
        "status": Status.PASS,
    }
    return Cell(**(sound | changes))


def reviewed(
    register: Register,
    *findings: Finding,
    cells: tuple[Cell, ...] = (cell(),),
    extent: Extent = EXTENT,
    on: date = ON,
    aliases: dict[str, str] | None = None,
) -> list[HygieneRemark]:
    application = AppliedRegister(register, extent.accounts, on, aliases)
    assert len(list(application.apply(findings))) == len(findings)
    return review(Scanned(application, extent, cells))


def concerns(remarks: list[HygieneRemark]) -> list[tuple[str, HygieneConcern]]:
    return [(remark.id, remark.concern) for remark in remarks]


def only(remarks: list[HygieneRemark], concern: HygieneConcern) -> HygieneRemark:
    [found] = [remark for remark in remarks if remark.concern is concern]
    return found


def lasting(**changes: object) -> dict[str, Any]:
    """Return an exception that does not expire soon."""
    return fields(**({"expires_on": "2025-06-30"} | changes))


def test_what_covers_a_finding_and_lasts_needs_nothing(tmp_path: Path) -> None:
    assert reviewed(registered(tmp_path, lasting()), finding()) == []


@pytest.mark.parametrize(
    ("scope", "cells", "concern", "words"),
    [
        ({}, (cell(),), HygieneConcern.UNUSED_FIXED, "1 of 1 evaluation assessed"),
        ({}, (cell(), cell(region="us-1")), HygieneConcern.UNUSED_FIXED, "2 of 2 evaluations assessed"),
        ({"resources": ["main"]}, (cell(status=Status.NOT_APPLICABLE),), HygieneConcern.UNUSED_FIXED, "assessed"),
        (
            {},
            (cell(), cell(region="us-1", status=Status.NOT_ASSESSED)),
            HygieneConcern.UNUSED_NOT_SCANNED,
            "1 of 2 eval",
        ),
        (
            {"regions": ["eu-west-1"]},
            (cell(), cell(region="us-1", status=Status.NOT_ASSESSED)),
            HygieneConcern.UNUSED_FIXED,
            "1 of 1",
        ),
        (
            {"except": {"regions": ["us-*"]}},
            (cell(), cell(region="us-1", status=Status.NOT_ASSESSED)),
            HygieneConcern.UNUSED_FIXED,
            "1 of 1",
        ),
        (
            {"except": {"resources": ["x"]}},
            (cell(), cell(region="us-1", status=Status.NOT_ASSESSED)),
            HygieneConcern.UNUSED_NOT_SCANNED,
            "1 of 2",
        ),
        ({"regions": ["eu-west-1", "eu-north-1"]}, (cell(),), HygieneConcern.UNUSED_NOT_SCANNED, "region eu-north-1"),
        ({"regions": ["ap-*"]}, (cell(),), HygieneConcern.UNUSED_NOT_SCANNED, "part of this run"),
        (
            {"accounts": [ACCOUNT.id, OTHER.id]},
            (cell(),),
            HygieneConcern.UNUSED_NOT_SCANNED,
            f"Account {OTHER.id} was out",
        ),
        (
            {"accounts": None, "ous": ["Root/*"]},
            (cell(),),
            HygieneConcern.UNUSED_NOT_SCANNED,
            f"Account {OTHER.id} was out",
        ),
        ({"accounts": None, "ous": ["Root/Work*"]}, (cell(),), HygieneConcern.UNUSED_FIXED, "1 of 1"),
        (
            {"controls": [CONTROL, "s3_*"]},
            (cell(),),
            HygieneConcern.UNUSED_NOT_SCANNED,
            "s3_bucket_versioned was not part",
        ),
        ({"controls": [CONTROL, "cis_9.0:1"]}, (cell(),), HygieneConcern.UNUSED_NOT_SCANNED, "cis_9.0:1 was not part"),
        ({"controls": ["cis_2.0:3.4"]}, (cell(),), HygieneConcern.UNUSED_FIXED, "1 of 1"),
    ],
)
def test_unused_is_told_apart(
    tmp_path: Path, scope: dict[str, object], cells: tuple[Cell, ...], concern: HygieneConcern, words: str
) -> None:
    whole = {"controls": [CONTROL], "accounts": [ACCOUNT.id]} | scope
    register = registered(tmp_path, lasting(scope={key: value for key, value in whole.items() if value}))
    [remark] = reviewed(register, finding(status=Status.PASS), cells=cells)
    assert (remark.concern, remark.findings) == (concern, 0)
    assert words in remark.detail


@pytest.mark.parametrize("changes", [{"approved_by": None, "approved_on": None}, {"starts_on": "2025-02-02"}])
def test_what_is_not_in_force_is_not_unused(tmp_path: Path, changes: dict[str, object]) -> None:
    assert reviewed(registered(tmp_path, lasting(**changes))) == []


def test_expired_but_still_matching_names_owner_and_days(tmp_path: Path) -> None:
    register = registered(tmp_path, fields(expires_on="2025-01-22"))
    remark = only(reviewed(register, finding(), finding(region="us-1")), HygieneConcern.EXPIRED_MATCHING)
    assert (remark.id, remark.owner, remark.findings) == ("EXC-2025-0001", "Ana <ana@example.com>", 2)
    assert (remark.days_left, remark.detail) == (-10, "Expired 10 days ago; 2 findings in its scope open again.")
    assert reviewed(register, finding(status=Status.PASS)) == []


@pytest.mark.parametrize(
    ("left", "within"), [(0, 30), (30, 30), (31, 60), (60, 60), (61, 90), (90, 90), (91, None), (149, None)]
)
def test_expiring_is_told_within_30_60_and_90_days(tmp_path: Path, left: int, within: int | None) -> None:
    ends = date.fromordinal(ON.toordinal() + left).isoformat()
    remarks = reviewed(registered(tmp_path, fields(expires_on=ends)), finding())
    assert [(remark.concern, remark.within, remark.days_left, remark.findings) for remark in remarks] == (
        [] if within is None else [(HygieneConcern.EXPIRING, within, left, 1)]
    )


def test_overlapping_pairs_are_counted_and_the_shadowed_told(tmp_path: Path) -> None:
    wide = lasting(id="EXC-2025-0001", scope={"controls": [CONTROL], "ous": ["Root/Workloads"]})
    register = registered(tmp_path, wide, lasting(id="EXC-2025-0002"))
    remarks = reviewed(register, finding(), finding(region="us-1"))
    assert concerns(remarks) == [
        ("EXC-2025-0001", HygieneConcern.OVERLAPPING),
        ("EXC-2025-0001", HygieneConcern.SHADOWED),
    ]
    assert (remarks[0].other, remarks[0].findings) == ("EXC-2025-0002", 2)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"accounts": ["999999999999", ACCOUNT.id]}, "Account 999999999999 is not in the organization."),
        ({"accounts": ["9*", ACCOUNT.id]}, "Account 9* is not in the organization."),
        ({"ous": ["Root/Gone", "Root/Workloads"]}, "No account is in the unit Root/Gone."),
        ({"controls": ["s3_gone", CONTROL], "accounts": [ACCOUNT.id]}, "No control or requirement is called s3_gone."),
        ({"controls": ["cis_2.0:9", CONTROL], "accounts": [ACCOUNT.id]}, "requirement is called cis_2.0:9."),
        ({"controls": ["gone_*", CONTROL], "accounts": [ACCOUNT.id]}, "requirement is called gone_*."),
    ],
)
def test_orphans_are_told(tmp_path: Path, scope: dict[str, object], words: str) -> None:
    register = registered(tmp_path, lasting(scope={"controls": [CONTROL]} | scope))
    assert words in only(reviewed(register, finding()), HygieneConcern.ORPHANED).detail


def test_the_old_id_of_a_renamed_control_is_no_orphan_and_reaches_the_new(tmp_path: Path) -> None:
    register = registered(tmp_path, lasting(scope={"controls": ["trail_old"], "accounts": [ACCOUNT.id]}))
    aliases = {"trail_old": CONTROL}
    assert reviewed(register, finding(), aliases=aliases) == []
    [fixed] = reviewed(register, finding(status=Status.PASS), aliases=aliases)
    assert (fixed.concern, fixed.detail) == (
        HygieneConcern.UNUSED_FIXED,
        "Nothing in its scope fails; 1 of 1 evaluation assessed.",
    )
    [unknown] = reviewed(register, finding())
    assert unknown.concern is HygieneConcern.ORPHANED


def test_a_run_of_before_a_renaming_has_assessed_what_the_old_id_names(tmp_path: Path) -> None:
    register = registered(tmp_path, lasting(scope={"controls": ["trail_old"], "accounts": [ACCOUNT.id]}))
    before = Extent(accounts=(ACCOUNT,), names={"trail_old": ("trail_old",)}, beyond={CONTROL: (CONTROL,)})
    passed = finding(control="trail_old", status=Status.PASS)
    aliases = {"trail_old": CONTROL}
    [fixed] = reviewed(register, passed, cells=(cell(control="trail_old"),), extent=before, aliases=aliases)
    assert fixed.concern is HygieneConcern.UNUSED_FIXED


def test_a_closed_account_orphans_and_an_orphan_is_not_unused_too(tmp_path: Path) -> None:
    closed = Account(id="777788889999", name="old", state="CLOSED")
    register = registered(tmp_path, lasting(scope={"controls": [CONTROL], "accounts": [closed.id]}))
    extent = Extent(accounts=(ACCOUNT, closed), names=EXTENT.names, beyond=EXTENT.beyond)
    [remark] = reviewed(register, extent=extent)
    assert (remark.concern, remark.detail) == (HygieneConcern.ORPHANED, f"Account {closed.id} is closed.")


@pytest.mark.parametrize(
    "scope",
    [
        {"controls": ["cis_9.0:1", CONTROL], "accounts": [ACCOUNT.id]},
        {"controls": ["s3_bucket_versioned", CONTROL], "accounts": [OTHER.id, ACCOUNT.id]},
    ],
)
def test_what_the_run_left_out_is_no_orphan(tmp_path: Path, scope: dict[str, object]) -> None:
    assert reviewed(registered(tmp_path, lasting(scope=scope)), finding()) == []


def test_without_an_organization_no_account_has_left(tmp_path: Path) -> None:
    register = registered(tmp_path, lasting(scope={"controls": [CONTROL], "accounts": ["999999999999", ACCOUNT.id]}))
    extent = Extent(accounts=(ACCOUNT,), whole=False, names=EXTENT.names, beyond=EXTENT.beyond)
    assert reviewed(register, finding(), extent=extent) == []


@pytest.mark.parametrize(("limit", "grown"), [(1, True), (2, False)])
def test_grown_past_max_findings(tmp_path: Path, limit: int, grown: bool) -> None:
    register = registered(tmp_path, lasting(max_findings=limit))
    remarks = reviewed(register, finding(), finding(region="us-1"), finding(region="us-2", status=Status.PASS))
    assert [(remark.concern, remark.findings) for remark in remarks] == ([(HygieneConcern.GROWN, 2)] if grown else [])


@pytest.mark.parametrize(("review_by", "passed"), [("2025-01-31", True), ("2025-02-01", False)])
def test_a_review_that_passed(tmp_path: Path, review_by: str, passed: bool) -> None:
    remarks = reviewed(registered(tmp_path, lasting(review_by=review_by)), finding())
    assert [remark.concern for remark in remarks] == ([HygieneConcern.REVIEW_PASSED] if passed else [])


def test_too_long_for_the_severity_is_told_and_not_called_unused(tmp_path: Path) -> None:
    [remark] = reviewed(registered(tmp_path, lasting()), finding(severity=Severity.CRITICAL))
    assert (remark.concern, remark.findings) == (HygieneConcern.TOO_LONG, 1)
    assert "critical findings may be excepted for 30" in remark.detail


def test_the_most_pressing_comes_first(tmp_path: Path) -> None:
    assert [concern.value for concern in HygieneConcern][:2] == ["expired_matching", "too_long"]
    register = registered(
        tmp_path,
        lasting(id="EXC-2025-0001", scope={"controls": [CONTROL], "regions": ["none-*"], "accounts": [ACCOUNT.id]}),
        fields(id="EXC-2025-0002", expires_on="2025-01-15"),
        fields(id="EXC-2025-0003", expires_on="2025-03-20", scope={"controls": ["cis_2.0:3.4"], "ous": ["Root/Data"]}),
    )
    order = list(HygieneConcern)
    remarks = reviewed(register, finding())
    assert [order.index(remark.concern) for remark in remarks] == sorted(
        order.index(remark.concern) for remark in remarks
    )
    assert remarks[0].id == "EXC-2025-0002"


@pytest.mark.parametrize("concern", HygieneConcern)
def test_every_concern_has_a_heading_and_a_remedy(concern: HygieneConcern) -> None:
    assert concern.heading
    assert concern.remedy.endswith(".")


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("Asia/Tokyo", 9), ("Europe/Berlin", 2), ("America/Bogota", -5)],
)
def test_the_last_minute_of_the_last_day_covers_and_the_first_of_the_next_does_not(
    tmp_path: Path, zone: str, offset: int
) -> None:
    register = registered(tmp_path, fields(expires_on="2025-03-31"))
    before = datetime(2025, 3, 31, 23, 59, tzinfo=UTC).timestamp() - offset * 3600
    marks = []
    for moment in (before, before + 120):
        on = today(datetime.fromtimestamp(moment, UTC), zone)
        [marked] = AppliedRegister(register, [ACCOUNT], on).apply([finding()])
        assert marked.exception is not None
        marks.append((marked.exception.state, marked.exception.days_overdue))
    assert marks == [("expiring", 0), ("expired", 1)]


@pytest.mark.parametrize(("as_of", "state"), [("2025-03-31", EntryState.EXPIRING), ("2025-04-01", EntryState.EXPIRED)])
def test_a_given_date_needs_no_zone(tmp_path: Path, as_of: str, state: EntryState) -> None:
    [entry] = registered(tmp_path, fields(expires_on="2025-03-31")).exceptions
    assert state_of(entry, date.fromisoformat(as_of), 30) is state


def test_closed_entries_are_kept_and_say_how_they_ended(tmp_path: Path) -> None:
    ended = [{"when": "2025-01-20", "who": "jo", "what": "revoked", "why": "Mended."}]
    application = AppliedRegister(registered(tmp_path, fields(history=ended)), (), ON)
    [row] = application.exceptions()
    assert (row.state, row.ending) == (EntryState.REVOKED, "2025-01-20, jo: Mended.")


def test_drafts_and_what_has_no_owner_are_listed(tmp_path: Path) -> None:
    draft = {"id": "EXC-2025-0003", "title": "Half", "ticket": "SEC-3"}
    rejected = {
        "id": "EXC-2025-0004",
        "history": [{"when": "2025-01-20", "who": "jo", "what": "rejected", "why": "No."}],
    }
    owned = {"id": "EXC-2025-0005", "owner": "Platform team"}
    register = registered(tmp_path, draft, rejected, owned, fields(id="EXC-2025-0006", owner=None))
    remarks = {(it.id[-1], it.concern): it for it in reviewed(register)}
    assert remarks.keys() == {
        ("3", HygieneConcern.DRAFT),
        ("3", HygieneConcern.NO_OWNER),
        ("5", HygieneConcern.DRAFT),
        ("6", HygieneConcern.NO_OWNER),
    }
    half = remarks["3", HygieneConcern.DRAFT]
    assert half.detail == "Lacks type, scope, justification, owner, starts_on, expires_on."
    assert (half.expires_on, half.days_left, half.owner) == (None, None, "")
    assert "owner" not in remarks["5", HygieneConcern.DRAFT].detail
    assert "invalid entry, on line" in remarks["6", HygieneConcern.NO_OWNER].detail


FILES = {CONTROL: ("cis_4.0:3.1", "soc2:CC7.2"), "s3_bucket_versioned": ("soc2:A1.2",)}
"""The requirements of all framework files by their controls."""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("soc2:CC7.2", (HygieneConcern.UNUSED_FIXED, "Nothing in its scope fails")),
        ("soc2:A1.2", (HygieneConcern.UNUSED_NOT_SCANNED, "s3_bucket_versioned was not part of this run")),
        ("soc2:A9.9", (HygieneConcern.ORPHANED, "No control or requirement is called soc2:A9.9")),
        ("hipaa:1", (HygieneConcern.ORPHANED, "No control or requirement is called hipaa:1")),
        ("soc2:*", (HygieneConcern.UNUSED_NOT_SCANNED, "s3_bucket_versioned was not part of this run")),
    ],
)
def test_requirements_of_frameworks_that_the_run_did_not_use_are_known(
    tmp_path: Path, name: str, says: tuple[HygieneConcern, str]
) -> None:
    register = registered(tmp_path, fields(scope={"controls": [name], "accounts": [ACCOUNT.id]}))
    inside, outside = (control_names(control, [], {}, FILES) for control in FILES)
    extent = replace(
        EXTENT,
        names={CONTROL: inside},
        beyond={outside[0]: outside},
        frameworks=frozenset({"cis_4.0", "soc2"}),
        all_frameworks=True,
    )
    application = AppliedRegister(register, extent.accounts, ON, requirements=FILES)
    concern, words = says
    scanned = Scanned(application, extent, (cell(),))
    found = [it for it in review(scanned) if it.concern is not HygieneConcern.EXPIRING]
    assert [it.concern for it in found] == [concern]
    assert words in found[0].detail


def test_a_run_knows_its_own_requirements_and_those_of_all_files_by_former_ids_too(tmp_path: Path) -> None:
    manifest = build(tmp_path / "r", accounts=1, controls=1).read_manifest()
    old = manifest.controls[0].id
    extent = extent_of(manifest, {CONTROL, "s3_bucket_versioned"}, {old: CONTROL}, FILES)
    assert extent.names == {old: (old, "cis_4.0:1.1", "cis_4.0:3.1", "soc2:CC7.2")}
    assert extent.beyond["s3_bucket_versioned"] == ("s3_bucket_versioned", "soc2:A1.2")
    assert extent.frameworks == {"cis_4.0", "soc2"}
