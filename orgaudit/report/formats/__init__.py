"""The formats in which a run is reported: each has one line in FORMATS, and a module that writes a view.

A format neither counts nor filters nor sorts by itself: the view did. A format's module is imported when it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from orgaudit.errors import ConfigError
from orgaudit.settings.documents import nearest

if TYPE_CHECKING:
    from orgaudit.report.view import View


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of report: its files in the results of a run, the module that writes them, who reads it and what it is.

    `file` is the name of its file, or for a format of several a pattern of their names, as fnmatch has it. The module
    has `write`, which for one file takes a view and the file's path, and for several the view and the directory of the
    results and returns the files.
    """

    file: str
    module: str
    reader: str
    what: str

    def owns(self, name: str) -> bool:
        """Return whether a file of the results is one of this format."""
        return fnmatchcase(name, self.file)

    def files(self, results: Path) -> list[Path]:
        """Return the files of this format that are in the results."""
        return sorted(results.glob(self.file))

    def write(self, view: View, results: Path) -> list[Path]:
        """Write the view, and return the files; what an earlier writing left beside them is removed."""
        write = import_module(f"orgaudit.report.{self.module}").write
        if "*" not in self.file:
            write(view, results / self.file)
            return [results / self.file]
        written: Sequence[Path] = write(view, results)
        for left in set(self.files(results)) - set(written):
            left.unlink()
        return list(written)


FORMATS: dict[str, Format] = {
    "xlsx": Format(
        "report.xlsx", "xlsx", "executives, owners, auditors", "The workbook; its page one is for the meeting."
    ),
    "html": Format(
        "report.html",
        "page",
        "engineers",
        "One page to filter, search and link to, without any network; opens in a browser.",
    ),
    "json": Format(
        "report.json",
        "json_document",
        "programs",
        "The same figures and all findings; `orgaudit report --schema` describes it.",
    ),
    "csv": Format(
        "report.flat-*.csv",
        "formats.csv_files",
        "spreadsheets, Power BI",
        "Two flat tables, a row a finding and a row a finding and requirement; quarters stack.",
    ),
    "parquet": Format(
        "report.flat-*.parquet",
        "formats.parquet",
        "Power BI, data lakes",
        "The same two tables with types, smaller and faster to load.",
    ),
    "ocsf": Format(
        "report.ocsf.json",
        "formats.ocsf",
        "Security Lake, Splunk and other SIEMs",
        "Every finding as an OCSF Compliance Finding (2003).",
    ),
    "ocsf-prowler": Format(
        "report.prowler.ocsf.json",
        "formats.ocsf_prowler",
        "DefectDojo's and Prowler Cloud's imports",
        "The findings as Prowler writes its own: OCSF Detection Findings (2004).",
    ),
    "asff": Format(
        "report.asff-*.json",
        "formats.asff",
        "AWS Security Hub",
        "Every finding in the AWS Security Finding Format, in files that Security Hub's import takes.",
    ),
    "sarif": Format(
        "report.sarif-*.json",
        "formats.sarif",
        "GitHub code scanning, editors",
        "What fails and what was not assessed, a file for each account, or several of 5,000 results.",
    ),
    "junit": Format(
        "report.junit.xml",
        "formats.junit",
        "GitLab, Jenkins and other CI",
        "Every finding as a test: an open one fails, what was not assessed is an error, an exception a skip.",
    ),
    "defectdojo": Format(
        "report.defectdojo.json",
        "formats.defectdojo",
        "DefectDojo",
        "What fails and what was not assessed, for its Generic Findings Import.",
    ),
    "oscal-ar": Format(
        "report.oscal-ar.json",
        "formats.oscal_ar",
        "auditors, GRC tools",
        "OSCAL assessment results: every requirement, what fails, risks, deviations, and what was not assessed.",
    ),
    "oscal-poam": Format(
        "report.oscal-poam.json",
        "formats.oscal_poam",
        "auditors, GRC tools",
        "OSCAL plan of action and milestones: an item for each weakness, with its assets, due dates and exception.",
    ),
    "fedramp-poam": Format(
        "report.fedramp-poam.xlsx",
        "formats.fedramp_poam",
        "agencies and FedRAMP",
        "FedRAMP's POA&M template: a row for each weakness, with its assets, due dates and exception.",
    ),
    "jira-csv": Format(
        "report.jira.csv",
        "formats.jira",
        "Jira's CSV import",
        "A ticket for each action and owner, with an id that stays; together they have every open issue.",
    ),
    "servicenow-csv": Format(
        "report.servicenow.csv",
        "formats.servicenow",
        "import sets of ServiceNow",
        "The same tickets, for a transform map that coalesces on correlation_id.",
    ),
}
"""Every format by the name that `--format` takes."""

JSON_VERSION = 2
"""The version of report.json's schema."""
JSON_VERSIONS = {
    JSON_VERSION: FORMATS["json"],
    1: Format("report.v1.json", "json_version_1", "programs of before", "The first version of report.json."),
}
"""The format of each version of the JSON's schema; an older one has a file of its own beside the present one's."""


def chosen(names: Iterable[str], json_version: int = JSON_VERSION) -> dict[str, Format]:
    """Return the formats of these names, each once, the JSON in this version; raises ConfigError for an unknown one."""
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in FORMATS]:
        raise ConfigError(f"unknown format {unknown[0]!r}; {nearest(unknown[0], FORMATS)}", key="run.formats")
    return {name: JSON_VERSIONS[json_version] if name == "json" else FORMATS[name] for name in wanted}


FEW = 3
"""How many files of one format are named one by one."""


def named(paths: Iterable[Path]) -> list[Path | str]:
    """Return files of reports as people read them: of a format with many, the pattern of their names and how many."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        pattern = next((each.file for each in FORMATS.values() if each.owns(path.name)), path.name)
        found.setdefault(path.with_name(pattern), []).append(path)
    return [
        name
        for pattern, files in found.items()
        for name in (files if len(files) <= FEW else [f"{pattern} ({len(files):,} files)"])
    ]
