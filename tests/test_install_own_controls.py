"""The template of docs/own-controls: built and installed by pip beside orgaudit, its controls judge like ours."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from orgaudit import __version__
from orgaudit.demo.accounts import account_named
from orgaudit.errors import ExitCode
from tests.installed import ROOT, Installed, built, installation, pip, wheel_of_checkout

TEMPLATE = ROOT / "docs" / "own-controls"
ALIAS, DOTS = "acme_account_alias_set", "acme_bucket_name_without_dots"
ACTION = "iam:ListAccountAliases"
OURS = "cloudtrail_trail_logging"


@pytest.fixture(scope="module")
def orgaudit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of orgaudit."""
    return wheel_of_checkout(tmp_path_factory)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, as a user would copy it."""
    return Path(shutil.copytree(TEMPLATE, tmp_path_factory.mktemp("acme") / "rules"))


@pytest.fixture(scope="module")
def installed(orgaudit: Path, acme: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with orgaudit and the template."""
    wheel = built(acme, tmp_path_factory.mktemp("acme-wheel"))
    return installation(tmp_path_factory.mktemp("environment"), orgaudit, wheel)


@pytest.fixture(scope="module")
def desk(installed: Installed, acme: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with settings, and with the template's framework beside them."""
    directory = tmp_path_factory.mktemp("desk")
    ran(installed, directory, "init")
    shutil.copytree(acme / "frameworks", directory / "config" / "frameworks")
    return directory


def ran(installed: Installed, desk: Path, *arguments: str, ends: int = ExitCode.CLEAN, **variables: str) -> str:
    done = installed("orgaudit", *arguments, directory=desk, home=desk, **variables)
    assert done.returncode == ends, (arguments, done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_its_own_tests_pass(installed: Installed, acme: Path) -> None:
    done = installed("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", directory=acme, home=acme)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed", done.stdout)


def test_its_controls_are_listed_explained_and_in_the_policy(installed: Installed, desk: Path) -> None:
    listed = json.loads(ran(installed, desk, "controls", "--json"))
    assert {ALIAS, DOTS} <= {each["id"] for each in listed}
    only = json.loads(ran(installed, desk, "controls", "--framework", "acme", "--json"))
    assert [each["id"] for each in only] == [ALIAS, DOTS, OURS]
    assert {each["service"] for each in only} == {"acme", "cloudtrail"}
    assert json.loads(ran(installed, desk, "controls", "--control", "A-1", "--json")) == only[:2]
    explained = ran(installed, desk, "explain", ALIAS)
    assert ACTION in explained
    assert "acme:A-1" in explained
    assert "acme_rules/acme.py" in explained
    assert ACTION in ran(installed, desk, "policy", "--framework", "acme")
    assert ACTION not in ran(installed, desk, "policy", "--framework", "cis_7.0")


def test_its_framework_is_checked(installed: Installed, desk: Path) -> None:
    said = ran(installed, desk, "frameworks", "check", "config/frameworks/acme.yaml")
    assert "3 requirements: 2 automated, 1 manual; 2 covered by controls" in said
    assert f"names 3 controls: 2 of acme-rules 1.0.0, 1 of orgaudit {__version__}" in said
    assert said.endswith("acme.yaml: sound\n")


def test_its_controls_judge_the_demo(installed: Installed, desk: Path) -> None:
    accounts = ",".join(account_named(name).id for name in ("Log Archive", "Webshop Production"))
    scope = {"ORGAUDIT_SCOPE_ACCOUNTS": accounts, "ORGAUDIT_SCOPE_FRAMEWORKS": "acme"}
    assert "2 of 2 accounts" in ran(installed, desk, "demo", ends=ExitCode.CLEAN, **scope)
    query = "SELECT control, status, count(DISTINCT account_id) AS accounts FROM findings GROUP BY ALL ORDER BY ALL"
    rows = {tuple(line.split(",")) for line in ran(installed, desk, "query", "latest", query).splitlines()[1:]}
    assert (ALIAS, "FAIL", "2") in rows
    assert any(control == DOTS and status == "PASS" for control, status, _ in rows)
    assert {status for control, status, _ in rows if control.startswith("acme_")} == {"PASS", "FAIL"}
    report = json.loads((desk / "reports" / "latest" / "report.json").read_text())
    [framework] = report["frameworks"]
    statuses = {each["id"]: each["status"] for each in framework["requirements"]}
    assert statuses["A-1"] == "FAIL"
    assert statuses["A-3"] == "MANUAL"


def test_a_clash_of_ids_names_both_packages(
    installed: Installed, orgaudit: Path, acme: Path, desk: Path, tmp_path: Path
) -> None:
    second = Path(shutil.copytree(acme, tmp_path / "second"))
    (second / "acme_rules").rename(second / "umbra_rules")
    for path in (second / "pyproject.toml", second / "umbra_rules" / "acme.py"):
        text = path.read_text().replace("acme_rules", "umbra_rules").replace("acme-rules", "umbra-rules")
        path.write_text(text.replace("AcmeAccountAlias", "UmbraAccountAlias"))
    facts = second / "umbra_rules" / "facts.py"
    facts.write_text(facts.read_text().replace("AcmeAccountAlias", "UmbraAccountAlias"))
    both = installation(
        tmp_path / "environment", orgaudit, *(built(each, tmp_path / each.name[:3]) for each in (acme, second))
    )
    said = ran(both, desk, "controls", ends=ExitCode.USAGE)
    assert f"two controls are called {ALIAS}" in said
    assert "acme_rules.acme (acme-rules 1.0.0)" in said
    assert "umbra_rules.acme (umbra-rules 1.0.0)" in said
    assert "rename the one in your package, or uninstall it" in said
    facts.write_text(facts.read_text().replace("UmbraAccountAlias", "AcmeAccountAlias"))
    umbra = second / "umbra_rules" / "acme.py"
    umbra.write_text(umbra.read_text().replace("UmbraAccountAlias", "AcmeAccountAlias").replace("acme_", "umbra_"))
    again = built(second, tmp_path / "again")
    pip(
        "--python",
        both.environment / "bin" / "python",
        "install",
        "--no-index",
        "--no-deps",
        "--force-reinstall",
        again,
    )
    said = ran(both, desk, "controls", ends=ExitCode.USAGE)
    assert "two types of facts are called AcmeAccountAlias: acme_rules.facts (acme-rules 1.0.0) and " in said
    (second / "umbra_rules" / "facts.py").write_text("import nowhere_at_all\n")
    broken = built(second, tmp_path / "broken")
    pip(
        "--python",
        both.environment / "bin" / "python",
        "install",
        "--no-index",
        "--no-deps",
        "--force-reinstall",
        broken,
    )
    said = ran(both, desk, "controls", ends=ExitCode.USAGE)
    assert "umbra_rules.acme cannot be loaded (ModuleNotFoundError: No module named 'nowhere_at_all')" in said
    assert "correct or uninstall umbra-rules 1.0.0" in said


def test_the_readme_names_what_is_there() -> None:
    text = (TEMPLATE / "README.md").read_text()
    assert len(text.splitlines()) <= 40
    for path in re.findall(r"`((?:acme_rules|frameworks)/[\w./]+\w)`", text):
        assert (TEMPLATE / path).exists(), path
    assert ALIAS in text
    assert DOTS in text
