"""Which exceptions speak about a finding: scopes compiled once, then looked up by control, account and resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from orgaudit.model import Account, Finding, parse_arn
from orgaudit.register.entries import Selection, ExceptionEntry, ExceptionScope
from orgaudit.register.patterns import Patterns, is_exact

Specificity: TypeAlias = tuple[int, ...]

_BY_WEIGHT = ("resources", "resource_tags", "accounts", "ous", "account_tags", "regions", "controls")


def resource_names(resource: str) -> tuple[str, ...]:
    """Return what a resource may be called: its whole ARN or id, and the name behind the type in an ARN.

    The name of a log group is given without the `:*` of its ARN, and that of an IAM resource without its path too.
    """
    try:
        _, service, _, _, rest = parse_arn(resource)
    except ValueError:
        return (resource,)
    behind_type = re.match(r"[^/:]*[/:](.+)", rest, re.DOTALL)
    name = behind_type[1].removesuffix(":*") if behind_type else rest
    return (resource, name, name.rpartition("/")[2]) if service == "iam" else (resource, name)


def units_of(account: Account) -> tuple[str, ...]:
    """Return the ids of the units that hold an account, and the path of each: Root, Root/Workloads …"""
    parts = account.ou_path.split("/") if account.ou_path else []
    return (*account.ou_ids, *("/".join(parts[: depth + 1]) for depth in range(len(parts))))


def specificity(scope: ExceptionScope) -> Specificity:
    """Return how narrow a scope is, greater is narrower: resources weigh most, and exact more than a pattern."""
    weights = []
    for key in _BY_WEIGHT:
        value = getattr(scope, key)
        texts = () if value is None else value.values() if isinstance(value, dict) else value
        weights.append(0 if value is None else 2 if all(map(is_exact, texts)) else 1)
    return (*weights, int(scope.exclusion is not None))


class _Tags:
    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = {key: Patterns([pattern]) for key, pattern in wanted.items()}

    def match(self, tags: Mapping[str, str] | None) -> bool:
        if tags is None:
            return False
        return all(key in tags and pattern.match(tags[key]) for key, pattern in self._wanted.items())


def _patterns(texts: Iterable[str] | None) -> Patterns | None:
    return None if texts is None else Patterns(texts)


def _tags(wanted: Mapping[str, str] | None) -> _Tags | None:
    return None if wanted is None else _Tags(wanted)


class _Compiled:
    """A choice made ready to be asked often; each question leaves the other keys out."""

    def __init__(self, choice: Selection) -> None:
        self.controls = _patterns(choice.controls)
        self.accounts = _patterns(choice.accounts)
        self.ous = _patterns(choice.ous)
        self.account_tags = _tags(choice.account_tags)
        self.regions = _patterns(choice.regions)
        self.resources = _patterns(choice.resources)
        self.resource_tags = _tags(choice.resource_tags)

    def takes_control(self, names: Iterable[str]) -> bool:
        return self.controls is None or self.controls.match_any(names)

    def takes_account(self, account_id: str, account: Account | None) -> bool:
        if self.accounts is not None and not self.accounts.match(account_id):
            return False
        if self.ous is not None and (account is None or not self.ous.match_any(units_of(account))):
            return False
        return self.account_tags is None or self.account_tags.match(None if account is None else account.tags)

    def takes_region(self, region: str) -> bool:
        return self.regions is None or self.regions.match(region)

    @property
    def chooses_resources(self) -> bool:
        return self.resources is not None or self.resource_tags is not None

    def takes_resource(self, finding: Finding) -> bool:
        if not self.takes_region(finding.region):
            return False
        if self.resources is not None and not self.resources.match_any(resource_names(finding.resource)):
            return False
        return self.resource_tags is None or self.resource_tags.match(finding.resource_tags)


class _Ranked:
    """An entry with its compiled scope and its rank: 0 is the most specific of all."""

    def __init__(self, rank: int, entry: ExceptionEntry) -> None:
        self.rank = rank
        self.entry = entry
        self.chosen = _Compiled(entry.scope)
        self.left_out = None if entry.scope.exclusion is None else _Compiled(entry.scope.exclusion)

    def takes_rest(self, finding: Finding, controls: Sequence[str], account: Account | None) -> bool:
        """Tell whether a finding of a control and account that are taken is taken as a whole."""
        if not self.chosen.takes_resource(finding):
            return False
        out = self.left_out
        return out is None or not (
            out.takes_control(controls)
            and out.takes_account(finding.account_id, account)
            and out.takes_resource(finding)
        )

    def reaches(self, controls: Sequence[str], account_id: str, account: Account | None, region: str | None) -> bool:
        """Tell whether anything in a place of a control and account that are taken may be taken."""
        if region is not None and not self.chosen.takes_region(region):
            return False
        out = self.left_out
        return out is None or not (
            out.takes_control(controls)
            and out.takes_account(account_id, account)
            and not out.chooses_resources
            and (out.regions is None if region is None else out.takes_region(region))
        )


class _Index:
    """Which entries may take a value of one key, as a set of ranks held in the bits of an integer.

    Entries that name exact values are found by them; the rest, which have patterns or no wish, may take any value.
    """

    def __init__(self, entries: Sequence[_Ranked], key: Callable[[_Ranked], Patterns | None]) -> None:
        self._by_value: dict[str, int] = {}
        self._any = 0
        for ranked in entries:
            patterns = key(ranked)
            if patterns is None or patterns.loose:
                self._any |= 1 << ranked.rank
                continue
            for value in patterns.exact:
                self._by_value[value] = self._by_value.get(value, 0) | 1 << ranked.rank

    def may_take(self, values: Iterable[str]) -> int:
        """Return the ranks of the entries that may take any of the values."""
        found = self._any
        for value in values:
            found |= self._by_value.get(value, 0)
        return found


class Matcher:
    """Finds the entries that speak about a finding. Equal specificity is decided by id, so the answer is always one."""

    def __init__(self, entries: Iterable[ExceptionEntry], accounts: Mapping[str, Account]) -> None:
        ordered = sorted(entries, key=lambda entry: ([-weight for weight in specificity(entry.scope)], entry.id))
        self._ranked = [_Ranked(rank, entry) for rank, entry in enumerate(ordered)]
        self._accounts = accounts
        self._by_requirement = any(_names_requirements(entry.scope) for entry in ordered)
        self._controls = _Index(self._ranked, lambda ranked: ranked.chosen.controls)
        self._account_ids = _Index(self._ranked, lambda ranked: ranked.chosen.accounts)
        self._regions = _Index(self._ranked, lambda ranked: ranked.chosen.regions)
        self._resources = _Index(self._ranked, lambda ranked: ranked.chosen.resources)
        self._of_controls: dict[tuple[str, ...], int] = {}
        self._of_account: dict[str, int] = {}

    def matching(self, finding: Finding) -> list[ExceptionEntry]:
        """Return the entries whose scope takes a finding, most specific first, whatever their state and its status."""
        controls = self._names(finding)
        ranks = self._taking_controls(controls) & self._taking_account(finding.account_id)
        if ranks:
            ranks &= self._regions.may_take((finding.region,))
        if ranks:
            ranks &= self._resources.may_take(resource_names(finding.resource))
        account = self._accounts.get(finding.account_id)
        return [ranked.entry for ranked in self._at(ranks) if ranked.takes_rest(finding, controls, account)]

    def reaching(self, controls: Sequence[str], account_id: str, region: str | None = None) -> list[ExceptionEntry]:
        """Return the entries whose scope reaches into a place, whatever resources they name there.

        The place is a control, by all names that it answers to, in an account, and in a region where one is given.
        """
        ranks = self._taking_controls(tuple(controls)) & self._taking_account(account_id)
        account = self._accounts.get(account_id)
        return [ranked.entry for ranked in self._at(ranks) if ranked.reaches(controls, account_id, account, region)]

    def _names(self, finding: Finding) -> tuple[str, ...]:
        """Return what the finding's control answers to: its id and, where any scope asks for them, its requirements."""
        if not self._by_requirement:
            return (finding.control,)
        return (finding.control, *(f"{item.framework}:{item.id}" for item in finding.requirements))

    def _taking_controls(self, controls: tuple[str, ...]) -> int:
        ranks = self._of_controls.get(controls)
        if ranks is None:
            candidates = self._at(self._controls.may_take(controls))
            ranks = _ranks(ranked for ranked in candidates if ranked.chosen.takes_control(controls))
            self._of_controls[controls] = ranks
        return ranks

    def _taking_account(self, account_id: str) -> int:
        ranks = self._of_account.get(account_id)
        if ranks is None:
            account = self._accounts.get(account_id)
            candidates = self._at(self._account_ids.may_take((account_id,)))
            ranks = _ranks(ranked for ranked in candidates if ranked.chosen.takes_account(account_id, account))
            self._of_account[account_id] = ranks
        return ranks

    def _at(self, ranks: int) -> Iterator[_Ranked]:
        """Yield the entries of a set of ranks, most specific first."""
        while ranks:
            lowest = ranks & -ranks
            yield self._ranked[lowest.bit_length() - 1]
            ranks ^= lowest


def _ranks(entries: Iterable[_Ranked]) -> int:
    found = 0
    for ranked in entries:
        found |= 1 << ranked.rank
    return found


def _names_requirements(scope: ExceptionScope) -> bool:
    left_out = scope.exclusion.controls if scope.exclusion is not None else None
    patterns = (*(scope.controls or ()), *(left_out or ()))
    return any(":" in pattern or not is_exact(pattern) for pattern in patterns)
