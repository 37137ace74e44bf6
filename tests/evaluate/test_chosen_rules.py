"""Which controls and frameworks a run has: without a choice, the newest ones and a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.controls.declare import Control, catalogue
from orgaudit.errors import ConfigError
from orgaudit.evaluate import rules
from orgaudit.evaluate.rules import rules_of
from orgaudit.settings.frameworks import controls_of
from orgaudit.settings.settings import load
from tests.packaged import FRAMEWORKS

OLD = "iam_root_idle"
"""A control that only old versions of CIS require."""
UNNAMED = min({*catalogue()} - {*controls_of(FRAMEWORKS.values())})
"""A control that comes with orgaudit and that no framework requires."""

OWN = f"""id: own
title: Our rules
version: "1"
requirements:
  - {{ id: "1", title: Nobody uses root, assessment: automated, controls: [{OLD}] }}
"""


def chosen(directory: Path, text: str = "") -> rules.Rules:
    (directory / "orgaudit.toml").write_text(text)
    return rules_of(load(directory / "orgaudit.toml", {}, {}))


def ids(found: rules.Rules) -> set[str]:
    return {control.id for control in found.controls}


def test_without_a_choice_only_the_newest_run(tmp_path: Path) -> None:
    found = chosen(tmp_path)
    assert [framework.id for framework in found.frameworks] == ["cis_7.0", "fsbp", "nist_800_53_r5"]
    assert ids(found) == {*controls_of(found.frameworks)}
    assert OLD not in ids(found)
    assert found.headline == "cis_7.0"


def test_all_runs_every_framework_and_every_control(tmp_path: Path) -> None:
    found = chosen(tmp_path, 'scope.frameworks = ["all"]')
    assert {framework.id for framework in found.frameworks} == {*FRAMEWORKS}
    assert ids(found) == {*catalogue()}
    assert UNNAMED in ids(found)


def test_a_users_own_framework_runs_with_its_controls(tmp_path: Path) -> None:
    (tmp_path / "frameworks").mkdir()
    (tmp_path / "frameworks" / "own.yaml").write_text(OWN)
    found = chosen(tmp_path)
    assert [framework.id for framework in found.frameworks] == ["cis_7.0", "fsbp", "nist_800_53_r5", "own"]
    assert OLD in ids(found)


def test_a_users_own_control_runs_without_a_framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge() -> None:
        """Stand for a function of a user's package."""

    judge.__module__ = "acme.controls"
    known = dict(catalogue())
    own = Control(**{name: getattr(known[OLD], name) for name in Control.__slots__} | {"id": "acme_x", "judge": judge})
    monkeypatch.setattr(rules, "catalogue", lambda: {**known, own.id: own})
    assert own.id in ids(chosen(tmp_path))
    assert UNNAMED not in ids(chosen(tmp_path))
    assert own.id not in ids(chosen(tmp_path, 'scope.frameworks = ["cis_7.0"]'))


def test_the_named_headline_framework_runs_too(tmp_path: Path) -> None:
    found = chosen(tmp_path, 'report.headline_framework = "cis_1.2"')
    assert [framework.id for framework in found.frameworks] == ["cis_1.2", "cis_7.0", "fsbp", "nist_800_53_r5"]
    assert OLD in ids(found)
    assert found.headline == "cis_1.2"


def test_another_choice_leaves_the_named_headline_out(tmp_path: Path) -> None:
    found = chosen(tmp_path, 'report.headline_framework = "cis_1.2"\nscope.frameworks = ["nist_800_53_r5", "cis_3.0"]')
    assert found.headline == "cis_3.0"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            '[report]\nheadline_framework = "cis_8"',
            2,
            r"report\.headline_framework: no framework 'cis_8'; did you mean",
        ),
        ('[scope]\nframeworks = ["al"]', 2, r"scope\.frameworks: no framework 'al'; did you mean all\?"),
    ],
)
def test_an_unknown_framework_is_refused_with_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        chosen(tmp_path, text)
    assert (raised.value.file, raised.value.line) == (str(tmp_path / "orgaudit.toml"), line)


def test_the_environment_is_named_where_it_chooses_the_headline(tmp_path: Path) -> None:
    (tmp_path / "orgaudit.toml").write_text("")
    settings = load(tmp_path / "orgaudit.toml", {"ORGAUDIT_REPORT_HEADLINE_FRAMEWORK": "gone"}, {})
    with pytest.raises(ConfigError) as raised:
        rules_of(settings)
    assert raised.value.file == "environment ORGAUDIT_REPORT_HEADLINE_FRAMEWORK"
