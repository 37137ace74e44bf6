"""Who owns each account and each finding: by tags, and by the file of owners matched with the accounts of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec

from orgaudit.model import Account, Finding, Tags
from orgaudit.settings.documents import Problem, nearest
from orgaudit.settings.ownership import OwnerRow, OwnersFile, error_of_many, once, owners_of
from orgaudit.settings.people import AccountOwner, Owner, OwnershipRecord, People, address_of
from orgaudit.settings.sections import OwnershipSettings
from orgaudit.settings.settings import Settings

NOBODY = Owner()

_REMEMBERED = 2048
"""How many owners of findings are kept by what they depend on."""

_MOST_SUGGESTIONS = 20
"""Unknown names for which one that is like them is looked up, which takes long among thousands."""


def check_owners(settings: Settings, accounts: Sequence[Account]) -> None:
    """Raise ConfigError with everything that the file of owners names and an organization of these accounts lacks."""
    matched = _Matched(owners_of(settings), accounts)
    if problems := sorted([*matched.conflicts, *matched.unknown], key=lambda problem: problem.line or 0):
        raise error_of_many(problems)


def ownership_of(settings: Settings, accounts: Sequence[Account]) -> tuple[OwnershipRecord, list[Problem]]:
    """Return what a run of these accounts keeps of its owners, and the rows of the file that are for none of them.

    Raises ConfigError where the file contradicts itself.
    """
    file = owners_of(settings)
    matched = _Matched(file, accounts)
    if matched.conflicts:
        raise error_of_many(matched.conflicts)
    people = People(file.people)
    chosen = settings.ownership
    record = OwnershipRecord(
        owner_tags=chosen.owner_tags,
        contact_tags=chosen.contact_tags,
        audit_team=chosen.audit_team or "",
        file=file.path.name if file.sha256 else "",
        sha256=file.sha256,
        accounts=tuple(_account_owner(account, matched, chosen, people) for account in accounts),
        people=file.people,
    )
    return record, matched.unknown


def _account_owner(account: Account, matched: _Matched, settings: OwnershipSettings, people: People) -> AccountOwner:
    """Return who owns an account: the first that the file's row for it, its tags, or rows for its units name."""
    tags = account.tags or {}
    own = matched.by_account.get(account.id)
    above = [matched.by_unit[unit] for unit in _units(account) if unit in matched.by_unit]
    contact = tag_of(tags, settings.contact_tags)
    tagged = tagged_owner(tags, settings.owner_tags, settings.contact_tags)
    sources = [
        *([(own.owner, own.owner.mail, own.environment)] if own else []),
        (tagged, contact, tag_of(tags, settings.environment_tags)),
        *((row.owner, row.owner.mail, row.environment) for row in above),
    ]
    owner = people.complete(next((owner for owner, _, _ in sources if owner), NOBODY))
    return AccountOwner(
        account_id=account.id,
        owner=str(owner),
        contact=next((contact for _, contact, _ in sources if contact), owner.mail),
        environment=next((environment for _, _, environment in sources if environment), ""),
    )


def tag_of(tags: Tags, keys: Iterable[str]) -> str:
    """Return the value of the first of these keys that is not empty.

    A key is matched as it is written, else in any letter case, in which tags of one organization differ.
    """
    by_folded: dict[str, list[str]] = {}
    for key in keys:
        if value := _joined(tags.get(key, "")):
            return value
        if not by_folded:
            for name in sorted(tags):
                by_folded.setdefault(name.casefold(), []).append(name)
        for name in by_folded.get(key.casefold(), ()):
            if value := _joined(tags[name]):
                return value
    return ""


def _joined(text: str) -> str:
    return " ".join(text.split())


def tagged_owner(tags: Tags, owner_tags: Iterable[str], contact_tags: Iterable[str]) -> Owner:
    """Return the owner that tags name, with the mail of the contact among them where the owner's tag has none."""
    owner = Owner.of(tag_of(tags, owner_tags)) if tags else NOBODY
    if not owner or owner.mail:
        return owner
    return Owner(owner.name, address_of(tag_of(tags, contact_tags)).lower())


class Ownership:
    """The owners of a run, as its manifest keeps them."""

    def __init__(self, record: OwnershipRecord) -> None:
        self.record = record
        self._accounts = {each.account_id: each for each in record.accounts}
        self._owners = {each.account_id: Owner.of(each.owner) for each in record.accounts}
        self._people = People(record.people)

    def owner_of(self, finding: Finding) -> Owner:
        """Return who owns a finding; nobody where neither tags nor the file of owners name one.

        A finding that repeats the judgement on another account's resource belongs to the owner of that account. The
        tags that it shows are those of another resource than the one to fix.
        """
        if finding.inherited_from is not None:
            return self.account_owner(finding.inherited_from)
        tagged = tagged_owner(finding.resource_tags, self.record.owner_tags, self.record.contact_tags)
        return self._people.complete(tagged) if tagged else self.account_owner(finding.account_id)

    def account_owner(self, account_id: str) -> Owner:
        """Return who owns an account."""
        return self._owners.get(account_id, NOBODY)

    def contact_of(self, account_id: str) -> str:
        """Return how to reach who owns an account, else nothing."""
        return self._of(account_id).contact

    def environment_of(self, account_id: str) -> str:
        """Return the environment of an account, else nothing."""
        return self._of(account_id).environment

    def _of(self, account_id: str) -> AccountOwner:
        return self._accounts.get(account_id) or AccountOwner(account_id=account_id)


def with_owners(findings: Iterable[Finding], ownership: Ownership) -> Iterator[Finding]:
    """Yield each finding with its owner; those that follow with the same account and tags have the same."""
    known: dict[tuple[object, ...], str] = {}
    for finding in findings:
        key = (finding.inherited_from, finding.account_id, *finding.resource_tags.items())
        if (owner := known.get(key)) is None:
            if len(known) == _REMEMBERED:
                known.clear()
            owner = known[key] = str(ownership.owner_of(finding))
        yield msgspec.structs.replace(finding, owner=owner)


class _Matched:
    """The rows of a file of owners by the accounts and units that they are for.

    `unknown` are the problems of rows that are for no account, `conflicts` those of rows that contradict others. What
    the accounts cannot show, because their units or names were not read, is not in either.
    """

    def __init__(self, file: OwnersFile, accounts: Sequence[Account]) -> None:
        self.unknown: list[Problem] = []
        self.conflicts: list[Problem] = []
        self._file, self._suggested = str(file.path), _MOST_SUGGESTIONS
        self._accounts = {account.id: account for account in accounts}
        self._ids: dict[str, list[str]] = defaultdict(list)
        for account in accounts:
            if account.name:
                self._ids[_folded(account.name)].append(account.id)
        self._units = {alias: unit for account in accounts for alias, unit in _aliases(account).items()}
        # Without an organization accounts have no names and no units; units may be unread in parts of it, too.
        self._names_known, self._units_known = bool(self._ids), all(account.ou_path for account in accounts)
        found = [(row, key) for row in file.rows if (key := self._key(row)) is not None]
        keys = {row.line: key for row, key in found}
        single = once([row for row, _ in found], lambda row: keys[row.line], self._twice)
        self.by_account = {keys[row.line][1]: row for row in single if row.account}
        self.by_unit = {keys[row.line][1]: row for row in single if not row.account}

    def _key(self, row: OwnerRow) -> tuple[str, ...] | None:
        """Return what a row is for: an account's id or a unit; None where it is for nothing known."""
        unit = self._unit(row)
        if row.account:
            account_id = self._account(row)
            return None if account_id is None or not self._is_in(account_id, unit, row) else ("account", account_id)
        return None if unit is None else ("unit", unit)

    def _unit(self, row: OwnerRow) -> str | None:
        if row.unit and row.unit not in self._units and self._units_known:
            self._lacks(row, "unit", f"no account is in a unit {row.unit!r}", self._units)
        return self._units.get(row.unit)

    def _account(self, row: OwnerRow) -> str | None:
        if row.account in self._accounts:
            return row.account
        ids = self._ids.get(_folded(row.account), [])
        if len(ids) > 1 and row.unit:
            ids = [each for each in ids if self._units.get(row.unit) in _units(self._accounts[each])] or ids
        if len(ids) == 1:
            return ids[0]
        if ids:
            remedy = f"write the id: {', '.join(ids)}"
            self._add(self.conflicts, row, "account", f"{len(ids)} accounts are called {row.account!r}", remedy)
        elif self._names_known:
            known = self._accounts if row.account.isdigit() else {account.name for account in self._accounts.values()}
            self._lacks(row, "account", f"the organization has no account {row.account!r}", known)
        return None

    def _is_in(self, account_id: str, unit: str | None, row: OwnerRow) -> bool:
        """Return whether an account is in the unit that its row names too, as far as units are known."""
        account = self._accounts[account_id]
        if not row.unit or not account.ou_path or unit in _units(account):
            return True
        if unit is not None:
            message = f"account {account_id} is in {account.ou_path} and not in {row.unit}"
            self._add(self.unknown, row, "unit", message, "correct the unit, or leave it empty")
        return unit is None and not self._units_known

    def _lacks(self, row: OwnerRow, key: str, message: str, known: Iterable[str]) -> None:
        close = nearest(row.account if key == "account" else row.unit, known) if self._suggested else ""
        self._suggested -= bool(self._suggested)
        self._add(self.unknown, row, key, message, close or "correct it, or remove the row")

    def _twice(self, row: OwnerRow, message: str) -> None:
        self._add(self.conflicts, row, "account" if row.account else "unit", *message.split("; "))

    def _add(self, problems: list[Problem], row: OwnerRow, key: str, message: str, remedy: str) -> None:
        problems.append(Problem(file=self._file, line=row.line, key=key, message=message, remedy=remedy))


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _units(account: Account) -> list[str]:
    """Return what identifies each unit that holds an account, the nearest first: its id, else its path."""
    return list(reversed(account.ou_ids or _paths(account)))


def _paths(account: Account) -> tuple[str, ...]:
    names = account.ou_path.split("/") if account.ou_path else []
    return tuple(accumulate(names, "{}/{}".format))


def _aliases(account: Account) -> dict[str, str]:
    """Return the ids and the paths of the units that hold an account, each with what identifies the unit."""
    ids, paths = account.ou_ids or _paths(account), _paths(account)
    known = {unit: unit for unit in ids}
    if len(paths) != len(ids):  # a unit's name may hold a slash
        return known | {account.ou_path: ids[-1]}
    return known | dict(zip(paths, ids, strict=True))
