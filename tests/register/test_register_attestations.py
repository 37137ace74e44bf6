"""Attestations: the file's rules, their life to the end of the last day, and what they answer for which account."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orgaudit.errors import ConfigError
from orgaudit.model import Account, EntryState
from orgaudit.register import attestations
from orgaudit.register.answers import apply
from orgaudit.register.attestations import Attestations, state_of
from orgaudit.register.file.load import load as load_exceptions
from orgaudit.register.state import today
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.register_result import AttestedStatus
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


def loaded(tmp_path: Path, *entries: object, complete: bool = True, **top: object) -> Attestations:
    path = making.register_file(tmp_path, **{"attestations": list(entries), **top})
    return attestations.load(path, RegisterSettings(), FRAMEWORKS, complete=complete)


def test_a_sound_attestation_has_no_problem(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields())
    assert (len(found.entries), found.problems) == (1, [])


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
        ({"expires_on": "soon"}, "expires_on", "no date"),
        ({"owner": "Ana"}, "owner", "unknown key"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line_and_leaves_the_others(
    tmp_path: Path, changes: dict[str, object], key: str, said: str
) -> None:
    found = loaded(tmp_path, fields(id="ATT-2025-0009"), fields(**changes))
    assert [entry.id for entry in found.entries] == ["ATT-2025-0009"]
    (problem,) = found.problems
    assert key in problem.key
    assert said in problem.sentence
    lines = Path(found.file).read_text().splitlines()
    assert problem.line is not None
    assert lines[problem.line - 1 :] != lines[:1]
    assert problem.line > next(number for number, line in enumerate(lines, 1) if "ATT-2025-0009" in line)


def test_the_longest_life_is_allowed(tmp_path: Path) -> None:
    assert loaded(tmp_path, fields(expires_on="2026-01-10")).problems == []


def test_an_id_used_twice_answers_nothing(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(), fields())
    assert found.entries == ()
    assert all("also the id of the entry on line" in problem.message for problem in found.problems)


def test_all_accounts_are_taken_when_broad_is_said(tmp_path: Path) -> None:
    found = loaded(tmp_path, fields(accounts=None, ous=["Root"], broad=True))
    assert found.problems == []
    assert set(apply(found, [SHOP, BANK], date(2025, 2, 1)).answers["cis_2.0:1.1"]) == {SHOP.id, BANK.id}


def test_another_framework_is_no_problem_where_not_all_are_known(tmp_path: Path) -> None:
    assert loaded(tmp_path, fields(requirement="nist:AU-2"), complete=False).problems == []
    assert loaded(tmp_path, fields(requirement="cis_2.0:9"), complete=False).problems != []


def test_exceptions_and_attestations_of_one_file_do_not_hurt_each_other(tmp_path: Path) -> None:
    path = making.register_file(tmp_path, making.fields(), {"id": "EXC-1"}, attestations=[fields(), {"id": "ATT-1"}])
    assert [entry.id for entry in load_exceptions(path, RegisterSettings()).entries] == ["EXC-2025-0001"]
    assert [it.id for it in attestations.load(path, RegisterSettings(), FRAMEWORKS).entries] == ["ATT-2025-0001"]


def test_a_flaw_within_an_attestation_leaves_the_exceptions(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text("exceptions: []\nattestations:\n  - id: ATT-2025-0001\n    id: ATT-2025-0002\n")
    assert load_exceptions(path, RegisterSettings()).problems == []
    found = attestations.load(path, RegisterSettings(), FRAMEWORKS)
    wrong = [problem.message for problem in found.problems if problem.line == 4 and "twice" in problem.message]
    assert wrong == ["the key is there twice, first on line 3"]


def test_a_missing_file_has_none_unless_it_must_exist(tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    assert attestations.load(gone, RegisterSettings(), FRAMEWORKS, must_exist=False).entries == ()
    with pytest.raises(ConfigError, match="cannot be read"):
        attestations.load(gone, RegisterSettings(), FRAMEWORKS)


REVOKED = [{"when": "2025-03-01", "who": "Jo", "what": "revoked", "why": "the sheet was wrong"}]
RENEWED = [*REVOKED, {"when": "2025-03-05", "who": "Jo", "what": "renewed", "why": "corrected"}]


@pytest.mark.parametrize(
    ("on", "history", "state"),
    [
        (date(2025, 1, 9), [], EntryState.PENDING),
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
    (entry,) = loaded(tmp_path, fields(history=history)).entries
    assert state_of(entry, on, 30) is state


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_last_day_ends_in_the_time_zone_of_the_file(tmp_path: Path, zone: str) -> None:
    found = loaded(tmp_path, fields(), time_zone=zone)
    end = datetime(2025, 7, 1, tzinfo=ZoneInfo(zone))
    moments = (end - timedelta(minutes=1), end + timedelta(minutes=1))
    states = [state_of(found.entries[0], today(moment, found.time_zone), 30) for moment in moments]
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


def test_the_more_specific_answer_wins_and_the_other_is_told(tmp_path: Path) -> None:
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
POLICY = RegisterSettings()


def test_a_renewal_is_a_new_answer_of_who_gives_it() -> None:
    change = attestations.renewed(fields(), date(2026, 5, 31), "jo@example.com", ON, "looked again", policy=POLICY)
    assert change.changes == {"attested_by": "jo@example.com", "attested_on": ON, "expires_on": date(2026, 5, 31)}
    assert change.event["what"] == "renewed"
    assert "was 2025-06-30" in change.event["why"]


@pytest.mark.parametrize(
    ("until", "said"), [(date(2025, 6, 30), "a renewal ends later"), (date(2026, 6, 2), "policy allows 365")]
)
def test_a_renewal_ends_later_and_within_policy(until: date, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        attestations.renewed(fields(), until, "jo@example.com", ON, "looked again", policy=POLICY)


def test_what_is_revoked_is_not_revoked_again() -> None:
    with pytest.raises(ValueError, match="revoked already"):
        attestations.revoked(fields(history=REVOKED), "jo@example.com", ON, "wrong", POLICY)


def test_history_says_who_and_why_in_order() -> None:
    with pytest.raises(ValueError, match="who does this and why"):
        attestations.revoked(fields(), "jo@example.com", ON, " ", POLICY)
    with pytest.raises(ValueError, match="goes on to 2025-03-05"):
        attestations.revoked(fields(history=RENEWED[1:]), "jo@example.com", date(2025, 3, 4), "wrong", POLICY)
