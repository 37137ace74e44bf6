"""The workbook of each part of a run, and the mail that carries it; what was delivered stays, and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.mail import Attachment, Draft, encoded
from orgaudit.report import part_tables, stage, xlsx
from orgaudit.report.letter import letter, subject
from orgaudit.report.part import UNASSIGNED, Division, Part, Parts, parted
from orgaudit.report.part_names import file_names
from orgaudit.report.view import View
from orgaudit.settings.documents import nearest
from orgaudit.settings.people import AccountOwner, Owner, address_of, identity
from orgaudit.settings.sections import ReportSettings
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, writing
from orgaudit.store.seal import Standing

LARGEST = 18_000_000
"""The bytes of a workbook that are still attached: many mail servers refuse a mail of 25 MB, and a mail needs 4/3."""

TOGETHER = 50
"""How many parts are listed in reports.json at once; a command that is killed writes that many again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReport:
    """What was written for a part: its workbook, and the mail to a person, where one has an address."""

    part: Part
    open: int
    late: int
    workbook: Path
    mail: Path | None
    to: str


def directory(run: Run, division: Division) -> Path:
    """Return where the workbooks of a division are."""
    return run.results / f"split-{division}"


def split(
    run: Run,
    division: Division,
    *,
    standing: Standing,
    settings: ReportSettings | None = None,
    audit_team: str = "",
    owner: str | None = None,
) -> Iterator[PartReport]:
    """Write a workbook and a mail for each part of a run to which the register was applied, and yield them in turn.

    `audit_team` sends the mails and gets those of what has no owner. `owner` is the only part to write. What was
    delivered of a verified run stays. Raises ConfigError for an owner who has nothing in the run and where the register
    was not applied, and ReportError where a file cannot be written.
    """
    with parted(run, division, standing=standing, settings=settings) as parts:
        chosen = parts.all if owner is None else (_of_owner(owner, parts.all),)
        yield from _Splitting(run, parts, standing, audit_team).written(chosen)


def _of_owner(wanted: str, parts: Sequence[Part]) -> Part:
    """Return an owner's part, by mail address, by name, or by both."""
    names: dict[str, Part] = {}
    for part in parts:
        owner = Owner.of(part.name)
        for name in (owner.name.casefold(), owner.mail, part.key) if part.key else (UNASSIGNED,):
            names.setdefault(name, part)
    found = names.get(identity(wanted))
    if found is None:
        advice = nearest(wanted, {part.key or UNASSIGNED for part in parts} | names.keys() - {""})
        raise ConfigError(
            "; ".join(filter(None, (f"nothing in the run is of owner {wanted!r}", advice))), key="--owner"
        )
    return found


class _Splitting:
    """Writes the files of one part after another."""

    def __init__(self, run: Run, parts: Parts, standing: Standing, audit_team: str) -> None:
        self._run, self._parts, self._standing = run, parts, standing
        self._manifest = run.read_manifest()
        self._audit_team = audit_team
        self._names = file_names(parts.all)
        kept = stage.delivered(run) if standing is Standing.VERIFIED else {}
        self._kept = {name for name, is_same in kept.items() if is_same}
        self._added: list[seal.ReportRecord] = []

    def written(self, parts: Sequence[Part]) -> Iterator[PartReport]:
        """Yield what there is of each part, once it is there."""
        done: list[PartReport] = []
        try:
            for part in parts:
                done.append(self._written(part))
                if len(done) == TOGETHER:
                    self._list()
                    yield from done
                    done.clear()
        finally:
            self._list()
        yield from done

    def _written(self, part: Part) -> PartReport:
        workbook = directory(self._run, part.division) / f"{self._names[part]}.xlsx"
        to = _recipient(part, self._manifest, self._audit_team)
        mail = workbook.with_suffix(".eml") if to else None
        missing = {path for path in (workbook, mail) if path and self._place(path) not in self._kept}
        opened, late = self._parts.open_and_late[part]
        if missing:
            with self._parts.view(part) as view:
                if workbook in missing:
                    xlsx.write(view, workbook, sheets=xlsx.SHEETS_OF_A_PART)
                if mail in missing:
                    self._write_mail(mail, view, part=part, to=to, workbook=workbook)
                if self._standing is Standing.VERIFIED:
                    self._added += [stage.record_of(path, view) for path in sorted(missing)]
        return PartReport(part=part, open=opened, late=late, workbook=workbook, mail=mail, to=to)

    def _write_mail(self, path: Path, view: View, *, part: Part, to: str, workbook: Path) -> None:
        attached = workbook.stat().st_size <= LARGEST
        late = part_tables.late(view.connection, view.as_of)
        draft = Draft(
            to=to,
            sender=self._audit_team,
            subject=subject(part, view, late),
            moment=datetime.combine(view.as_of, time(), UTC),
            lines=tuple(letter(part, view, late, file=workbook.name, attached=attached)),
            attachment=Attachment(workbook.name, workbook.read_bytes()) if attached else None,
            key=f"{view.manifest_sha256} {view.register_sha256} {view.as_of} {part.division} {part.key}",
        )
        with writing(path) as file:
            file.write(encoded(draft))

    def _place(self, path: Path) -> str:
        return path.relative_to(self._run.results).as_posix()

    def _list(self) -> None:
        if self._added:
            seal.add(self._run.results, reports=self._added)
            self._added.clear()


def _recipient(part: Part, manifest: Manifest, audit_team: str) -> str:
    """Return who gets the mail of a part, nothing where nobody is known who has an address.

    An owner's part goes to the owner, and that of an account to its owner, else its contact. A unit's goes to the owner
    of all its accounts: several may not see each other's rows. The audit team gets what has no owner, and the parts of
    accounts and units for which this names nobody.
    """
    if part.division is Division.OWNER and part.key:
        return part.name if address_of(part.name) else ""
    owners = {each.account_id: each for each in manifest.owners} if part.division is not Division.OWNER else {}
    people = {_reached(owners.get(account)) for account in part.values}
    only = people.pop() if len({address_of(person).casefold() for person in people}) == 1 else ""
    return only or audit_team


def _reached(account: AccountOwner | None) -> str:
    """Return the owner of an account, else its contact, where one has an address."""
    known = (account.owner, account.contact) if account else ()
    return next((person for person in known if address_of(person)), "")
