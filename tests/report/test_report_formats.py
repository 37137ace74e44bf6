"""Writing formats: which there are, what is refused."""

from __future__ import annotations

import click
import pytest

from orgaudit.cli.audit import report_command
from orgaudit.errors import ConfigError
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
