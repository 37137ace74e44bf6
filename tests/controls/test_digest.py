"""The digest of a control: what changes it, what does not, and that it is the same everywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

import orgaudit
from orgaudit.controls import digest
from orgaudit.controls.declare import Control, catalogue
from orgaudit.controls.digest import control_digest, definitions_of
from orgaudit.model import RequirementRef, Verdict, passed
from orgaudit.settings.thresholds import Thresholds
from tests.factories import name_of

CONTROLS = catalogue()
USUAL = Thresholds()
HTTP, GROUP, IDLE = "s3_bucket_http_denied", "ec2_security_group_ssh_closed_to_internet", "iam_root_idle"
ALARM, LENGTH = "logs_metric_filter_vpc_changes_alarmed", "iam_password_policy_min_length_14"
ASKED = (RequirementRef("cis_4.0", "1.4"), RequirementRef("cis_5.0", "1.3"))
every_control = pytest.mark.parametrize("control", CONTROLS.values(), ids=name_of)

PRINT_ALL = """
import json, sys, orgaudit
from orgaudit.controls.declare import catalogue
from orgaudit.controls.digest import control_digest
from orgaudit.settings.thresholds import Thresholds
assert orgaudit.__file__.startswith(sys.argv[1]), orgaudit.__file__
print(json.dumps({name: control_digest(found, Thresholds(), ()) for name, found in catalogue().items()}))
"""


def of(name: str, thresholds: Thresholds = USUAL, requirements: tuple[RequirementRef, ...] = ()) -> list[str]:
    """The two parts of a control's digest."""
    return control_digest(CONTROLS[name], thresholds, requirements).split("-")


def printed(code: str, *arguments: str, path: Path, seed: str = "1") -> Any:
    """What another process prints as JSON that imports from this path."""
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another copy of the package, in another directory."""
    here = Path(str(orgaudit.__file__)).parent
    shutil.copytree(here, tmp_path / "orgaudit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edit(checkout: Path, module: str, before: str, after: str) -> None:
    path = checkout / "orgaudit" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def changed(checkout: Path) -> set[str]:
    """The controls whose digest in the copy differs from that of this process."""
    there = printed(PRINT_ALL, str(checkout), path=checkout, seed="7")
    return {name for name, found in CONTROLS.items() if there[name] != control_digest(found, USUAL, ())}


# Every control


@every_control
def test_every_control_has_one(control: Control) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}-[0-9a-f]{64}", control_digest(control, USUAL, ASKED))


def test_controls_of_one_factory_differ() -> None:
    assert len({control_digest(each, USUAL, ()) for each in CONTROLS.values()}) == len(CONTROLS)


def reached(function: Any, seen: set[Any]) -> Iterator[FunctionType]:
    """A function and those that it calls, as the compiled code names them: not by the source, unlike the digest."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or function in seen:
        return
    seen.add(function)
    yield function
    waiting = [function.__code__]
    names = set[str]()
    while waiting:
        code = waiting.pop()
        names |= {*code.co_names}
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    named = [function.__globals__.get(name) for name in names]
    modules = [each for each in named if isinstance(each, ModuleType)]
    inside = [getattr(module, name, None) for module in modules for name in names]
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    for each in (*named, *inside, *held):
        yield from reached(each, seen)


@every_control
def test_every_function_that_a_control_calls_counts(control: Control) -> None:
    places = set(definitions_of(control))
    found = {(each.__module__, each.__qualname__.partition(".")[0]) for each in reached(control.judge, set())}
    judging = {(module, name) for module, name in found if module.startswith(digest.PACKAGES) and name != "<lambda>"}
    lacking = {each for each in judging - places if each[0] not in digest.NOT_JUDGING}
    assert not lacking


# What changes it


def test_a_threshold_that_the_control_reads_changes_the_first_part() -> None:
    longer = Thresholds(root_idle_days=91)
    assert of(IDLE, longer)[0] != of(IDLE)[0]
    assert of(IDLE, longer)[1] == of(IDLE)[1]
    assert of(HTTP, longer) == of(HTTP)
    assert of(IDLE, Thresholds(delivery_hours=7)) == of(IDLE)
    assert of(ALARM, Thresholds(delivery_hours=7)) != of(ALARM)


def test_the_order_of_a_thresholds_values_changes_nothing() -> None:
    name = "ec2_security_group_admin_ports_closed_to_ipv4_internet"
    first, second, other = (Thresholds(further_admin_ports=ports) for ports in ((5985, 5986), (5986, 5985), (5985,)))
    assert of(name, first) == of(name, second)
    assert of(name, first) != of(name, other)


@every_control
def test_every_control_with_thresholds_reads_some(control: Control) -> None:
    every = Thresholds.model_fields.keys()
    _, read = digest._code_of(control)
    assert bool(read & every) is (Thresholds in control.takes)


def test_requirements_change_the_second_part() -> None:
    code, mapping = of(HTTP, requirements=ASKED)
    assert of(HTTP, requirements=ASKED[::-1]) == [code, mapping]
    assert of(HTTP, requirements=ASKED[:1])[0] == code
    assert of(HTTP, requirements=ASKED[:1])[1] != mapping


def test_what_judges_changes_it_and_nothing_else_does(checkout: Path) -> None:
    edit(checkout, "languages/truth", "    undecided:", "    # A comment in a definition counts too.\n    undecided:")
    edit(checkout, "controls/iam/passwords", "LENGTH, REMEMBERED, AGE = 14", "LENGTH, REMEMBERED, AGE = 12")
    found = changed(checkout)
    assert {HTTP, LENGTH} <= found
    assert not {GROUP, IDLE} & found


def test_one_control_of_a_module_changes_alone(checkout: Path) -> None:
    edit(checkout, "controls/iam/root", "        keys == 0,", "        keys <= 0,")
    assert changed(checkout) == {"iam_root_access_keys_absent"}
    edit(checkout, "facts/iam/root", "kinds = (self.password", "kinds = (self.mfa, self.password")
    assert {"iam_root_mfa_enabled", "iam_root_hardware_mfa_enabled"} <= changed(checkout)


def test_words_and_other_modules_change_nothing(checkout: Path) -> None:
    edit(checkout, "controls/iam/root", "The root user has no access keys.", "Root has no access keys.")
    edit(checkout, "controls/efs", "Create file systems only", "Create all file systems only")
    edit(checkout, "controls/efs", "Severity.MEDIUM", "Severity.LOW")
    edit(checkout, "analysis/s3/transport", "import json", "import json\n\nLIMIT = 1")
    edit(checkout, "facts/efs", "async def ", "# It collects.\nasync def ")
    for module in ("aws/failures", "cli/catalogue", "report/view", "store/run", "controls/declare", "evaluate/account"):
        edit(checkout, module, "from __future__ import annotations", "from __future__ import annotations\n\nMORE = 1")
    assert changed(checkout) == set()


# The same everywhere


def test_a_checkout_with_other_line_endings_is_the_same(checkout: Path) -> None:
    for path in (checkout / "orgaudit").rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert changed(checkout) == set()


def test_each_module_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for cached in (digest._module, digest._code_of):
        cached.cache_clear()
    read: list[str] = []
    init = digest._Module.__init__

    def noted(self: digest._Module, name: str, package: str, source: str) -> None:
        read.append(name)
        init(self, name, package, source)

    monkeypatch.setattr(digest._Module, "__init__", noted)
    first = [control_digest(control, USUAL, ()) for control in CONTROLS.values()]
    assert len(read) == len(set(read)) > 100
    assert [control_digest(control, USUAL, ()) for control in CONTROLS.values()] == first
    assert len(read) == len(set(read))


# Controls of other packages


RULES = {
    "company_rules/__init__.py": "",
    "company_rules/limits.py": "MOST = 3\nLEAST = 1\n",
    "company_rules/efs.py": '''
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.efs import FileSystem
from orgaudit.model import Disruption, Effort, Severity, Verdict, require

from . import limits
from .words import said

FIX = Fix(
    service_wide="Do it.", asset="Do it.", command="aws efs x", preventive="Do it.",
    effort=Effort.S, per_resource=True, disruption=Disruption.NONE, reversible=True,
)


@control(Severity.LOW, fix=FIX)
def efs_name_short(system: FileSystem) -> Verdict:
    """Names are short.

    Long ones are not.
    """
    return require(len(system.name) < limits.MOST, then=said(True), otherwise=said(False))
''',
    "company_rules/words.py": "def said(short):\n    return 'short' if short else 'long'\n",
}
PRINT_ONE = """
import json
from company_rules.efs import efs_name_short
from orgaudit.controls.digest import control_digest
from orgaudit.settings.thresholds import Thresholds
print(json.dumps(control_digest(efs_name_short, Thresholds(), ())))
"""


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., str]:
    """What gives the digest of a control of another package, some of whose files are changed."""

    def build(**changes: str) -> str:
        for name, text in (RULES | {f"company_rules/{each}.py": text for each, text in changes.items()}).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        found = printed(PRINT_ONE, path=Path(f"{tmp_path}{os.pathsep}{Path(str(orgaudit.__file__)).parents[1]}"))
        return str(found)

    return build


def test_a_control_of_another_package_counts_what_that_package_calls(rules: Callable[..., str]) -> None:
    first = rules()
    assert first
    assert rules(limits="MOST = 3\nLEAST = 2\n") == first
    assert rules(limits="MOST = 4\nLEAST = 1\n") != first
    assert rules(words="def said(short):\n    return 'yes' if short else 'no'\n") != first


def test_without_source_there_is_none() -> None:
    def judge() -> Verdict:
        return passed("it is right")

    judge.__module__ = "made_by_no_file"
    assert control_digest(replace(CONTROLS[HTTP], judge=judge), USUAL, ()) == ""
