"""Former ids of controls: resolved wherever they are looked up, and kept by the fingerprints of findings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orgaudit.controls.aliases import ALIASES, first_id, resolve
from orgaudit.controls.declare import catalogue
from orgaudit.controls.efs import efs_file_system_encrypted as encrypted
from orgaudit.errors import ConfigError
from orgaudit.evaluate.rules import rules_again, rules_of
from orgaudit.facts.shard import ListingResult
from orgaudit.model import RequirementRef, fingerprint
from orgaudit.settings.frameworks import Assessment, Framework, Requirement, requirements_of
from orgaudit.settings.settings import Settings, load
from tests.evaluated import findings
from tests.factories import HOME, MEMBER, facts_of
from tests.factories_efs import a_file_system

FIRST, FORMER, PRESENT = "efs_volume_encrypted", "efs_system_encrypted", encrypted.id
OWN = f"""id: own
title: Our rules
version: "1"
requirements:
  - id: R-1
    title: File systems are encrypted
    assessment: automated
    controls: [{FORMER}, {PRESENT}]
"""


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One control was renamed twice."""
    monkeypatch.setitem(ALIASES, FIRST, PRESENT)
    monkeypatch.setitem(ALIASES, FORMER, PRESENT)


def settings(directory: Path, **scope: Any) -> Settings:
    (directory / "frameworks").mkdir(exist_ok=True)
    (directory / "frameworks" / "own.yaml").write_text(OWN)
    (directory / "orgaudit.toml").touch()
    return load(directory / "orgaudit.toml", {}, {"scope": scope})


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize("name", [FIRST, FORMER, PRESENT])
def test_every_id_that_a_control_had_leads_to_it(name: str) -> None:
    assert (resolve(name), first_id(resolve(name))) == (PRESENT, FIRST)


@pytest.mark.parametrize("name", [FORMER, "efs_*", "kms_key_rotation_enabled"])
def test_other_names_and_patterns_stay_as_they_are(name: str) -> None:
    assert (resolve(name), first_id(name)) == (name, name)


@pytest.mark.parametrize(("former", "present"), [("kms_key_rotation_enabled", PRESENT), (FORMER, "efs_gone")])
def test_an_alias_that_is_an_id_or_leads_to_none_is_refused(
    former: str, present: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALIASES, former, present)
    with pytest.raises(TypeError, match=f"the alias {former} is the id of a control, or leads to none"):
        catalogue.__wrapped__()


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize("scope", [{"controls": (FORMER,)}, {"controls": (FIRST, PRESENT)}, {"frameworks": ("own",)}])
def test_a_run_is_scoped_by_a_former_id(scope: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    chosen = rules_of(settings(tmp_path, **scope))
    assert chosen.controls == (encrypted,)
    assert "own" in {ref.framework for ref in requirements_of(chosen.frameworks, PRESENT)}


def test_without_an_alias_the_former_id_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no control '{FORMER}'"):
        rules_of(settings(tmp_path))


@pytest.mark.usefixtures("renamed")
def test_a_run_from_before_the_renaming_resumes() -> None:
    requirement = Requirement(id="R-1", title="Encrypted", assessment=Assessment.AUTOMATED, controls=(FORMER,))
    own = Framework(id="own", title="Our rules", version="1", requirements=(requirement,))
    settings: dict[str, Any] = {"scope": {"accept_blocked_regions": []}}
    controls = (SimpleNamespace(id=FORMER),)
    manifest: Any = SimpleNamespace(
        controls=controls, frameworks=(own,), headline_framework="own", thresholds={}, settings=settings
    )
    chosen = rules_again(manifest)
    assert chosen.controls == (encrypted,)
    assert requirements_of(chosen.frameworks, PRESENT) == [RequirementRef("own", "R-1")]


@pytest.mark.usefixtures("renamed")
def test_findings_keep_the_fingerprint_of_the_first_id(tmp_path: Path) -> None:
    system = a_file_system()
    [finding] = findings(
        tmp_path, encrypted, facts_of(MEMBER, ListingResult("FileSystem", HOME), system, regions=(HOME,))
    )
    assert (finding.control, finding.fingerprint) == (PRESENT, fingerprint(FIRST, MEMBER, HOME, system.arn))
