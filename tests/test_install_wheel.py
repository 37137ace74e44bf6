"""The wheel works outside of a checkout: installed without an index, run in an empty directory with an empty HOME."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from orgaudit import __version__
from orgaudit.controls.declare import catalogue
from orgaudit.demo.accounts import account_named
from orgaudit.errors import ExitCode
from tests.installed import Installed, installation, wheel_of_checkout
from tests.shared import made_once

ROOT = Path(__file__).parents[1]
NEVER_WRITABLE = Path(os.devnull)
"""A HOME below which nobody can make a file, root included."""
CONTROL = "cloudtrail_trail_logging"
ADD = ("exceptions", "add", "--title", "A trail", "--by", "lev@example.com", "--draft")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the hatchling that set-up has installed."""
    return wheel_of_checkout(tmp_path_factory)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A new environment with the wheel, and with the dependencies of the tests' environment."""
    return Installed(made_once(tmp_path_factory, "environment", lambda directory: installation(directory, wheel)))


@pytest.fixture(params=["empty", "not writable"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A HOME in which there is nothing, and one in which nothing can be."""
    if request.param != "empty":
        return NEVER_WRITABLE
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty directory to work in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def digests(directory: Path) -> Mapping[Path, str]:
    found = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_wheel_has_every_file_of_the_package_and_of_config(wheel: Path) -> None:
    expected = {Path("orgaudit") / path: digest for path, digest in digests(ROOT / "orgaudit").items()}
    expected |= {Path("orgaudit/config") / path: digest for path, digest in digests(ROOT / "config").items()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {Path(name): hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    others = {path for path in packed if path.parts[0] != "orgaudit"}
    assert {path: digest for path, digest in packed.items() if path not in others} == expected
    assert {path.parts[0] for path in others} == {f"orgaudit-{__version__}.dist-info"}
    for name in ("config/limits.toml", "config/frameworks/cis_4.0.yaml", "report/report.schema.json", "py.typed"):
        assert Path("orgaudit", name) in expected
    assert any(path.suffix == ".csv" for path in expected)


def test_what_is_imported_is_the_wheel_and_not_the_checkout(installed: Installed, work: Path, home: Path) -> None:
    code = (
        "import json, sys, orgaudit\n"
        "from orgaudit.settings.documents import PACKAGED\n"
        "print(json.dumps([orgaudit.__file__, str(PACKAGED), sys.path]))\n"
    )
    done = installed("python", "-c", code, directory=work, home=home)
    assert done.returncode == 0, done.stderr
    file, packaged, places = json.loads(done.stdout)
    assert Path(file) == installed.package / "__init__.py"
    assert Path(packaged) == installed.package / "config"
    assert not any(Path(place) == ROOT for place in places)


def test_commands_work_in_an_empty_directory(installed: Installed, work: Path, home: Path) -> None:
    packaged = digests(installed.package)

    def ran(*arguments: str, ends: int = ExitCode.CLEAN) -> str:
        done = installed("orgaudit", *arguments, directory=work, home=home)
        assert done.returncode == ends, (arguments, done.stderr)
        return done.stdout + done.stderr

    assert ran("--version").split()[-1] == __version__
    assert set(catalogue()) <= set(ran("controls", "--framework", "all").split())
    assert "cis_4.0" in ran("frameworks")
    assert CONTROL in ran("explain", CONTROL)
    assert "properties" in json.loads(ran("report", "--schema"))
    assert "sts:AssumeRole" in ran("policy", "--for", "caller")
    assert "there is no register here: run `orgaudit init`" in ran(*ADD, ends=ExitCode.USAGE)
    assert "no exception register was found" in ran("exceptions", "list")
    assert list(work.iterdir()) == []
    assert "config/exceptions.yaml written" in ran("init")
    assert "written to config/exceptions.yaml" in ran(*ADD)
    assert ran("exceptions", "check") == "config/exceptions.yaml: 1 sound, 0 invalid\n"
    assert "A trail" in ran("exceptions", "list")
    assert ran("exceptions", "export", "register.xlsx").startswith("register.xlsx: 1 exceptions")
    assert (work / "register.xlsx").stat().st_size > 0
    assert digests(installed.package) == packaged
    assert home == NEVER_WRITABLE or list(home.iterdir()) == []


def test_the_embedded_organization_is_audited(installed: Installed, work: Path, home: Path) -> None:
    accounts = ",".join(account_named(name).id for name in ("Log Archive", "Webshop Production"))
    scope = {"ORGAUDIT_SCOPE_ACCOUNTS": accounts, "ORGAUDIT_SCOPE_CONTROLS": CONTROL}
    packaged = digests(installed.package)

    def ran(*arguments: str) -> str:
        done = installed("orgaudit", *arguments, directory=work, home=home, **scope)
        assert done.returncode == ExitCode.CLEAN, (arguments, done.stderr)
        return done.stdout

    assert "2 of 2 accounts" in ran("demo")
    latest = work / "reports" / "latest"
    assert json.loads((latest / "report.json").read_text())["run"]
    assert (latest / "report.xlsx").stat().st_size > 0
    assert "whole" in ran("verify", "latest")
    counted = ran("query", "latest", "SELECT count(DISTINCT account_id) AS accounts FROM findings")
    assert counted == "accounts\n2\n"
    assert digests(installed.package) == packaged
    assert home == NEVER_WRITABLE or list(home.iterdir()) == []
