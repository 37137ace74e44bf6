from pathlib import Path

import pytest

from orgaudit.documents import PACKAGED
from orgaudit.errors import ConfigError
from orgaudit.frameworks import Assessment, check, controls_of, files, load, requirements_of, select
from orgaudit.model import RequirementRef

CONTROLS = {
    "cloudtrail_trail_cloudwatch_logs_delivered",
    "cloudtrail_trail_log_group_retained",
    "cloudtrail_trail_log_group_subscriptions_known",
    "cloudtrail_trail_logging",
    "cloudtrail_trail_multi_region_management_events",
    "cloudtrail_trail_role_can_deliver",
    "logs_metric_filter_cloudtrail_changes_alarmed",
}

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


def test_the_packaged_frameworks_name_existing_controls_and_use_each() -> None:
    frameworks = load(PACKAGED, CONTROLS)
    assert {name: [item.id for item in frameworks[name].requirements] for name in ("cis_2.0", "cis_4.0")} == {
        "cis_2.0": ["3.1", "3.4", "4.5"],
        "cis_4.0": ["3.1", "4.5"],
    }
    assert set(controls_of(frameworks.values())) == CONTROLS


def test_nist_holds_official_ids_only() -> None:
    ids = {item.id for item in load(PACKAGED)["nist_800_53_r5"].requirements}
    assert {"AU-2(b)", "AU-11", "AU-12(a)", "SI-4(20)"} <= ids
    assert not ids & {"AC-3(1)", "SI-1(1)(c)", "SA-1(1)", "CP-1(2)"}


def test_a_users_framework_stands_beside_the_packaged_ones(tmp_path: Path) -> None:
    frameworks = load(own(tmp_path))
    assert sorted(frameworks) == ["cis_2.0", "cis_4.0", "nist_800_53_r5", "own"]
    [requirement] = frameworks["own"].requirements
    assert (requirement.id, requirement.level, requirement.assessment) == ("1.10", 1, Assessment.AUTOMATED)
    assert frameworks["own"].thresholds == {"log_retention_days": 400}


def test_a_users_file_of_the_same_name_replaces_ours(tmp_path: Path) -> None:
    frameworks = load(own(tmp_path, OWN.replace("id: own", "id: cis_2.0"), "cis_2.0.yaml"))
    assert frameworks["cis_2.0"].title == "Our rules"
    assert [path.parent.parent for path in files(tmp_path)] == [tmp_path, PACKAGED, PACKAGED]


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
    ],
)
def test_a_wrong_framework_names_file_line_and_mend(
    tmp_path: Path, old: str, new: str, line: int | None, words: str
) -> None:
    assert old in OWN
    with pytest.raises(ConfigError, match=words) as raised:
        load(own(tmp_path, OWN.replace(old, new)), CONTROLS)
    assert (raised.value.file, raised.value.line) == (str(tmp_path / "frameworks/own.yaml"), line)


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
    framework = load(PACKAGED)["cis_4.0"]
    assert check(framework, CONTROLS) == []
    [problem] = check(framework, CONTROLS - {"logs_metric_filter_cloudtrail_changes_alarmed"})
    assert (problem.file, problem.key) == ("cis_4.0.yaml", "requirements[1].controls[0]")


def test_select_takes_what_is_asked_or_all() -> None:
    frameworks = load(PACKAGED)
    assert list(select(frameworks, ["cis_4.0", "cis_4.0"])) == ["cis_4.0"]
    assert select(frameworks, []) == frameworks
    with pytest.raises(ConfigError, match=r"no framework 'cis_4'; did you mean cis_4\.0\?"):
        select(frameworks, ["cis_4"])


def test_requirements_of_a_control_span_frameworks() -> None:
    chosen = select(load(PACKAGED), ["cis_2.0", "cis_4.0"]).values()
    assert requirements_of(chosen, "logs_metric_filter_cloudtrail_changes_alarmed") == [
        RequirementRef("cis_2.0", "4.5"),
        RequirementRef("cis_4.0", "4.5"),
    ]
    assert requirements_of(chosen, "unknown") == []
