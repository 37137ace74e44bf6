"""What evaluation notes of a control: its family in findings, what its fix takes and its digest in the manifest."""

from __future__ import annotations

from pathlib import Path

from orgaudit.controls.declare import catalogue
from orgaudit.controls.digest import control_digest
from orgaudit.controls.iam.root import iam_root_console_mfa_enabled, iam_root_mfa_enabled
from orgaudit.controls.rds.instances import rds_instance_storage_encrypted
from orgaudit.evaluate.rules import Rules
from orgaudit.model import RequirementRef, Status
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.settings.thresholds import Thresholds
from tests.evaluated import findings
from tests.factories import HOME, MANAGEMENT, MEMBER, facts_of
from tests.factories_iam import a_root, features, iam_facts


def framework_of(*requirements: str) -> Framework:
    found = tuple(
        Requirement(id=each, title="Asks", assessment=Assessment.AUTOMATED, controls=(iam_root_mfa_enabled.id,))
        for each in requirements
    )
    return Framework(id="cis_4.0", title="Rules", version="1", requirements=found)


def test_a_finding_has_the_family_of_its_control(tmp_path: Path) -> None:
    management = iam_facts(features(), account_id=MANAGEMENT)
    found = [
        findings(tmp_path / control.id, control, iam_facts(a_root(mfa=False)), management)
        for control in (iam_root_mfa_enabled, iam_root_console_mfa_enabled)
    ]
    assert [(each.family, each.status) for (each,) in found] == [("iam_root_mfa", Status.FAIL)] * 2
    assert len({(each.account_id, each.region, each.resource, each.family) for (each,) in found}) == 1


def test_what_was_not_seen_has_a_family_too(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, rds_instance_storage_encrypted, facts_of(MEMBER, regions=(HOME,)))
    assert finding.status is Status.NOT_ASSESSED
    assert finding.family == rds_instance_storage_encrypted.id


def test_the_record_of_a_control_says_what_its_fix_takes() -> None:
    root, rds = Rules((iam_root_mfa_enabled, rds_instance_storage_encrypted)).records
    assert (root.family, root.effort, root.per_resource) == ("iam_root_mfa", "S", True)
    assert (rds.family, rds.effort, rds.disruption, rds.reversible) == (rds.id, "L", "replacement", False)
    assert root.disruption == "none"


def test_the_record_of_a_control_has_its_digest() -> None:
    thresholds = Thresholds(root_idle_days=7)
    rules = Rules(tuple(catalogue().values()), (framework_of("1.5"),), thresholds)
    for control, record in zip(rules.controls, rules.records, strict=True):
        asked = [RequirementRef("cis_4.0", "1.5")] if control is iam_root_mfa_enabled else []
        assert record.digest == control_digest(control, thresholds, asked)


def test_another_choice_of_frameworks_judges_nothing_differently() -> None:
    before, after = (
        Rules((iam_root_mfa_enabled,), (framework_of(*ids),)).records[0] for ids in (("1.5",), ("1.5", "9"))
    )
    assert before.judged_by == after.judged_by
    assert before.digest != after.digest
