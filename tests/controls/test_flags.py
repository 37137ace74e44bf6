"""How controls of one shape are made by a factory, and what decides their verdicts."""

from __future__ import annotations

import pytest

from orgaudit.controls.declare import Control, Fix
from orgaudit.controls.judging.flags import Words, requires, retains
from orgaudit.facts.efs import FileSystem
from orgaudit.model import Disruption, Effort, Severity, Status, Verdict, not_applicable
from orgaudit.settings.thresholds import Thresholds
from tests.factories import denied
from tests.factories_efs import a_file_system

FIX = Fix(
    service_wide="Do it everywhere.",
    asset="Fix {resource.name}.",
    command="aws efs describe-file-systems --region {region}",
    preventive="Create it right.",
    effort=Effort.S,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)
WORDS = Words("File systems are encrypted", "Who has the disk can read it.", "it is encrypted", "it is plain")


def _managed(system: FileSystem) -> Verdict | None:
    return not_applicable("AWS manages it") if system.name == "managed" else None


example_encrypted = requires(
    "example_encrypted", FileSystem, lambda system: system.encrypted.value, WORDS, severity=Severity.LOW, fix=FIX
)
example_owned_encrypted = requires(
    "example_owned_encrypted",
    FileSystem,
    lambda system: system.encrypted.value,
    WORDS,
    severity=Severity.HIGH,
    fix=FIX,
    outside=_managed,
    evidence=lambda system: {"key": system.key_id},
)
example_retained = retains(
    "example_retained",
    FileSystem,
    lambda system: int(system.tags["days"]),
    title="File systems keep backups",
    fix=FIX,
    outside=_managed,
)


def test_a_control_of_a_factory_belongs_to_the_module_that_declares_it() -> None:
    made = example_encrypted
    assert (made.id, made.family, made.service) == ("example_encrypted", "example_encrypted", "test_flags")
    assert (made.title, made.rationale) == (WORDS.title, WORDS.rationale)
    assert made.judge.__module__ == __name__
    assert made.judge.__qualname__ == "example_encrypted"
    assert (made.subject, made.takes, made.severity) == (FileSystem, (FileSystem,), Severity.LOW)
    assert made.actions == ("elasticfilesystem:DescribeFileSystems",)
    assert example_retained.takes == (FileSystem, Thresholds)


@pytest.mark.parametrize(
    ("control", "encrypted", "status", "reason"),
    [
        (example_encrypted, True, Status.PASS, "it is encrypted"),
        (example_encrypted, False, Status.FAIL, "it is plain"),
        (example_owned_encrypted, True, Status.PASS, "it is encrypted"),
        (example_owned_encrypted, False, Status.FAIL, "it is plain"),
    ],
)
def test_the_condition_decides(control: Control, encrypted: bool, status: Status, reason: str) -> None:
    verdict = control(a_file_system(encrypted=encrypted))
    assert (verdict.status, verdict.reason) == (status, reason)


def test_what_was_not_seen_is_not_assessed() -> None:
    gap = denied("elasticfilesystem:DescribeFileSystems")
    verdict = example_owned_encrypted(a_file_system(encrypted=gap))
    assert verdict.status is Status.NOT_ASSESSED
    assert gap.message in verdict.reason


def test_what_is_outside_is_not_judged_whatever_it_holds() -> None:
    for held in (True, False, denied("elasticfilesystem:DescribeFileSystems")):
        verdict = example_owned_encrypted(a_file_system("managed", encrypted=held))
        assert (verdict.status, verdict.reason) == (Status.NOT_APPLICABLE, "AWS manages it")
    assert example_retained(a_file_system("managed"), Thresholds()).status is Status.NOT_APPLICABLE


def test_evidence_is_shown_with_either_answer() -> None:
    for encrypted in (True, False):
        assert example_owned_encrypted(a_file_system(encrypted=encrypted, key_id="k")).evidence == {"key": "k"}
        assert example_encrypted(a_file_system(encrypted=encrypted, key_id="k")).evidence == {}


@pytest.mark.parametrize(
    ("days", "least", "status", "says"),
    [
        (7, 7, Status.PASS, "are kept for 7 days"),
        (6, 7, Status.FAIL, "are kept for 6 days; expected: at least 7"),
        (7, 8, Status.FAIL, "expected: at least 8"),
        (35, 35, Status.PASS, "are kept for 35 days"),
        (0, 1, Status.FAIL, "there are no automatic backups"),
    ],
)
def test_backups_are_kept_as_long_as_the_thresholds_ask(days: int, least: int, status: Status, says: str) -> None:
    verdict = example_retained(a_file_system(tags={"days": str(days)}), Thresholds(database_backup_days=least))
    assert verdict.status is status
    assert says in verdict.reason
    assert verdict.evidence == {"days": days, "expected_days": least}
