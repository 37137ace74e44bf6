"""Writing formats: which there are, whose each file is, what is refused."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from orgaudit.cli.audit import report_command
from orgaudit.errors import ConfigError
from orgaudit.report.formats import FORMATS, JSON_VERSIONS, Format, named
from orgaudit.report.viewing import viewing
from orgaudit.settings.sections import RunSettings
from orgaudit.store.run import Run
from orgaudit.store.tables import findings_table
from tests.report.small import REGISTER, write


def test_each_format_is_written_once_in_the_order_asked_for(small: Run) -> None:
    paths = write(small, REGISTER, ["json", "xlsx", "json"])
    assert [path.name for path in paths] == ["report.json", "report.xlsx"]
    assert all(path.parent == small.path and path.stat().st_size for path in paths)


def test_an_unknown_format_is_refused_before_anything_is_written(small: Run) -> None:
    with pytest.raises(ConfigError, match=r"unknown format 'pdf'; known: asff, csv, .*, xlsx"):
        write(small, REGISTER, ["json", "pdf"])
    assert not list(small.results.glob("report.*"))


def test_no_format_still_makes_the_tables(small: Run) -> None:
    assert write(small, REGISTER, []) == []
    assert findings_table(small).exists()


def test_the_help_names_the_usual_formats() -> None:
    (option,) = (each for each in report_command.params if each.name == "formats")
    assert isinstance(option, click.Option)
    assert option.help is not None
    assert f"[default: {', '.join(RunSettings().formats)}]" in option.help


EVERY = {**FORMATS, **{f"json {version}": each for version, each in JSON_VERSIONS.items() if version == 1}}


@pytest.mark.parametrize("name", EVERY)
def test_names_of_files_begin_as_verify_looks_for_them(name: str) -> None:
    """A file that begins otherwise would be in no list of reports, and `orgaudit verify` would not miss it."""
    assert EVERY[name].file.startswith("report.")
    assert "/" not in EVERY[name].file


def test_every_file_is_of_one_format_and_is_what_was_returned(small: Run) -> None:
    write(small, REGISTER, [])
    with viewing(small) as view:
        written = {name: each.write(view, small.results) for name, each in EVERY.items()}
    owners = {path: [name for name, each in EVERY.items() if each.owns(path.name)] for path in small.results.iterdir()}
    assert {name: {path for path, found in owners.items() if found == [name]} for name in EVERY} == {
        name: set(paths) for name, paths in written.items()
    }
    assert all(EVERY[name].files(small.results) == sorted(paths) for name, paths in written.items())
    assert all(written.values())
    assert {path for path, found in owners.items() if found} == set(small.results.glob("report.*"))


@pytest.mark.parametrize("name", [name for name, each in EVERY.items() if "*" in each.file])
def test_what_is_left_of_more_files_is_removed(small: Run, name: str) -> None:
    each, others = EVERY[name], {Path(it.file).name for it in EVERY.values() if it is not EVERY[name]}
    left = small.results / each.file.replace("*", "9999")
    kept = [small.results / it.replace("*", "9999") for it in others]
    for path in (left, *kept):
        path.write_text("of an earlier writing")
    write(small, REGISTER, [])
    with viewing(small) as view:
        each.write(view, small.results)
    assert not left.exists()
    assert all(path.read_text() == "of an earlier writing" for path in kept)


def test_a_pattern_owns_only_its_own_names() -> None:
    several = Format("report.several-*.json", "nothing", "nobody", "nothing")
    names = ("report.several-0001.json", "report.several.json", "report.json", "as-of-2026-10-01/report.several-1.json")
    assert [several.owns(name) for name in names] == [True, False, False, False]


def test_many_files_of_a_format_are_one_name_to_read() -> None:
    few = [Path("a/report.json"), Path("a/report.flat-findings.csv"), Path("a/report.flat-requirements.csv")]
    many = [Path(f"a/report.asff-{number:04d}.json") for number in range(1, 1201)]
    assert named([*few, *many, Path("a/report.xlsx")]) == [
        *few,
        "a/report.asff-*.json (1,200 files)",
        Path("a/report.xlsx"),
    ]
