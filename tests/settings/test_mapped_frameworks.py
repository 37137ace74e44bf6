"""The frameworks by mapping: their files as a whole, the tables behind them, and what a file may say of parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.framework_files import load, renamed
from orgaudit.settings.frameworks import SHIPPED, Assessment, Coverage, Framework, Kind, is_ratable, select
from scripts.framework_tables import nist_requirements, security_hub, table
from scripts.mapped_frameworks import MAPPED, RelatedControl, mapped, requirements
from scripts.write_frameworks import planned
from tests.packaged import FRAMEWORKS

CONTROLS = set(catalogue())
BY_MAPPING = {name: framework for name, framework in FRAMEWORKS.items() if framework.is_mapping}
SIZES = {
    "pci_dss_4.0.1": 250,
    "nist_800_171_r2": 110,
    "nist_csf_2.0": 106,
    "soc_2": 61,
    "iso_27001_2022": 93,
    "hipaa": 68,
    "cis_controls_8.1": 153,
}
IDS = {
    "pci_dss_4.0.1": r"([1-9]|1[0-2])(\.\d{1,2}){2,4}",
    "nist_800_171_r2": r"3\.([1-9]|1[0-4])\.\d{1,2}",
    "nist_csf_2.0": r"(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d\d",
    "soc_2": r"(CC[1-9]|A1|C1|PI1|P[1-8])\.\d",
    "iso_27001_2022": r"A\.[5-8]\.\d{1,2}",
    "hipaa": r"164\.3(08|10|12|14|16)(\([a-zA-Z0-9]+\))+",
    "cis_controls_8.1": r"([1-9]|1[0-8])\.\d{1,2}",
}
OWN = """id: own
title: Our mapping
version: "1"
kind: mapping
requirements:
  - id: R-1
    title: Trails log
    section: Logging
    parts:
      - title: Trails log
        controls: [cloudtrail_trail_logging]
      - title: People read the logs
        assessment: manual
      - title: Logs are searched
        coverage: none
        needs: athena.ListWorkGroups
"""

every_mapping = pytest.mark.parametrize("framework", BY_MAPPING.values(), ids=lambda framework: framework.id)


def own(directory: Path, text: str = OWN) -> Path:
    path = directory / "frameworks" / "own.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return directory


def test_the_seven_are_whole() -> None:
    assert {name: len(framework.requirements) for name, framework in BY_MAPPING.items()} == SIZES
    assert set(MAPPED) == set(SIZES) <= SHIPPED


@every_mapping
def test_ids_are_the_publishers_unique_and_in_order(framework: Framework) -> None:
    ids = [each.id for each in framework.requirements]
    assert len(set(ids)) == len(ids)
    assert not [name for name in ids if not re.fullmatch(IDS[framework.id], name)]
    if framework.id not in {"nist_csf_2.0", "soc_2", "hipaa"}:
        numbers = [tuple(map(int, re.findall(r"\d+", name))) for name in ids]
        assert numbers == sorted(numbers)


@every_mapping
def test_titles_are_short_unique_and_not_quoted(framework: Framework) -> None:
    titles = [each.title for each in framework.requirements]
    assert len(set(titles)) == len(titles)
    assert not [title for title in titles if not 0 < len(title) <= 60 or re.search(r"[\"“”%]|shall|must", title)]
    assert all(each.section for each in framework.requirements)


@every_mapping
def test_parts_are_named_once_and_every_requirement_has_some(framework: Framework) -> None:
    for requirement in framework.requirements:
        titles = [part.title for part in requirement.parts]
        assert titles
        assert len(set(titles)) == len(titles), requirement.id
        assert {control for part in requirement.parts for control in part.controls} == {*requirement.controls}


@every_mapping
def test_a_framework_by_mapping_has_no_rate(framework: Framework) -> None:
    assert not is_ratable(framework, CONTROLS)


def test_they_run_when_they_are_named() -> None:
    assert not {*BY_MAPPING} & {*select(FRAMEWORKS, ())}
    assert list(select(FRAMEWORKS, ["pci_dss_4.0.1"])) == ["pci_dss_4.0.1"]


@pytest.mark.parametrize("name", MAPPED)
def test_heads_name_source_and_licence(name: str) -> None:
    text = (PACKAGED / "frameworks" / f"{name}.yaml").read_text(encoding="utf-8")
    head = text[: text.index("\nid:")]
    assert FRAMEWORKS[name].source
    assert re.search(r"public domain|all rights reserved|CC BY", head)
    assert "titles of our own" in " ".join(head.replace("\n#", "").split())


def test_tables_name_what_other_tables_have() -> None:
    nist = {each.id for each in nist_requirements()}
    direct = {requirement for each in security_hub() for requirement in each.nist_800_53_r5}
    named = {requirement for name in MAPPED for each in requirements(name) for requirement in each.nist_800_53_r5}
    assert not [each for each in named if not re.fullmatch(r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?", each)]
    assert len(named & nist & direct) > 50
    for name, field in (("pci_dss_4.0.1", "pci_dss_4_0_1"), ("nist_800_171_r2", "nist_800_171_r2")):
        ids = {each.id for each in requirements(name)}
        related = {id_ for each in table("security_hub_related.csv", RelatedControl) for id_ in getattr(each, field)}
        assert related <= ids
    hub = {each.id: each for each in security_hub()}
    for each in table("security_hub_related.csv", RelatedControl):
        assert each.title or hub[each.id].title
        assert {*each.controls} <= CONTROLS | {*planned(())}


@pytest.mark.parametrize(
    ("requirement", "part", "control"),
    [
        ("pci_dss_4.0.1:8.4.2", "IAM.5 ", "iam_user_console_mfa_enabled"),
        ("pci_dss_4.0.1:10.3.2", "CloudTrail.2 ", "cloudtrail_trail_kms_encrypted"),
        ("nist_800_171_r2:3.14.6", "CloudWatch.1 ", "logs_metric_filter_root_usage_alarmed"),
        ("nist_csf_2.0:PR.DS-01", "NIST SC-28 ", "ec2_ebs_default_encryption_enabled"),
        ("iso_27001_2022:A.8.15", "NIST AU-12 ", "cloudtrail_trail_multi_region_management_events"),
        ("hipaa:164.312(e)(1)", "NIST SC-8 ", "s3_bucket_http_denied"),
        ("cis_controls_8.1:6.5", "CIS 1.5 ", "iam_root_mfa_enabled"),
    ],
)
def test_parts_are_what_the_sources_relate(requirement: str, part: str, control: str) -> None:
    framework, _, name = requirement.partition(":")
    [found] = [each for each in BY_MAPPING[framework].requirements if each.id == name]
    [of_it] = [each for each in found.parts if each.title.startswith(part)]
    assert control in of_it.controls


def test_a_control_enters_with_its_first_day_in_the_catalogue() -> None:
    name = next(control for each in security_hub() if each.id == "RDS.2" for control in each.controls)
    assert name not in mapped("pci_dss_4.0.1", CONTROLS - {name})
    assert name in mapped("pci_dss_4.0.1", CONTROLS | {name})
    assert "RDS.2 " in mapped("pci_dss_4.0.1", CONTROLS - {name})


def test_what_parts_say_of_their_requirement_follows(tmp_path: Path) -> None:
    framework = load(own(tmp_path), CONTROLS)["own"]
    [requirement] = framework.requirements
    assert framework.kind is Kind.MAPPING
    assert (requirement.assessment, requirement.controls) == (Assessment.AUTOMATED, ("cloudtrail_trail_logging",))
    assert [part.coverage for part in requirement.parts] == [Coverage.ANSWERED, Coverage.ANSWERED, Coverage.NONE]
    [after] = renamed(framework, {"cloudtrail_trail_logging": "present"}).requirements
    assert after.controls == after.parts[0].controls == ("present",)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[cloudtrail_trail_logging]", "[cloudtrail_trail_loging]", 11, "did you mean cloudtrail_trail_logging"),
        ("        controls: [cloudtrail_trail_logging]\n", "", 10, "names no control; name one, or write assessment"),
        ("kind: mapping\n", "", 8, "not by mapping; add kind: mapping"),
        ("kind: mapping", "kind: mapped", 4, "not one of controls, mapping"),
        ("    section: Logging", "    assessment: manual", 8, "leave out assessment, or write it in a part"),
        ("    section: Logging", "    controls: [cloudtrail_trail_logging]", 8, "leave out controls"),
        ("        assessment: manual", "        assessment: manual\n        controls: [a]", 14, "it names controls"),
        ("        coverage: none\n", "", 15, "its coverage is not none; add coverage: none"),
        (
            "        coverage: none",
            "        coverage: none\n        controls: [a]",
            15,
            "is none, but it names controls",
        ),
        ("      - title: Trails log\n", "      - tilte: Trails log\n", 10, "did you mean title"),
        (OWN[OWN.index("    parts:") :], "", 6, "has no parts; list what it asks for"),
        ("kind: mapping", "kind: controls", 9, "add kind: mapping, or leave out parts"),
    ],
)
def test_mistakes_are_found_with_their_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in OWN
    with pytest.raises(ConfigError) as caught:
        load(own(tmp_path, OWN.replace(old, new, 1)), CONTROLS)
    assert f"own.yaml:{line}: " in str(caught.value)
    assert words in str(caught.value)
