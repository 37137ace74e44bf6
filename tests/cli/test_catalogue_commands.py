"""controls, frameworks and explain as a user calls them."""

from __future__ import annotations

import json
import re
import shlex
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.cli import orgaudit as program
from orgaudit.cli.explanation import wrapped_command
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import Control, catalogue
from orgaudit.errors import ConfigError
from orgaudit.evaluate.remediation import unfilled
from orgaudit.evaluate.rules import rules_of
from orgaudit.settings.settings import load as load_settings
from tests.packaged import FRAMEWORKS

CONTROLS = catalogue()
ONE_A_MODULE = {control.judge.__module__: control for control in CONTROLS.values()}.values()
OWN = """id: own
title: Our rules, which have a rather long title, as rules that many people agreed upon have
version: "7"
requirements:
  - id: R-1
    title: Sessions end, file systems are encrypted, and what else people wrote down in one long sentence of this kind
    assessment: automated
    controls: [efs_file_system_encrypted]
  - id: R-2
    title: People are trained
    assessment: manual
"""


@pytest.fixture
def orgaudit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in a directory whose configuration has a framework of its own."""
    (tmp_path / "config" / "frameworks").mkdir(parents=True)
    (tmp_path / "config" / "orgaudit.toml").write_text("")
    (tmp_path / "config" / "frameworks" / "own.yaml").write_text(OWN)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program, arguments)

    return run


def lines_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


# controls


def test_controls_lists_all_and_counts_them(orgaudit: Callable[..., Result]) -> None:
    head, *lines, empty, total = lines_of(orgaudit("controls", "--framework", "all"))
    assert head.split() == ["SEVERITY", "SCOPE", "CONTROL"]
    rows = [line for line in lines if not line.startswith(" ")]
    titles = " ".join(" ".join(line.split()) for line in lines if line.startswith(" "))
    assert titles == " ".join(control.title for control in CONTROLS.values())
    assert all(len(line) <= 80 for line in lines)
    assert [row.split()[2] for row in rows] == list(CONTROLS)
    assert [row.split()[:2] for row in rows] == [[str(each.severity), str(each.scope)] for each in CONTROLS.values()]
    assert empty == ""
    assert total.startswith(f"{len(CONTROLS)} controls: ")
    assert sum(int(part.split()[0]) for part in total.partition(": ")[2].split(", ")) == len(CONTROLS)


def test_controls_without_a_choice_are_those_that_an_audit_runs(orgaudit: Callable[..., Result]) -> None:
    *_, total, more = lines_of(orgaudit("controls"))
    rules = rules_of(load_settings(None, {}, {}))
    assert total.startswith(f"{len(rules.controls)} controls: ")
    assert more == f"{len(CONTROLS) - len(rules.controls)} more are not chosen; `--framework all` lists all"
    found = json.loads(orgaudit("controls", "--json").output)
    assert [each["id"] for each in found] == [control.id for control in rules.controls]


def test_controls_of_a_framework(orgaudit: Callable[..., Result]) -> None:
    assert [line.split()[-1] for line in lines_of(orgaudit("controls", "--framework", "own"))[1:2]] == [
        "efs_file_system_encrypted"
    ]
    assert lines_of(orgaudit("controls", "--framework", "own"))[-1] == "1 control: 0 critical, 0 high, 1 medium, 0 low"


def test_controls_as_json(orgaudit: Callable[..., Result]) -> None:
    [found] = json.loads(orgaudit("controls", "--control", "efs_file_system_encrypted", "--json").output)
    assert found["actions"] == ["elasticfilesystem:DescribeFileSystems"]
    assert {"framework": "own", "id": "R-1"} in found["requirements"]
    assert {"framework": "cis_7.0", "id": "3.3.1"} in found["requirements"]


# frameworks


def test_frameworks_lists_each_with_its_size(orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("frameworks"))
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == {*FRAMEWORKS, "own"}
    at = next(number for number, line in enumerate(lines) if line.startswith("cis_4.0"))
    assert lines[at].endswith("Benchmark 4.0.1")
    assert lines[at + 1].strip() == "64 requirements: 37 automated, 27 manual; 63 covered by controls"
    assert lines[at + 2].strip() == "from Center for Internet Security, 2024-12"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_shows_every_requirement_with_its_controls(framework: str, orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("frameworks", framework))
    for requirement in FRAMEWORKS[framework].requirements:
        [at] = [number for number, line in enumerate(lines) if line.startswith(f"  {requirement.id} ")]
        assert str(requirement.assessment) in lines[at]
        assert (f"level {requirement.level}" in lines[at]) == (requirement.level is not None)
        ends = (
            number for number, line in enumerate(lines[at + 1 :], at + 1) if re.match(r" {0,2}\S", line) or not line
        )
        below = {line.strip() for line in lines[at : next(ends, len(lines))]}
        assert set(requirement.controls) <= below
        assert requirement.section in lines
    assert all(len(line) <= 80 for line in lines)


def test_a_framework_of_ones_own(orgaudit: Callable[..., Result]) -> None:
    assert lines_of(orgaudit("frameworks", "own")) == [
        "Our rules, which have a rather long title, as rules that many people agreed upon",
        "have 7",
        "2 requirements: 1 automated, 1 manual; 1 covered by controls",
        "",
        "  R-1       automated  Sessions end, file systems are encrypted, and what else",
        "                       people wrote down in one long sentence of this kind",
        "            efs_file_system_encrypted",
        "  R-2       manual     People are trained",
    ]


def test_what_is_not_covered_is_shown_with_what_it_needs(orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("frameworks", "fsbp"))
    at = next(number for number, line in enumerate(lines) if line.startswith("  WAF.12 "))
    assert lines[at + 1].strip() == "not covered; needs wafv2.ListWebACLs, GetWebACL"
    explained = lines_of(orgaudit("explain", "fsbp:WAF.12"))
    assert "Controls     none: it is not covered" in explained
    assert "Needs        wafv2.ListWebACLs, GetWebACL" in explained


def test_a_former_id_explains_the_present_requirement(orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("explain", "nist_800_53_r5:AU-2(b)"))
    assert lines[0] == "nist_800_53_r5:AU-2"
    assert "Former ids   AU-2(b)" in lines
    assert any(line.startswith("Supporting   ") for line in lines)


def test_a_security_hub_id_is_a_second_name_of_controls(orgaudit: Callable[..., Result]) -> None:
    def listed(name: str) -> list[str]:
        return [each["id"] for each in json.loads(orgaudit("controls", "--control", name, "--json").output)]

    assert listed("EC2.7") == listed("fsbp:EC2.7") == ["ec2_ebs_default_encryption_enabled"]
    assert len(listed("ELB.5")) == 2
    assert listed("cis_4.0:1.5") == ["iam_root_mfa_enabled"]
    assert lines_of(orgaudit("explain", "EC2.7"))[0] == "fsbp:EC2.7"


def test_an_id_that_several_frameworks_have_is_listed_or_refused(orgaudit: Callable[..., Result]) -> None:
    first, *listed = lines_of(orgaudit("explain", "1.6"))
    assert first == f"1.6 is a requirement of {len(listed)} frameworks:"
    assert {"cis_1.2:1.6", "cis_4.0:1.6"} <= {line.split()[0] for line in listed}
    refused = orgaudit("controls", "--control", "1.6").exception
    assert isinstance(refused, ConfigError)
    assert "'1.6' names requirements of" in str(refused)
    assert "write one of cis_1.2:1.6, cis_1.3:1.6" in str(refused)


def test_what_nothing_covers_names_no_control(orgaudit: Callable[..., Result]) -> None:
    refused = orgaudit("controls", "--control", "fsbp:WAF.12").exception
    assert isinstance(refused, ConfigError)
    assert "no control decides 'fsbp:WAF.12'; `orgaudit explain" in str(refused)


def test_a_baseline_narrows_what_is_run(orgaudit: Callable[..., Result]) -> None:
    def listed(*options: str) -> set[str]:
        found = json.loads(orgaudit("controls", "--framework", "nist_800_53_r5", *options, "--json").output)
        return {each["id"] for each in found}

    low, high = listed("--nist-baseline", "low"), listed("--nist-baseline", "high")
    assert low < high <= listed()
    Path("config/orgaudit.toml").write_text('[scope]\nnist_baseline = "low"\n')
    assert listed() == low
    wrong = orgaudit("controls", "--nist-baseline", "medium")
    assert wrong.exit_code == 2
    assert "'medium' is not one of 'low', 'moderate', 'high'" in wrong.output


def test_frameworks_as_json(orgaudit: Callable[..., Result]) -> None:
    [found] = json.loads(orgaudit("frameworks", "cis_1.2", "--json").output)
    assert (found["version"], len(found["requirements"])) == ("1.2.0", 49)
    assert found["requirements"][0]["level"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--control", "Kms_key_rotation_enabld"),
            "scope.controls: no control 'Kms_key_rotation_enabld'; did you mean",
        ),
        (("--framework", "cis_40"), "scope.frameworks: no framework 'cis_40'; did you mean cis_4.0?"),
    ],
)
@pytest.mark.parametrize("command", ["controls", "policy"])
def test_a_name_that_matches_nothing_is_refused(
    command: str, options: tuple[str, str], says: str, orgaudit: Callable[..., Result]
) -> None:
    done = orgaudit(command, *options)
    assert isinstance(done.exception, ConfigError)
    assert says in str(done.exception)
    assert done.output == ""


@pytest.mark.parametrize(
    "command", [("controls",), ("frameworks",), ("explain", "cloudtrail_trail_logging"), ("policy",)]
)
def test_a_setting_that_matches_nothing_is_refused_with_its_line(
    command: tuple[str, ...], orgaudit: Callable[..., Result]
) -> None:
    Path("config/orgaudit.toml").write_text(
        '[scope]\ncontrols = ["cloudtrail_trail_logging",\n"cloudtrail_trail_loging"]\n'
    )
    done = orgaudit(*command)
    assert isinstance(done.exception, ConfigError)
    said = "config/orgaudit.toml:2: scope.controls: no control 'cloudtrail_trail_loging'; did you mean"
    assert said in str(done.exception)


def test_a_framework_without_any_control_is_refused(orgaudit: Callable[..., Result]) -> None:
    manual = 'id: own\ntitle: T\nversion: "1"\nrequirements:\n  - {id: R-1, title: Trained, assessment: manual}\n'
    Path("config/frameworks/own.yaml").write_text(manual)
    done = orgaudit("policy", "--framework", "own")
    assert isinstance(done.exception, ConfigError)
    assert "no requirement of own has a control, so nothing would be evaluated" in str(done.exception)


def test_an_unknown_framework(orgaudit: Callable[..., Result]) -> None:
    error = orgaudit("frameworks", "cis_4").exception
    assert isinstance(error, ConfigError)
    assert "did you mean cis_4.0?" in str(error)


# explain


@pytest.mark.parametrize("control", ONE_A_MODULE, ids=lambda control: control.id)
def test_explain_tells_all(control: Control, orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("explain", control.id))
    words = " ".join(" ".join(lines).replace("\\", " ").split())
    assert lines[:2] == [control.id, control.title]
    for told in (control.rationale, str(control.severity), *(kind.__name__ for kind in control.facts)):
        assert told in words
    assert set(control.actions) <= set(words.split())
    for framework in FRAMEWORKS.values():
        asking = [each for each in framework.requirements if control.id in each.controls]
        if framework.is_mapping:
            assert (f"{framework.id}: evidence for {len(asking)} requirement" in words) is bool(asking)
            continue
        for requirement in asking:
            assert f"{framework.id}:{requirement.id} " in words
            assert requirement.title in words
    fix = control.fix
    for text in (fix.service_wide, fix.asset, fix.preventive):
        assert unfilled(text) in words
    for command in (fix.service_wide_command, fix.command, fix.preventive_command):
        assert command is None or " ".join(unfilled(command).split()) in words
    assert f"{control.judge.__module__.replace('.', '/')}.py:" in words
    assert all(len(line) <= 80 or stays_whole(line) for line in lines)


def stays_whole(line: str) -> bool:
    """Tell whether a line is one word: of a command, or the place of the code."""
    return len(shlex.split(line.removeprefix("Code").removesuffix(" \\"))) == 1


@pytest.mark.parametrize(
    "name",
    [
        f"{each.id}:{item.id}"
        for each in FRAMEWORKS.values()
        for item in each.requirements[:: 40 if each.is_mapping else 7]
    ],
)
def test_explain_shows_a_requirement(name: str, orgaudit: Callable[..., Result]) -> None:
    framework = FRAMEWORKS[name.partition(":")[0]]
    requirement = next(each for each in framework.requirements if each.id == name.partition(":")[2])
    lines = lines_of(orgaudit("explain", name))
    words = " ".join(" ".join(lines).split())
    assert lines[0] == name
    for told in (requirement.title, framework.title, requirement.section, f"Assessment {requirement.assessment}"):
        assert told in words
    assert (f"Level {requirement.level}" in words) == (requirement.level is not None)
    for control in requirement.controls:
        assert f"{control} ({CONTROLS[control].severity}) {CONTROLS[control].title}" in words
    assert ("a person decides" in words) == (not requirement.controls and requirement.is_covered)
    assert ("it is not covered" in words) is not requirement.is_covered
    left = any(part.assessment == "manual" for part in requirement.parts or (requirement,))
    assert ("Attest " in words) == left
    assert all(len(line) <= 80 for line in lines)


def test_explain_of_a_manual_requirement_gives_the_command_that_attests_it(orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("explain", "own:R-2"))
    assert lines[:3] == ["own:R-2", "People are trained", ""]
    at = next(number for number, line in enumerate(lines) if "orgaudit exceptions" in line)
    command = shlex.split("\n".join(lines[at:]).replace("\\\n", " "))
    assert command[1:6] == ["exceptions", "attestations", "add", "own:R-2", "pass"]
    filled = [{"ID": "111122223333", "TEXT": "seen", "DATE": "2026-12-01"}.get(word, word) for word in command[1:]]
    Path("config/exceptions.yaml").write_text("exceptions: []\n")
    added = orgaudit(*filled, "--by", "jo@example.com", "--as-of", "2026-06-01")
    assert "own:R-2 is pass until 2026-12-01" in "".join(lines_of(added))


def test_explain_of_a_framework_is_what_frameworks_shows(orgaudit: Callable[..., Result]) -> None:
    assert lines_of(orgaudit("explain", "own")) == lines_of(orgaudit("frameworks", "own"))


def test_explain_names_the_requirements_by_title(orgaudit: Callable[..., Result]) -> None:
    lines = [" ".join(line.split()) for line in lines_of(orgaudit("explain", "efs_file_system_encrypted"))]
    at = lines.index("Required by Encrypt EFS file systems")
    assert lines[at + 1] == "cis_1.5:2.4.1 level 1 manual"
    assert lines[at + 7] == "cis_7.0:3.3.1 level 1 automated"
    assert "own:R-1 automated" in lines


def test_a_former_id_is_known_to_every_command(
    orgaudit: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the name of a control, in the scope, and in a framework file of one's own."""
    monkeypatch.setitem(ALIASES, "efs_volume_encrypted", "efs_file_system_encrypted")
    own = Path("config/frameworks/own.yaml")
    own.write_text(OWN.replace("efs_file_system_encrypted", "efs_volume_encrypted"))
    explained = lines_of(orgaudit("explain", "efs_volume_encrypted"))
    assert explained == lines_of(orgaudit("explain", "efs_file_system_encrypted"))
    assert explained[0] == "efs_file_system_encrypted"
    assert any("own:R-1" in line for line in explained)
    [found] = json.loads(orgaudit("controls", "--control", "efs_volume_encrypted", "--json").output)
    assert found["id"] == "efs_file_system_encrypted"
    assert "efs_file_system_encrypted" in lines_of(orgaudit("frameworks", "own"))[-2]
    policies = [orgaudit("policy", "--control", name).output for name in ("efs_volume_encrypted", found["id"])]
    assert "elasticfilesystem:DescribeFileSystems" in policies[0]
    assert policies[0] == policies[1]


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("s3_bucket_pivate", "'s3_bucket_pivate'; did you mean s3_bucket_private?"),
        ("zzz", "'zzz'; `orgaudit controls` and `orgaudit frameworks` list them"),
        ("cis_4", "no control, framework or requirement 'cis_4'; did you mean cis_4.0?"),
        ("cis4.0:1.4", "did you mean cis_4.0:1.4?"),
        ("cis_4.0:1.", "cis_4.0 has no requirement '1.'; did you mean cis_4.0:1."),
        ("own:R1", "own has no requirement 'R1'; did you mean own:R-1?"),
    ],
)
def test_an_unknown_name(asked: str, remedy: str, orgaudit: Callable[..., Result]) -> None:
    error = orgaudit("explain", asked).exception
    assert isinstance(error, ConfigError)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("aws kms --key {resource.key_id}", "aws kms --key KEY_ID"),
        ("in {region} of {account}", "in REGION of ACCOUNT"),
        ("'{{allSupported=true}}'", "'{allSupported=true}'"),
        ("{{name}} and {name}", "{name} and NAME"),
    ],
)
def test_blanks_are_named(template: str, text: str) -> None:
    assert unfilled(template) == text


def test_a_command_breaks_between_words_only() -> None:
    command = "aws logs put --pattern '{ a || b }' --name long-name"
    assert wrapped_command(command, 24) == [
        "aws logs put --pattern \\",
        "  '{ a || b }' --name \\",
        "  long-name",
    ]


@given(
    st.lists(st.text(string.printable.strip() + " ", min_size=1), min_size=1, max_size=12),
    st.integers(10, 100),
)
def test_a_shell_reads_a_wrapped_command_as_it_was(words: list[str], width: int) -> None:
    command = shlex.join(words)
    assert shlex.split("\n".join(wrapped_command(command, width)).replace("\\\n", " ")) == words


# frameworks check


BROKEN = """id: mine
title: Mine
version: 1
requirements:
  - id: R-1
    title: Encrypted
    assessment: automated
    controls: [efs_file_system_encryptd]
  - id: R-1
    title: Again
    assessment: automatic
"""


def test_a_sound_framework_file_is_shown(orgaudit: Callable[..., Result]) -> None:
    lines = lines_of(orgaudit("frameworks", "check", "config/frameworks/own.yaml"))
    assert lines[0] == "own"
    assert "2 requirements: 1 automated, 1 manual; 1 covered by controls" in lines
    assert lines[-2:] == ["  efs_file_system_encrypted", "config/frameworks/own.yaml: sound"]
    [found] = json.loads(orgaudit("frameworks", "check", "config/frameworks/own.yaml", "--json").output)
    assert [each["id"] for each in found["requirements"]] == ["R-1", "R-2"]


def test_every_problem_of_a_framework_file_has_its_line_and_its_fix(orgaudit: Callable[..., Result]) -> None:
    file = Path("mine.yaml")
    file.write_text(BROKEN)
    result = orgaudit("frameworks", "check", "mine.yaml")
    assert "mine.yaml:3: version: 1 is a number where text is expected; put it in quotes" in result.output
    assert "mine.yaml:11: requirements[1].assessment: 'automatic' is not one of automated, manual" in result.output
    file.write_text(BROKEN.replace("version: 1", 'version: "1"').replace("automatic\n", "automated\n"))
    result = orgaudit("frameworks", "check", "mine.yaml")
    assert "mine.yaml:9: requirements[1].id: 'R-1' is there twice, first on line 5; keep one" in result.output
    said = (
        "mine.yaml:8: requirements[0].controls[0]: no control 'efs_file_system_encryptd'; did you mean efs_file_system"
    )
    assert said in result.output
    assert result.output.endswith("mine.yaml: 2 problems\n")
    ended = CliRunner().invoke(program, ["frameworks", "check", "mine.yaml"], standalone_mode=False)
    assert ended.return_value == 2
    assert "no such file" in orgaudit("frameworks", "check", "gone.yaml").output.casefold()


@pytest.mark.parametrize("arguments", [("check",), ("own", "config/frameworks/own.yaml")])
def test_a_check_needs_its_file(orgaudit: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    result = orgaudit("frameworks", *arguments)
    assert result.exit_code == 2
    assert "give one ID, or `check` and one FILE" in result.output
