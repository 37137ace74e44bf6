"""Framework files: the packaged ones as a whole, and what a user's own ones may say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.model import RequirementRef
from orgaudit.settings.control_names import names_by_control
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.framework_files import check, files, load
from orgaudit.settings.frameworks import (
    SHIPPED,
    Assessment,
    Baseline,
    Coverage,
    Framework,
    Requirement,
    controls_of,
    headline,
    in_baseline,
    is_ratable,
    requirements_of,
    select,
)
from scripts.framework_tables import security_hub
from scripts.write_frameworks import UNSURE, WRITERS, planned
from tests.packaged import FRAMEWORKS

CONTROLS = set(catalogue())
NIST, FSBP = FRAMEWORKS["nist_800_53_r5"], FRAMEWORKS["fsbp"]
CIS = {
    name: framework for name, framework in FRAMEWORKS.items() if name.startswith("cis_") and not framework.is_mapping
}
REQUIREMENTS = [(framework, requirement) for framework in CIS.values() for requirement in framework.requirements]
SIZES = {
    "cis_1.2": ("1.2.0", 43, 6),
    "cis_1.3": ("1.3.0", 45, 10),
    "cis_1.4": ("1.4.0", 47, 11),
    "cis_1.5": ("1.5.0", 55, 8),
    "cis_2.0": ("2.0.0", 37, 27),
    "cis_3.0": ("3.0.0", 36, 26),
    "cis_4.0": ("4.0.1", 37, 27),
    "cis_5.0": ("5.0.0", 35, 28),
    "cis_6.0": ("6.0.0", 35, 28),
    "cis_7.0": ("7.0.0", 34, 36),
}
"""Each version's full number, its automated and its manual requirements."""
PEOPLE_ONLY = {
    "Register account security questions",
    "Structure organizational units by environment and sensitivity",
    "Access AWS services through VPC endpoints",
}
"""What no API gives evidence of."""
CHANGES = {
    "The root user has MFA": ["cis_5.0"],
    "Do not use the root user for daily work": ["cis_2.0"],
    "A role can manage AWS Support cases": ["cis_1.3"],
    "S3 buckets deny plain HTTP": ["cis_4.0"],
    "AWS Config records all regions": ["cis_4.0"],
    "Alarm on security group changes": ["cis_5.0"],
}
"""The first versions that ask for something else under a title that stays."""

UNNAMED = ("1.3", "1.4", "1.5", "2.0", "3.0")
"""Versions of CIS that speak of ports of administration, most of them without a protocol: TCP and UDP count."""

every_cis_framework = pytest.mark.parametrize("framework", CIS.values(), ids=lambda framework: framework.id)

OWN = """id: own
title: Our rules
version: "1"
thresholds:
  log_retention_days: 400
requirements:
  - id: "1.10"
    title: Trails log
    level: 1
    assessment: automated
    section: Logging
    controls: [cloudtrail_trail_logging]
"""


def own(directory: Path, text: str = OWN, name: str = "own.yaml") -> Path:
    path = directory / "frameworks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return directory


def test_the_packaged_frameworks_name_existing_controls() -> None:
    assert set(controls_of(load(PACKAGED, CONTROLS).values())) <= CONTROLS


def test_every_version_of_cis_is_whole() -> None:
    def sized(framework: Framework) -> tuple[str, int, int]:
        kinds = Counter(requirement.assessment for requirement in framework.requirements)
        return framework.version, kinds[Assessment.AUTOMATED], kinds[Assessment.MANUAL]

    assert {name: sized(framework) for name, framework in CIS.items()} == SIZES


@every_cis_framework
def test_every_automated_requirement_has_a_control(framework: Framework) -> None:
    bare = {requirement.title for requirement in framework.requirements if not requirement.controls}
    automated = {item.title for item in framework.requirements if item.assessment is Assessment.AUTOMATED}
    assert not bare & automated
    assert bare <= PEOPLE_ONLY


@every_cis_framework
def test_requirements_have_what_reports_show(framework: Framework) -> None:
    for requirement in framework.requirements:
        assert 0 < len(requirement.title) <= 80
        assert requirement.level in {1, 2}
        assert requirement.section
        assert requirement.id.split(".")[0] == requirement.section.split(" ")[0]


@every_cis_framework
def test_ids_and_titles_are_unique_and_in_order(framework: Framework) -> None:
    ids = [tuple(map(int, requirement.id.split("."))) for requirement in framework.requirements]
    assert ids == sorted(set(ids))
    assert len({requirement.title for requirement in framework.requirements}) == len(ids)


@every_cis_framework
def test_no_control_is_asked_for_twice_in_one_requirement(framework: Framework) -> None:
    for requirement in framework.requirements:
        assert len(set(requirement.controls)) == len(requirement.controls)


def under_one_title() -> dict[str, list[tuple[str, Requirement]]]:
    found: dict[str, list[tuple[str, Requirement]]] = {}
    for framework, requirement in REQUIREMENTS:
        found.setdefault(requirement.title, []).append((framework.id, requirement))
    return found


def test_one_title_asks_for_the_same_controls_in_every_version_but_where_versions_differ() -> None:
    changes: dict[str, list[str]] = {}
    for title, versions in under_one_title().items():
        runs = [next(run)[0] for _, run in groupby(versions, lambda pair: set(pair[1].controls))]
        if len(runs) > 1:
            changes[title] = runs[1:]
    assert changes == CHANGES


@pytest.mark.parametrize(
    ("framework", "requirement", "controls"),
    [
        ("cis_1.2", "1.1", ["iam_root_idle"]),
        ("cis_2.0", "1.7", ["iam_root_use_reviewed"]),
        ("cis_4.0", "1.5", ["iam_root_mfa_enabled"]),
        ("cis_5.0", "1.4", ["iam_root_console_mfa_enabled"]),
        ("cis_1.3", "1.12", ["iam_user_credentials_unused_90_days_disabled"]),
        ("cis_1.4", "1.12", ["iam_user_credentials_unused_45_days_disabled"]),
        ("cis_1.2", "1.20", ["iam_support_policy_attached"]),
        ("cis_1.3", "1.17", ["iam_support_role_exists"]),
        ("cis_1.2", "1.22", ["iam_customer_policy_limited"]),
        ("cis_1.3", "1.16", ["iam_aws_policy_full_admin_restricted", "iam_customer_policy_attached_limited"]),
        ("cis_3.0", "2.1.1", ["s3_bucket_http_denied"]),
        ("cis_4.0", "2.1.1", ["s3_bucket_tls_required"]),
        ("cis_3.0", "2.2.1", ["ec2_ebs_default_encryption_enabled"]),
        ("cis_4.0", "4.10", ["logs_metric_filter_security_group_changes_alarmed"]),
        ("cis_5.0", "4.10", ["logs_metric_filter_security_group_and_rule_changes_alarmed"]),
        ("cis_1.2", "4.1", ["ec2_security_group_ssh_closed_to_ipv4_internet"]),
        *((f"cis_{version}", "5.1", ["ec2_network_acl_admin_ports_closed_to_internet"]) for version in UNNAMED),
        *((f"cis_{version}", "5.2", ["ec2_security_group_admin_ports_closed_to_ipv4_internet"]) for version in UNNAMED),
        ("cis_1.5", "5.3", ["ec2_security_group_admin_ports_closed_to_ipv6_internet"]),
        ("cis_3.0", "5.3", ["ec2_security_group_admin_ports_closed_to_ipv6_internet"]),
        ("cis_4.0", "5.3", ["ec2_security_group_admin_ports_closed_to_ipv4_internet"]),
        ("cis_4.0", "5.4", ["ec2_security_group_admin_ports_closed_to_ipv6_internet"]),
        ("cis_3.0", "3.3", ["config_recorder_all_regions_enabled", "config_recorder_global_types_recorded"]),
    ],
)
def test_versions_ask_for_what_they_say(framework: str, requirement: str, controls: list[str]) -> None:
    [found] = [item for item in CIS[framework].requirements if item.id == requirement]
    assert sorted(found.controls) == controls


@pytest.mark.parametrize(
    ("framework", "requirement", "level", "assessment"),
    [
        ("cis_2.0", "2.1.2", 2, "manual"),
        ("cis_3.0", "4.1", 2, "manual"),
        ("cis_6.0", "4.8", 2, "automated"),
        ("cis_6.0", "5.6", 2, "manual"),
        ("cis_2.0", "4.15", 1, "manual"),
        ("cis_3.0", "2.4.1", 1, "automated"),
        ("cis_5.0", "3.1", 1, "manual"),
        ("cis_5.0", "5.1.2", 1, "automated"),
        ("cis_1.3", "2.1.1", 1, "manual"),
        ("cis_1.2", "1.22", 1, "automated"),
        ("cis_1.2", "4.3", 2, "automated"),
        ("cis_1.2", "4.4", 2, "manual"),
        ("cis_1.3", "5.3", 2, "automated"),
        ("cis_1.3", "5.4", 2, "manual"),
    ],
)
def test_disputed_levels_and_assessments(framework: str, requirement: str, level: int, assessment: str) -> None:
    [found] = [item for item in CIS[framework].requirements if item.id == requirement]
    assert (found.level, found.assessment) == (level, assessment)


def test_nist_holds_official_ids_only() -> None:
    names = set(NIST.names)
    assert {"AU-2", "AU-2(b)", "AU-11", "AU-12", "AU-12(a)", "SI-4(20)"} <= names
    assert not names & {"AC-3(1)", "SI-1(1)(c)", "SA-1(1)", "CP-1(2)"}


def test_the_ids_that_nist_had_before_still_name_a_requirement() -> None:
    assert {"AU-2(b)", "AU-3(a)", "AU-14(a)", "CM-5(1)(b)", "IA-3(3)(b)"} <= set(NIST.names)
    assert {"PM-14(a)(1)", "PM-31", "SC-7(9)(b)", "SI-12"} <= set(NIST.names)


@pytest.mark.parametrize(("baseline", "size"), [(Baseline.LOW, 149), (Baseline.MODERATE, 287), (Baseline.HIGH, 370)])
def test_a_baseline_has_the_requirements_that_nist_selects(baseline: Baseline, size: int) -> None:
    found = in_baseline(NIST, baseline)
    assert len(found.requirements) == size
    assert sorted(found.names) == sorted(NIST.names)
    assert ("AC-2(3)" in {each.id for each in found.requirements}) is (baseline is not Baseline.LOW)
    assert "AC-3(7)" in found.left_out


def test_a_framework_without_baselines_stays_whole() -> None:
    assert in_baseline(FRAMEWORKS["cis_4.0"], Baseline.LOW) is FRAMEWORKS["cis_4.0"]
    assert in_baseline(NIST, None) is NIST
    assert select(FRAMEWORKS, ["nist_800_53_r5"], baseline=Baseline.LOW) == {NIST.id: in_baseline(NIST, Baseline.LOW)}


def test_what_aws_relates_decides_in_nist_and_what_others_map_supports() -> None:
    by_id = {each.id: each for each in NIST.requirements}
    assert by_id["AC-1"].assessment is Assessment.MANUAL
    assert "s3_bucket_private" in by_id["AC-3"].controls
    assert by_id["AC-2(4)"].assessment is Assessment.AUTOMATED
    assert "logs_metric_filter_cloudtrail_changes_alarmed" in by_id["AC-2(4)"].supporting
    assert all(each.controls for each in NIST.requirements if each.assessment is Assessment.AUTOMATED)
    assert not any({*each.controls} & {*each.supporting} for each in NIST.requirements)
    assert all(each.assessment is Assessment.AUTOMATED for each in NIST.requirements if each.supporting)


def test_fsbp_lists_the_standard_and_says_what_is_not_covered() -> None:
    ids = {each.id for each in FSBP.requirements}
    assert len(ids) == len(FSBP.requirements) == 365
    assert not ids & {*UNSURE, "AppSync.1", "ECS.1", "EFS.6"}
    assert FSBP.covered == len([each for each in FSBP.requirements if each.coverage is Coverage.ANSWERED]) >= 37
    assert all(bool(each.needs) is not each.is_covered for each in FSBP.requirements)
    assert all(bool(each.controls) is each.is_covered for each in FSBP.requirements)
    assert all(0 < len(each.title) <= 80 and each.section for each in FSBP.requirements)
    assert len({each.title for each in FSBP.requirements}) == 365
    assert re.search(r"20\d\d-\d\d$", FSBP.version)


def test_a_framework_that_is_not_whole_has_no_rate() -> None:
    assert not is_ratable(FSBP, CONTROLS)
    covered = tuple(each for each in FSBP.requirements if each.is_covered)
    assert is_ratable(msgspec.structs.replace(FSBP, requirements=covered), CONTROLS)
    assert is_ratable(NIST, CONTROLS)


def test_a_former_id_of_a_requirement_names_its_controls() -> None:
    names = names_by_control(PACKAGED, {})["cloudtrail_trail_multi_region_management_events"]
    assert {"nist_800_53_r5:AU-2", "nist_800_53_r5:AU-2(b)", "fsbp:CloudTrail.1"} <= set(names)


@pytest.mark.parametrize("framework", [name for name in FRAMEWORKS if name not in {"cis_6.0", "cis_7.0"}])
def test_every_file_names_its_source_and_date(framework: str) -> None:
    assert FRAMEWORKS[framework].source
    assert FRAMEWORKS[framework].date


def test_the_written_files_are_current() -> None:
    for name, write in WRITERS.items():
        written = (PACKAGED / "frameworks" / f"{name}.yaml").read_text(encoding="utf-8")
        assert written == write(CONTROLS), f"run `python scripts/write_frameworks.py` to write {name}.yaml anew"


def test_a_control_enters_both_files_with_its_first_day_in_the_catalogue() -> None:
    name = next(control for each in security_hub() if each.id == "EC2.7" for control in each.controls)
    without, with_it = CONTROLS - {name}, CONTROLS | {name}
    assert f"[{name}]" not in WRITERS["fsbp"](without)
    assert name not in WRITERS["nist_800_53_r5"](without)
    assert name in planned(without)
    assert f"[{name}]" in WRITERS["fsbp"](with_it)
    assert name in WRITERS["nist_800_53_r5"](with_it)
    assert name not in planned(with_it)


def test_a_users_framework_stands_beside_the_packaged_ones(tmp_path: Path) -> None:
    frameworks = load(own(tmp_path))
    assert set(frameworks) == {*FRAMEWORKS, "own"}
    [requirement] = frameworks["own"].requirements
    assert (requirement.id, requirement.level, requirement.assessment) == ("1.10", 1, Assessment.AUTOMATED)
    assert frameworks["own"].thresholds == {"log_retention_days": 400}


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    assert load(own(tmp_path, OWN))["own"].title != "Another"
    changed = ["title: Another" if line.startswith("title:") else line for line in OWN.splitlines()]
    assert load(own(tmp_path, "\n".join(changed)))["own"].title == "Another"
    assert load(own(tmp_path, OWN))["own"].title != "Another"


def test_a_users_file_of_the_same_name_replaces_ours(tmp_path: Path) -> None:
    frameworks = load(own(tmp_path, OWN.replace("id: own", "id: cis_2.0"), "cis_2.0.yaml"))
    assert frameworks["cis_2.0"].title == "Our rules"
    assert [path.name for path in files(tmp_path) if path.parent.parent == tmp_path] == ["cis_2.0.yaml"]
    assert len(files(tmp_path)) == len(FRAMEWORKS)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"1.10"', "1.10", 7, "put it in quotes"),
        ("automated", "automatic", 10, "did you mean automated"),
        ("    level", "    levle", 9, "did you mean level"),
        ("id: own", "id: other", 1, "not the file's name"),
        ("log_retention_days: 400", "retention: 400", 5, "unknown key"),
        ("log_retention_days: 400", "log_retention_days: 0", 5, "greater than or equal to 1"),
        ('version: "1"', "", 1, "version"),
        ("[cloudtrail_trail_logging]", "cloudtrail_trail_logging", 12, "must be a list"),
        ("[cloudtrail_trail_logging]", "[cloudtrail_trail_loging]", 12, "did you mean cloudtrail_trail_logging"),
        ("    section: Logging", '    section: Logging\n    section: ""', 12, "twice"),
        ("    section: Logging", "    coverage: none", 11, "is none, but it names controls; leave out coverage"),
        ("    section: Logging", "    coverage: nothing", 11, "not one of answered, none"),
        ("    section: Logging", "    needs: iam.ListUsers", 11, "its coverage is not none; add coverage: none"),
        ("    section: Logging", '    aliases: ["1.10"]', 11, "'1.10' is there twice, first on line 7"),
        ("    section: Logging", "    baseline: medium", 11, "baseline"),
        ("    section: Logging", "    supporting: [cloudtrail_trail_loging]", 11, "mean cloudtrail_trail_logging"),
        ("    section: Logging", "    supporting: [cloudtrail_trail_logging]", 11, "supporting too; name it once"),
        ("title: Our rules", 'title: Our rules\ndate: "August"', 3, "date"),
    ],
)
def test_a_wrong_framework_names_file_line_and_mend(
    tmp_path: Path, old: str, new: str, line: int | None, words: str
) -> None:
    assert old in OWN
    with pytest.raises(ConfigError, match=words) as raised:
        load(own(tmp_path, OWN.replace(old, new)), CONTROLS)
    assert (raised.value.file, raised.value.line) == (str(tmp_path / "frameworks/own.yaml"), line)


def test_what_a_person_decides_is_covered(tmp_path: Path) -> None:
    manual = OWN.replace("automated", "manual")
    manual = manual.replace("    controls: [cloudtrail_trail_logging]", "    coverage: none")
    with pytest.raises(ConfigError, match="is none, but a person decides it") as raised:
        load(own(tmp_path, manual), CONTROLS)
    assert (raised.value.line, raised.value.key) == (12, "requirements[0].coverage")


def test_a_requirement_may_be_uncovered(tmp_path: Path) -> None:
    text = OWN.replace("    controls: [cloudtrail_trail_logging]", "    coverage: none\n    needs: iam.ListUsers")
    [requirement] = load(own(tmp_path, text), CONTROLS)["own"].requirements
    assert (requirement.is_covered, requirement.needs, requirement.controls) == (False, "iam.ListUsers", ())


def test_former_ids_of_controls_give_way_to_the_present_ones(tmp_path: Path) -> None:
    former = own(tmp_path, OWN.replace("[cloudtrail", "[cloudtrail_trail_logs, cloudtrail"))
    aliases = {"cloudtrail_trail_logs": "cloudtrail_trail_logging"}
    [requirement] = load(former, CONTROLS, aliases)["own"].requirements
    assert requirement.controls == ("cloudtrail_trail_logging",)
    with pytest.raises(ConfigError, match="no control 'cloudtrail_trail_logs'"):
        load(former, CONTROLS)


def test_requirement_ids_are_unique(tmp_path: Path) -> None:
    twice = OWN + OWN[OWN.index("  - id") :]
    with pytest.raises(ConfigError, match=r"'1\.10' is there twice, first on line 7") as raised:
        load(own(tmp_path, twice))
    assert raised.value.line == 13


def test_the_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    own(tmp_path, "id: [", "broken.yaml")
    own(tmp_path, "id: empty\n", "empty.yaml")
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    text = str(raised.value)
    assert "broken.yaml" in text
    assert "empty.yaml:1: requirements: is missing" in text


def test_check_works_without_the_file() -> None:
    framework = FRAMEWORKS["cis_4.0"]
    assert check(framework, CONTROLS) == []
    [problem] = check(framework, CONTROLS - {"logs_metric_filter_cloudtrail_changes_alarmed"})
    index = next(number for number, item in enumerate(framework.requirements) if item.id == "4.5")
    assert (problem.file, problem.key) == ("cis_4.0.yaml", f"requirements[{index}].controls[0]")


def test_select_takes_what_is_asked_or_all() -> None:
    assert list(select(FRAMEWORKS, ["cis_4.0", "cis_4.0"])) == ["cis_4.0"]
    assert select(FRAMEWORKS, ["all"]) == FRAMEWORKS
    assert select(FRAMEWORKS, ["cis_4.0", "all"]) == FRAMEWORKS
    with pytest.raises(ConfigError, match=r"no framework 'cis_4'; did you mean cis_4\.0\?"):
        select(FRAMEWORKS, ["cis_4"])


def named(*ids: str) -> dict[str, Framework]:
    return {name: Framework(id=name, title=name, version="1", requirements=()) for name in ids}


@pytest.mark.parametrize(
    ("ids", "also", "chosen"),
    [
        (FRAMEWORKS, None, ["cis_7.0", "fsbp", "nist_800_53_r5"]),
        (("cis_1.2", "cis_9.0", "cis_10.0", "fsbp", "nist_800_53_r5"), None, ["cis_10.0", "fsbp", "nist_800_53_r5"]),
        (("cis_1.2", "cis_2.0", "cis_10.0.1"), "cis_1.2", ["cis_1.2", "cis_10.0.1"]),
        (("acme", "cis_7.0", "cis_controls_7.1"), None, ["acme", "cis_7.0", "cis_controls_7.1"]),
        (("cis_7.0", "fsbp"), "gone", ["cis_7.0", "fsbp"]),
        ((), None, []),
    ],
)
def test_without_a_choice_the_newest_and_the_own_ones_run(
    ids: Iterable[str], also: str | None, chosen: list[str]
) -> None:
    assert list(select(named(*ids), (), also)) == chosen


def test_the_frameworks_that_come_with_orgaudit_are_listed() -> None:
    assert {path.stem for path in (PACKAGED / "frameworks").glob("*.yaml")} == SHIPPED


def test_the_headline_is_the_named_one_else_the_newest_cis_else_the_first() -> None:
    assert headline(["acme", "cis_4.0", "cis_10.0"]) == "cis_10.0"
    assert headline(["acme", "cis_4.0", "cis_10.0"], "acme") == "acme"
    assert headline(["acme", "nist_800_53_r5"], "cis_7.0") == "acme"
    assert headline([]) is None


def test_no_file_can_be_called_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'all' stands for every framework"):
        load(own(tmp_path, OWN.replace("id: own", "id: all"), "all.yaml"))


def test_requirements_of_a_control_span_frameworks() -> None:
    chosen = select(FRAMEWORKS, ["cis_2.0", "cis_4.0"]).values()
    assert requirements_of(chosen, "logs_metric_filter_cloudtrail_changes_alarmed") == [
        RequirementRef("cis_2.0", "4.5"),
        RequirementRef("cis_4.0", "4.5"),
    ]
    assert requirements_of(chosen, "unknown") == []
