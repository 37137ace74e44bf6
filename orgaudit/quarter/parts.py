"""The parts of a quarter's folder: who each is for, and how it is written from what the reports show."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orgaudit.actions import text as actions_text
from orgaudit.errors import ConfigError
from orgaudit.evidence.stage import Request, write
from orgaudit.history import text as history_text
from orgaudit.history.sentence import sentence
from orgaudit.quarter import read_me
from orgaudit.quarter.folder import Folder, moment
from orgaudit.quarter.read_me import Place
from orgaudit.register import notices
from orgaudit.register.file.load import Register, register_of
from orgaudit.register.mails import Sender
from orgaudit.register.reminders import messages
from orgaudit.report.formats import FORMATS, chosen, named
from orgaudit.report.part import Division
from orgaudit.report.split import split
from orgaudit.report.view import View
from orgaudit.settings.ownership import owners_of
from orgaudit.settings.people import People
from orgaudit.settings.settings import Settings
from orgaudit.spreadsheet.text import inert
from orgaudit.store import seal
from orgaudit.store.run import Run, writing
from orgaudit.words import counted

REPORTS = "reports"
COLUMNS = 100
"""The width of texts in the folder."""
WITHIN = 92
"""Days in which reminders look ahead: to the next quarter, when the next ones are written."""
NOUN = "issues"
FIRST = 20
"""How many actions the text lists."""
EVIDENCE = "evidence.zip"
SAMPLE = 25
"""Evaluations of each requirement in the evidence; `orgaudit evidence` draws another sample, or writes all."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the parts are made of: the run with its results, what the reports show, and what people set."""

    folder: Folder
    run: Run
    view: View
    settings: Settings
    register_file: Path | None
    sender: str | None

    @property
    def person(self) -> str | None:
        """Who sends the mails: the sender that was named, else the audit team of the settings."""
        return self.sender or self.view.manifest.ownership.audit_team or self.settings.ownership.audit_team

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder; raises ReportError."""
        with writing(self.folder.path / name) as file:
            file.write(content)

    def copy(self, path: Path, name: str) -> None:
        """Write a copy of a file as a file of the folder; raises ReportError."""
        with path.open("rb") as source, writing(self.folder.path / name) as copy:
            shutil.copyfileobj(source, copy)

    def write_text(self, name: str, lines: Iterable[str]) -> None:
        """Write a text of these lines; raises ReportError."""
        self.write(name, "".join(f"{line}\n" for line in lines).encode())

    def write_table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write CSV, with a ' before a text that a spreadsheet would take for a formula; raises ReportError."""
        with writing(self.folder.path / name) as file:
            text = io.TextIOWrapper(file, "utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
            text.detach()


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its step's name, the files and directories that are its own, and what writes them.

    `write` returns a few words on what there is.
    """

    name: str
    places: tuple[Place, ...]
    write: Callable[[Material], str]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its files and directories."""
        return tuple(place.name for place in self.places)


def reports(material: Material) -> str:
    """Copy the reports of the run: editing a copy leaves the run as it was sealed."""
    wanted = chosen(material.settings.run.formats).values()
    found = [path for each in wanted for path in each.files(material.run.results)]
    for path in found:
        material.copy(path, path.name)
    return ", ".join(map(str, named(Path(path.name) for path in found)))


def changes(material: Material) -> str:
    """Write what changed since the baseline, as the run's results keep it."""
    comparison = material.view.comparison
    if comparison.baseline_date is None:
        material.write_text("changes.txt", [f"Not compared: {comparison.why_none}."])
        return "not compared"
    counts = {it.kind: it.count for it in comparison.issues}
    before, after = history_text.opened_and_closed(comparison.issues)
    summary = sentence(counts, NOUN, comparison.baseline_date)
    sides = [
        history_text.Side(comparison.baseline or "", comparison.baseline_date.isoformat(), before),
        history_text.Side(material.run.id, comparison.points[-1].date.isoformat(), after),
    ]
    lines = list(history_text.lines(summary, sides, NOUN, comparison.issues))
    if comparison.rules:
        lines += ["", history_text.rules_changed(comparison.rules)]
    material.write_text("changes.txt", lines)
    material.write_table("changes.csv", history_text.COLUMNS, history_text.rows(material.view.changes()))
    return f"since {comparison.baseline_date.isoformat()}, run {comparison.baseline}"


def actions(material: Material) -> str:
    """Write what to do first: a text of the first actions, and a table with all commands."""
    plan = material.view.actions
    first = msgspec.structs.replace(plan, actions=plan.actions[:FIRST])
    material.write_text("actions.txt", actions_text.lines(first, COLUMNS, "actions.csv has all commands"))
    material.write_table("actions.csv", actions_text.COLUMNS, actions_text.rows(plan))
    return counted(plan.count, "action")


def owners(material: Material) -> str:
    """Copy the workbook of each owner of the run, and the mail that carries it."""
    view = material.view
    found = list(
        split(
            material.run,
            Division.OWNER,
            standing=view.standing,
            settings=view.settings,
            audit_team=material.person or "",
        )
    )
    mails = [each.mail for each in found if each.mail]
    for path in (*(each.workbook for each in found), *mails):
        material.copy(path, f"owners/{path.name}")
    return f"{counted(len(found), 'workbook')}, {counted(len(mails), 'mail')}"


def evidence(material: Material) -> str:
    """Write the evidence of the headline framework, of a sample that the run's own hash decides.

    So nobody can choose it, and whoever draws it again gets the same. Raises ConfigError where the facts are not what
    was sealed.
    """
    if not material.view.manifest.frameworks:
        return "none: the run has no framework"
    seed = material.view.manifest_sha256[:16]
    path = material.folder.path / EVIDENCE
    standing = seal.standing(material.run, (*seal.FACTS, *seal.JUDGED))
    pack = write(material.run, path, Request(sample=SAMPLE, seed=seed), standing=standing)
    included, population = (sum(getattr(it, key) for it in pack.requirements) for key in ("included", "population"))
    return f"{counted(len(pack.requirements), 'requirement')}, {included:,} of {counted(population, 'evaluation')}"


def reminders(material: Material) -> str:
    """Write what falls due in the register until the next quarter: a text, a calendar, and a mail for each owner."""
    register = register_of(material.settings, material.register_file)
    people = People(owners_of(material.settings).people)
    on = material.folder.record.date
    team = material.settings.ownership.audit_team or ""
    due = notices.due(register, on, WITHIN, person=people.person, audit_team=team)
    material.write_text("reminders/due.txt", notices.text(due))
    material.write("reminders/due.ics", notices.calendar(due, on))
    written = _mails(material, due, register, people)
    for name, content in written:
        material.write(f"reminders/{name}", content)
    return f"{notices.dates_and_waiting(due)}, {_how_many(material, written)}"


def _how_many(material: Material, written: Sequence[object]) -> str:
    if material.person is None:
        return "no mails: neither --from nor [ownership] audit_team names a sender"
    return counted(len(written), "mail")


def _mails(material: Material, due: notices.Notices, register: Register, people: People) -> list[tuple[str, bytes]]:
    """Return the mails that are due; none where nobody is named as their sender."""
    if material.person is None:
        return []
    sender = Sender(person=material.person, moment=moment(), approvers=material.settings.exceptions.approvers)
    try:
        return list(messages(due, register, material.folder.record.date, sender, people))
    except ValueError as error:
        raise ConfigError(str(error), key="--from" if material.sender else "ownership.audit_team") from error


def summary(material: Material) -> str:
    """Write the page that says what is what, and the list of hashes that `sha256sum` checks."""
    folder = material.folder
    places = [place for part in PARTS for place in part.places if folder.places([place.name])]
    own = PARTS[-1].places
    material.write_text(read_me.NAME, read_me.lines(material.view, folder.record, [*places, *own]))
    sums = {**folder.record.files, **folder.digests((read_me.NAME,))}
    material.write_text(read_me.SUMS, (f"{sha256}  {name}" for name, sha256 in sums.items()))
    return f"{read_me.NAME}, {read_me.SUMS}"


PARTS = (
    Part(
        REPORTS,
        tuple(Place(each.file, each.reader, each.what) for each in FORMATS.values()),
        reports,
    ),
    Part(
        "changes",
        (
            Place("changes.txt", "the security team", "What became of each open issue since the baseline, counted."),
            Place("changes.csv", "the security team", "Each issue that changed, with its owner."),
        ),
        changes,
    ),
    Part(
        "actions",
        (
            Place("actions.txt", "engineers", "What to do first, with the first command of each action."),
            Place("actions.csv", "engineers", "The actions with all their commands."),
        ),
        actions,
    ),
    Part(
        "owners",
        (
            Place(
                "owners", "those who fix", "A workbook for each owner, with nothing of another's, and the mail for it."
            ),
        ),
        owners,
    ),
    Part(
        "reminders",
        (Place("reminders", "owners of exceptions", "What falls due in the register: a text, a calendar, and mails."),),
        reminders,
    ),
    Part(
        "evidence",
        (
            Place(
                EVIDENCE, "external auditors", "What was seen and concluded, by requirement; README.txt in it is first."
            ),
        ),
        evidence,
    ),
    Part(
        "summary",
        (
            Place(read_me.NAME, "everyone", "This page."),
            Place(read_me.SUMS, "auditors", "The SHA-256 of every file, for `sha256sum --check`."),
        ),
        summary,
    ),
)
"""The parts, in the order in which they are written; the last describes the others."""
