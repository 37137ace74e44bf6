"""Requirements in a scope: what they stand for, what an approval records, and what happens when a framework changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orgaudit.register import lifecycle
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import EXCEPTIONS
from orgaudit.register.extent import Extent, Scanned
from orgaudit.register.file.load import Register, with_resolved_names
from orgaudit.register.hygiene import review
from orgaudit.register.lifecycle import Step
from orgaudit.register.names import KnownNames
from orgaudit.settings.control_names import ControlNames
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.register_result import HygieneConcern
from tests.register.making import ACCOUNT, ACCOUNTS, CONTROL, entry, fields, finding, registered

ON = date(2025, 2, 1)
OTHER = "s3_bucket_versioned"


def names(**controls: tuple[str, ...]) -> KnownNames:
    """Return the names by a framework in which CloudTrail.1 is decided by CONTROL, unless a keyword says otherwise."""
    decided = {"CloudTrail_1": (CONTROL,), "Both_1": (CONTROL, OTHER)} | controls
    requirements = tuple(
        Requirement(id=name.replace("_", "."), title=name, assessment=Assessment.AUTOMATED, controls=each)
        for name, each in decided.items()
    )
    loaded = {
        "fsbp": Framework(id="fsbp", title="FSBP", version="1", requirements=requirements),
        **{
            name: Framework(
                id=name,
                title="CIS",
                version="1",
                requirements=(Requirement(id="1.6", title="t", assessment=Assessment.AUTOMATED, controls=(CONTROL,)),),
            )
            for name in ("cis_3.0", "cis_4.0")
        },
    }
    return KnownNames(
        controls=frozenset({CONTROL, OTHER, "s3_more"}), aliases={"cloudtrail_on": CONTROL}, frameworks=loaded
    )


def applied(register: Register, known: KnownNames) -> AppliedRegister:
    return AppliedRegister(register, (ACCOUNT,), ON, known.aliases, requirements=known.resolver.by_control())


def covered(register: Register, known: KnownNames, control: str) -> bool:
    found = applied(register, known)
    [after] = found.apply([finding(control=control, requirements=[])])
    return after.exception is not None


def scope(*controls: str, **more: object) -> dict[str, object]:
    return {"controls": list(controls), "accounts": list(ACCOUNTS), **more}


def approved(known: KnownNames, **changes: object) -> dict[str, Any]:
    """Return an exception as `approve` writes it."""
    waiting = fields(approved_by=None, approved_on=None, expires_on="2025-06-30", **changes)
    change = lifecycle.approved(EXCEPTIONS, waiting, Step("jo@example.com", ON, "seen"), meanings=known.meanings)
    noted = {**change.event, "when": "2025-02-01", "until": "2025-06-30"}
    return {**waiting, **change.changes, "approved_on": "2025-02-01", "history": [noted]}


@pytest.mark.parametrize(
    ("controls", "covers"),
    [
        (["CloudTrail.1"], {CONTROL}),
        (["fsbp:CloudTrail.1"], {CONTROL}),
        (["Both.1"], {CONTROL, OTHER}),
        (["CloudTrail.1", CONTROL], {CONTROL}),
        (["CloudTrail.*"], {CONTROL}),
        (["cloudtrail_on"], {CONTROL}),
        (["1.6"], set()),
    ],
)
def test_a_scope_by_any_name_covers_what_it_stands_for(tmp_path: Path, controls: list[str], covers: set[str]) -> None:
    register = registered(tmp_path, fields(scope=scope(*controls)))
    assert {each for each in (CONTROL, OTHER) if covered(register, names(), each)} == covers


def test_what_is_left_out_may_be_named_so_too(tmp_path: Path) -> None:
    left_out = scope("s3_*", CONTROL, **{"except": {"controls": ["CloudTrail.1"]}})
    register = registered(tmp_path, fields(scope=left_out))
    assert not covered(register, names(), CONTROL)
    assert covered(register, names(), OTHER)


def test_a_scope_over_both_names_counts_a_finding_once(tmp_path: Path) -> None:
    found = applied(registered(tmp_path, fields(scope=scope("CloudTrail.1", CONTROL))), names())
    list(found.apply([finding(requirements=[])]))
    assert found.tally.covered == {"EXC-2025-0001": 1}
    [row] = found.exceptions()
    assert row.stands_for == {"CloudTrail.1": (CONTROL,)}
    assert row.scope.startswith(f"controls: CloudTrail.1, {CONTROL}")


def test_an_approval_records_what_the_names_stand_for() -> None:
    made = approved(names(), scope=scope("Both.1", OTHER, "fsbp:Cloud*", **{"except": {"controls": ["CloudTrail.1"]}}))
    assert made["history"][-1]["stands_for"] == {
        "Both.1": sorted([CONTROL, OTHER]),
        "fsbp:Cloud*": [CONTROL],
        "CloudTrail.1": [CONTROL],
    }
    assert "stands_for" not in approved(names(), scope=scope(CONTROL, "s3_*"))["history"][-1]


def test_a_renewal_keeps_what_was_approved_and_a_new_scope_is_recorded() -> None:
    known, step = names(CloudTrail_1=(OTHER,)), Step("jo@example.com", date(2025, 2, 3), "seen")
    waiting = {"requested_by": "ana@example.com", "requested_on": "2025-02-02", "why": "more"}
    made = approved(names(), scope=scope("CloudTrail.1"))
    renewal = made | {"amendment": {**waiting, "changes": {"expires_on": "2025-07-30"}}}
    assert "stands_for" not in lifecycle.approved(EXCEPTIONS, renewal, step, meanings=known.meanings).event
    wider = made | {"amendment": {**waiting, "changes": {"scope": scope("CloudTrail.1", CONTROL)}}}
    event = lifecycle.approved(EXCEPTIONS, wider, step, meanings=known.meanings).event
    assert event["stands_for"] == {"CloudTrail.1": [OTHER]}


def test_an_approved_scope_keeps_its_meaning_and_the_difference_is_reported(tmp_path: Path) -> None:
    register = registered(tmp_path, approved(names(), scope=scope("CloudTrail.1")))
    later = names(CloudTrail_1=(CONTROL, OTHER))
    assert covered(register, later, CONTROL)
    assert not covered(register, later, OTHER)
    unrecorded = registered(tmp_path, fields(scope=scope("CloudTrail.1")))
    assert covered(unrecorded, later, OTHER)

    def remarks(known: KnownNames) -> list[str]:
        found = applied(register, known)
        list(found.apply([finding(requirements=[])]))
        extent = Extent(accounts=(ACCOUNT,), names={CONTROL: (CONTROL,)})
        return [it.detail for it in review(Scanned(found, extent, ())) if it.concern is HygieneConcern.MEANING_CHANGED]

    register = registered(tmp_path, approved(names(), scope=scope("CloudTrail.1")))
    assert remarks(names()) == []
    assert remarks(later) == [
        f"CloudTrail.1 stood for {CONTROL} at its approval, which it covers; by the framework now: "
        f"{', '.join(sorted([CONTROL, OTHER]))}."
    ]
    assert "by the framework now: no control" in remarks(names(CloudTrail_1=()))[0]


def test_a_recorded_meaning_holds_under_a_former_id_of_the_control(tmp_path: Path) -> None:
    made = approved(names(), scope=scope("CloudTrail.1"))
    made["history"][-1]["stands_for"] = {"CloudTrail.1": ["cloudtrail_on"]}
    register = registered(tmp_path, made)
    assert covered(register, names(), CONTROL)
    assert covered(register, names(), "cloudtrail_on")


def test_a_name_of_several_requirements_makes_an_exception_invalid(tmp_path: Path) -> None:
    ambiguous = fields(scope=scope(CONTROL, "1.6"))
    sound = fields(id="EXC-2025-0002", scope=scope("CloudTrail.1"))
    register = with_resolved_names(registered(tmp_path, ambiguous, sound), names().resolver)
    assert [it.id for it in register.exceptions] == ["EXC-2025-0002"]
    [problem] = register.problems(EXCEPTIONS)
    assert problem.key == "exceptions[0].scope.controls[1]"
    assert problem.line
    assert problem.sentence == "'1.6' names requirements of 2 frameworks; write one of cis_3.0:1.6, cis_4.0:1.6"
    assert with_resolved_names(registered(tmp_path, sound), names().resolver).invalid == ()


def test_a_recorded_name_that_became_ambiguous_stays_valid(tmp_path: Path) -> None:
    made = approved(names(), scope=scope("CloudTrail.1"))
    twice = ControlNames(
        {CONTROL},
        {},
        [
            *names().frameworks.values(),
            Framework(id="own", title="o", version="1", requirements=names().frameworks["fsbp"].requirements),
        ],
    )
    assert with_resolved_names(registered(tmp_path, made), twice).invalid == ()
    [problem] = with_resolved_names(registered(tmp_path, fields(scope=scope("CloudTrail.1"))), twice).problems()
    assert "write one of fsbp:CloudTrail.1, own:CloudTrail.1" in problem.sentence


@pytest.mark.parametrize("pattern", ["*.*", r"regex:[A-Z].*\.\d+", "*[0-9]"])
def test_a_pattern_over_all_ids_of_requirements_covers_all_controls(pattern: str) -> None:
    with pytest.raises(ValueError, match="scope covers all controls"):
        entry(scope=scope(pattern))
