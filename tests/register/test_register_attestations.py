"""Attestations: the file's rules, their life to the end of the last day, and what they answer for which account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from orgaudit.errors import ConfigError
from orgaudit.model import Account, EntryState
from orgaudit.register import lifecycle
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import ATTESTATIONS, EXCEPTIONS, Attestation
from orgaudit.register.file.load import Register, load_register, with_known_requirements, with_present_requirements
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.state import longest_life, state_of, today
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.register_result import Attested, AttestedStatus
from tests.register import making

SHOP = making.ACCOUNT
BANK = Account(id="444455556666", name="bank", ou_path="Root/Workloads/Bank", ou_ids=("r-abcd", "ou-abcd-work"))
FRAMEWORKS = {
    "cis_2.0": Framework(
        id="cis_2.0",
        title="CIS",
        version="2.0",
        requirements=tuple(
            Requirement(id=name, title=name, assessment=Assessment.MANUAL) for name in ("1.1", "1.2", "1.13")
        ),
    )
}


def fields(**changes: object) -> dict[str, Any]:
    sound: dict[str, object] = {
        "id": "ATT-2025-0001",
        "requirement": "cis_2.0:1.1",
        "status": "pass",
        "accounts": [SHOP.id],
        "attested_by": "Ana <ana@example.com>",
        "attested_on": "2025-01-10",
        "evidence": ["the contact sheet of 9 January"],
        "expires_on": "2025-06-30",
    }
    return {key: value for key, value in (sound | changes).items() if value is not None}


def loaded(tmp_path: Path, *entries: object, complete: bool = True, **top: object) -> Register:
    path = making.register_file(tmp_path, **{"attestations": list(entries), **top})
    return with_known_requirements(load_register(path, RegisterSettings()), FRAMEWORKS, complete=complete)


def apply(register: Register, accounts: Iterable[Account], on: date) -> Attested:
    return AppliedRegister(register, accounts, on).attested()


def test_a_sound_attestation_has_no_problem(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields())
    assert (len(found.attestations), found.problems()) == (1, [])


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"id": "EXC-2025-0001"}, "id", "pattern"),
        ({"requirement": "1.1"}, "requirement", "framework:requirement"),
        ({"requirement": "cis_2.0:1.14"}, "requirement", "did you mean 1.1"),
        ({"requirement": "cis_2.1:1.1"}, "requirement", "did you mean cis_2.0?"),
        ({"status": "passed"}, "status", "did you mean pass?"),
        ({"accounts": None}, "attestations[1]", "for accounts or for ous"),
        ({"ous": ["Root/Workloads"]}, "attestations[1]", "for accounts or for ous"),
        ({"accounts": [SHOP.id, "12345"]}, "accounts", "12 digits"),
        ({"accounts": ["*"]}, "attestations[1]", "broad: true"),
        ({"accounts": None, "ous": ["Root"]}, "attestations[1]", "broad: true"),
        ({"attested_by": None}, "attested_by", "missing"),
        ({"evidence": []}, "evidence", "at least 1"),
        ({"expires_on": "2025-01-09"}, "attestations[1]", "before attested_on"),
        ({"expires_on": "2026-01-11"}, "expires_on", "policy allows 365"),
        ({"expires_on": "soon"}, "expires_on", "not a date"),
        ({"owner": "Ana"}, "owner", "unknown key"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line_and_leaves_the_others(
    tmp_path: Path, changes: dict[str, object], key: str, said: str
) -> None:
    found = loaded(tmp_path, fields(id="ATT-2025-0009"), fields(**changes))
    assert [entry.id for entry in found.attestations] == ["ATT-2025-0009"]
    (problem,) = found.problems()
    assert key in problem.key
    assert said in problem.sentence
    lines = found.path.read_text().splitlines()
    assert problem.line is not None
    assert lines[problem.line - 1 :] != lines[:1]
    assert problem.line > next(number for number, line in enumerate(lines, 1) if "ATT-2025-0009" in line)


def test_all_problems_of_an_entry_are_listed_at_once(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(requirement="cis_2.0:9", expires_on="2026-01-11"), fields(id="ATT-2025-0009"))
    assert [problem.key for problem in found.problems()] == [
        "attestations[0].expires_on",
        "attestations[0].requirement",
    ]
    assert [(it.id, it.texts["attested_by"]) for it in found.invalid] == [("ATT-2025-0001", "Ana <ana@example.com>")]


def test_the_longest_life_is_allowed(tmp_path: Path) -> None:
    assert loaded(tmp_path, fields(expires_on="2026-01-10")).problems() == []


def test_an_id_used_twice_answers_nothing(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(), fields())
    assert found.attestations == ()
    assert all("also the id of the entry on line" in problem.message for problem in found.problems())


def test_all_accounts_are_taken_when_broad_is_said(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(accounts=None, ous=["Root"], broad=True))
    assert found.problems() == []
    assert set(apply(found, [SHOP, BANK], date(2025, 2, 1)).answers["cis_2.0:1.1"]) == {SHOP.id, BANK.id}


def test_a_former_id_of_a_requirement_answers_for_the_present_one(tmp_path: Path) -> None:
    renamed = Requirement(id="1", title="1", assessment=Assessment.MANUAL, aliases=("1.1",))
    frameworks = {"cis_2.0": msgspec.structs.replace(FRAMEWORKS["cis_2.0"], requirements=(renamed,))}
    path = making.register_file(tmp_path, attestations=[fields()])
    register = with_known_requirements(load_register(path, RegisterSettings()), frameworks, complete=True)
    assert not register.invalid
    present = with_present_requirements(register, frameworks)
    assert apply(present, [SHOP], date(2025, 2, 1)).answers["cis_2.0:1"][SHOP.id].status is AttestedStatus.PASS
    assert [it.requirement for it in register.attestations] == ["cis_2.0:1.1"]


def test_what_a_baseline_leaves_out_is_a_known_requirement(tmp_path: Path) -> None:
    narrowed = {"cis_2.0": msgspec.structs.replace(FRAMEWORKS["cis_2.0"], requirements=(), left_out=("1.1",))}
    path = making.register_file(tmp_path, attestations=[fields(), fields(id="ATT-2025-0002", requirement="cis_2.0:9")])
    register = with_known_requirements(load_register(path, RegisterSettings()), narrowed, complete=False)
    assert [it.texts["id"] for it in register.invalid] == ["ATT-2025-0002"]


def test_another_framework_is_no_problem_where_not_all_are_known(tmp_path: Path) -> None:
    assert loaded(tmp_path, fields(requirement="nist:AU-2"), complete=False).problems() == []
    assert loaded(tmp_path, fields(requirement="cis_2.0:9"), complete=False).problems() != []


def test_exceptions_and_attestations_of_one_file_do_not_hurt_each_other(tmp_path: Path) -> None:
    path = making.register_file(tmp_path, making.fields(), {"id": "EXC-1"}, attestations=[fields(), {"id": "ATT-1"}])
    register = load_register(path, RegisterSettings())
    assert [entry.id for entry in register.exceptions] == ["EXC-2025-0001"]
    assert [entry.id for entry in register.attestations] == ["ATT-2025-0001"]
    assert [(it.kind, it.id) for it in register.invalid] == [(EXCEPTIONS, "EXC-1"), (ATTESTATIONS, "ATT-1")]


def test_a_flaw_within_an_attestation_leaves_the_exceptions(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text("exceptions: []\nattestations:\n  - id: ATT-2025-0001\n    id: ATT-2025-0002\n")
    found = load_register(path, RegisterSettings())
    assert found.problems(EXCEPTIONS) == []
    wrong = [problem.message for problem in found.problems() if problem.line == 4 and "twice" in problem.message]
    assert wrong == ["the key is there twice, first on line 3"]


def test_a_missing_file_has_none_unless_it_must_exist(tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    empty = load_register(gone, RegisterSettings(), must_exist=False)
    assert with_known_requirements(empty, FRAMEWORKS, complete=True).attestations == ()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_register(gone, RegisterSettings())


REVOKED = [{"when": "2025-03-01", "who": "Jo", "what": "revoked", "why": "the sheet was wrong"}]
RENEWED = [*REVOKED, {"when": "2025-03-05", "who": "Jo", "what": "renewed", "why": "corrected"}]


@pytest.mark.parametrize(
    ("on", "history", "state"),
    [
        (date(2025, 1, 9), [], EntryState.SCHEDULED),
        (date(2025, 1, 10), [], EntryState.ACTIVE),
        (date(2025, 5, 30), [], EntryState.ACTIVE),
        (date(2025, 5, 31), [], EntryState.EXPIRING),
        (date(2025, 6, 30), [], EntryState.EXPIRING),
        (date(2025, 7, 1), [], EntryState.EXPIRED),
        (date(2025, 2, 28), REVOKED, EntryState.ACTIVE),
        (date(2025, 3, 1), REVOKED, EntryState.REVOKED),
        (date(2025, 3, 6), RENEWED, EntryState.ACTIVE),
    ],
)
def test_the_state_is_computed_for_a_date(tmp_path: Path, on: date, history: list[object], state: EntryState) -> None:
    (entry,) = loaded(tmp_path, fields(history=history)).attestations
    assert state_of(entry, on, 30) is state


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_last_day_ends_in_the_time_zone_of_the_file(tmp_path: Path, zone: str) -> None:
    found = loaded(tmp_path, fields(), time_zone=zone)
    end = datetime(2025, 7, 1, tzinfo=ZoneInfo(zone))
    moments = (end - timedelta(minutes=1), end + timedelta(minutes=1))
    states = [state_of(found.attestations[0], today(moment, found.time_zone), 30) for moment in moments]
    assert states == [EntryState.EXPIRING, EntryState.EXPIRED]


def test_a_lapsed_one_answers_nothing(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(), fields(id="ATT-2025-0002", requirement="cis_2.0:1.2", history=REVOKED))
    applied = apply(found, [SHOP], date(2025, 7, 1))
    assert applied.answers == {}
    assert [str(row.state) for row in applied.rows] == ["expired", "revoked"]


def test_a_unit_answers_for_the_accounts_below_it(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(accounts=None, ous=["Root/Workloads/Shop"]))
    (answer,) = apply(found, [SHOP, BANK], date(2025, 2, 1)).answers["cis_2.0:1.1"].values()
    assert (answer.account_id, answer.status, answer.expires_on) == (SHOP.id, AttestedStatus.PASS, date(2025, 6, 30))


def test_the_more_specific_answer_wins_and_the_other_is_listed(tmp_path: Path) -> None:
    unit = fields(id="ATT-2025-0002", accounts=None, ous=["Root/Workloads"], attested_on="2025-02-01", status="fail")
    applied = apply(loaded(tmp_path, fields(), unit), [SHOP, BANK], date(2025, 2, 2))
    said = applied.answers["cis_2.0:1.1"]
    assert (said[SHOP.id].id, said[BANK.id].id) == ("ATT-2025-0001", "ATT-2025-0002")
    assert [row.instead for row in applied.rows] == [(), ("ATT-2025-0001",)]


def test_among_equals_the_later_answer_wins(tmp_path: Path) -> None:
    later = fields(id="ATT-2025-0002", attested_on="2025-02-01", status="fail")
    said = apply(loaded(tmp_path, later, fields()), [SHOP], date(2025, 2, 2)).answers["cis_2.0:1.1"]
    assert said[SHOP.id].status is AttestedStatus.FAIL


ON = date(2025, 6, 1)
LONGEST = longest_life(RegisterSettings())
JO = "jo@example.com"


def test_a_renewal_is_a_new_answer_of_who_gives_it() -> None:
    step = Step(JO, ON, "looked again")
    change = lifecycle.renewed(ATTESTATIONS, fields(), date(2026, 5, 31), step, longest_days=LONGEST)
    assert change.changes == {"attested_by": JO, "attested_on": ON, "expires_on": date(2026, 5, 31)}
    assert change.event["what"] == "renewed"
    assert "was 2025-06-30" in change.event["why"]


@pytest.mark.parametrize(
    ("until", "said"), [(date(2025, 6, 30), "a renewal ends later"), (date(2026, 6, 2), "policy allows 365")]
)
def test_a_renewal_ends_later_and_within_policy(until: date, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lifecycle.renewed(ATTESTATIONS, fields(), until, Step(JO, ON, "looked again"), longest_days=LONGEST)


def test_a_renewal_reopens_what_is_revoked_with_a_new_answer() -> None:
    step = Step(JO, ON, "corrected")
    change = lifecycle.renewed(ATTESTATIONS, fields(history=REVOKED), date(2025, 6, 30), step, status="fail")
    assert (change.changes["status"], change.event["what"]) == ("fail", "renewed")
    renewed = {**fields(), **change.changes, "history": [*REVOKED, change.event]}
    assert state_of(Attestation.model_validate(renewed), ON, 0) is EntryState.ACTIVE


@pytest.mark.parametrize("step", [lifecycle.requested, lifecycle.approved, lifecycle.rejected])
def test_an_attestation_needs_no_approval(step: Callable[..., EntryChange]) -> None:
    with pytest.raises(ValueError, match="ATT-2025-0001 needs no approval"):
        step(ATTESTATIONS, fields(), Step(JO, ON, "seen"))


@pytest.mark.parametrize("what", ["requested", "approved"])
def test_only_a_renewal_reopens_a_revoked_attestation(what: str) -> None:
    history = [*REVOKED, {"when": "2025-03-02", "who": "Jo", "what": what, "why": "by hand"}]
    assert state_of(Attestation.model_validate(fields(history=history)), ON, 0) is EntryState.REVOKED


@pytest.mark.parametrize(
    ("edit", "signed"),
    [
        ({"status": "fail"}, {"attested_by": JO, "attested_on": ON}),
        ({"status": "fail", "attested_by": "Kim"}, {"attested_by": "Kim", "attested_on": ON}),
        ({"comments": "x"}, {}),
    ],
)
def test_who_edits_an_answer_gives_it(edit: dict[str, Any], signed: dict[str, Any]) -> None:
    change = lifecycle.edited(ATTESTATIONS, fields(), fields(**edit), Step(JO, ON, "seen"))
    assert change.changes == {**edit, **signed}
    assert (change.event["what"], change.event["who"]) == ("changed", JO)


def test_what_is_revoked_is_not_revoked_again() -> None:
    with pytest.raises(ValueError, match="revoked already"):
        lifecycle.revoked(ATTESTATIONS, fields(history=REVOKED), Step(JO, ON, "wrong"))


def test_history_says_who_and_why_in_order() -> None:
    with pytest.raises(ValueError, match="who does this and why"):
        lifecycle.revoked(ATTESTATIONS, fields(), Step(JO, ON, " "))
    with pytest.raises(ValueError, match="goes on to 2025-03-05"):
        lifecycle.revoked(ATTESTATIONS, fields(history=RENEWED[1:]), Step(JO, date(2025, 3, 4), "wrong"))
