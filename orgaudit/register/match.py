"""Which exceptions match a finding: scopes compiled once, then looked up by control, account and resource."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from orgaudit.model import Account, Finding, RequirementRef, parse_arn, requirements_in
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.register.scope import ExceptionScope, Selection, units_of

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


def specificity(scope: ExceptionScope) -> Specificity:
    """Return how narrow a scope is, greater is narrower: resources weigh most, and exact more than a pattern."""
    weights = []
    for key in _BY_WEIGHT:
        value = getattr(scope, key)
        texts = () if value is None else value.values() if isinstance(value, dict) else value
        weights.append(0 if value is None else 2 if all(map(is_exact, texts)) else 1)
    return (*weights, int(scope.exclusion is not None))


def control_names(
    control: str, own: Iterable[RequirementRef], aliases: Mapping[str, str], requirements: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the names that a control answers to: its id, its `own` requirements in a run, and those of all files."""
    known = requirements.get(aliases.get(control, control), ())
    return tuple(dict.fromkeys((control, *(f"{item.framework}:{item.id}" for item in own), *known)))


def written_out(names: Iterable[str], recorded: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of a scope's controls with what was recorded at its approval in the place of requirements."""
    return tuple(each for name in names for each in recorded.get(name, (name,)))


def control_patterns(
    names: Sequence[str], aliases: Mapping[str, str], recorded: Mapping[str, tuple[str, ...]]
) -> Patterns:
    """Return the patterns of a scope's controls.

    `aliases` are the old ids of renamed controls with the new ones, by which each matches both. A requirement whose
    controls were `recorded` when the scope was approved stands for these, whatever framework files say now.
    """
    written = written_out(names, recorded)
    meant = {aliases.get(control, control) for name in names for control in recorded.get(name, ())}
    renamed = (aliases[name] for name in written if name in aliases)
    former = (name for name, present in aliases.items() if present in meant)
    return Patterns((*written, *renamed, *former))


class _Compiled:
    """A selection made ready to be matched often; each question leaves the other keys out."""

    def __init__(
        self, selection: Selection, aliases: Mapping[str, str], recorded: Mapping[str, tuple[str, ...]]
    ) -> None:
        names = selection.controls
        self.controls = None if names is None else control_patterns(names, aliases, recorded)
        self.accounts = _patterns(selection.accounts)
        self.regions = _patterns(selection.regions)
        self.resources = _patterns(selection.resources)
        self._ous = _patterns(selection.ous)
        self._account_tags = _tag_patterns(selection.account_tags)
        self.resource_tags = _tag_patterns(selection.resource_tags)
        exclusion = selection.exclusion if isinstance(selection, ExceptionScope) else None
        self._exclusion = None if exclusion is None else _Compiled(exclusion, aliases, recorded)

    def matches_control(self, names: Sequence[str]) -> bool:
        return self.controls is None or self.controls.match_any(names)

    def matches_account(self, account_id: str, account: Account | None) -> bool:
        if self.accounts is not None and not self.accounts.match(account_id):
            return False
        if self._ous is not None and (account is None or not self._ous.match_any(units_of(account))):
            return False
        return _tags_match(self._account_tags, None if account is None else account.tags)

    def matches_rest(self, finding: Finding, controls: Sequence[str], account: Account | None) -> bool:
        """Return whether a finding of a control and account that match does so as a whole."""
        if not self.matches_resource(finding):
            return False
        out = self._exclusion
        return out is None or not (
            out.matches_control(controls)
            and out.matches_account(finding.account_id, account)
            and out.matches_resource(finding)
        )

    def reaches(self, controls: Sequence[str], account_id: str, account: Account | None, region: str | None) -> bool:
        """Return whether anything in a place of a control and account that match may match."""
        if region is not None and not self.matches_region(region):
            return False
        out = self._exclusion
        return out is None or not (
            out.matches_control(controls)
            and out.matches_account(account_id, account)
            and out.resources is None
            and out.resource_tags is None
            and (out.regions is None if region is None else out.matches_region(region))
        )

    def matches_region(self, region: str) -> bool:
        return self.regions is None or self.regions.match(region)

    def matches_place(self, finding: Finding) -> bool:
        """Return whether a finding's region and resource match, whatever its tags."""
        named = self.resources is None or self.resources.match_any(resource_names(finding.resource))
        return named and self.matches_region(finding.region)

    def matches_resource(self, finding: Finding) -> bool:
        return self.matches_place(finding) and _tags_match(self.resource_tags, finding.resource_tags)


def _patterns(texts: Iterable[str] | None) -> Patterns | None:
    return None if texts is None else Patterns(texts)


def _tag_patterns(texts: Mapping[str, str] | None) -> dict[str, Patterns] | None:
    return None if texts is None else {key: Patterns([text]) for key, text in texts.items()}


def _tags_match(patterns: Mapping[str, Patterns] | None, tags: Mapping[str, str] | None) -> bool:
    if patterns is None:
        return True
    return tags is not None and all(key in tags and pattern.match(tags[key]) for key, pattern in patterns.items())


class _Index:
    """Which scopes may match a value of one key, as a set of ranks held in the bits of an integer.

    Scopes that name exact values are found by them; the rest, with patterns or without this key, may match any value.
    """

    def __init__(self, keys: Iterable[Patterns | None]) -> None:
        self._by_value: dict[str, int] = {}
        self._any = 0
        for rank, patterns in enumerate(keys):
            if patterns is None or patterns.loose:
                self._any |= 1 << rank
                continue
            for value in patterns.exact:
                self._by_value[value] = self._by_value.get(value, 0) | 1 << rank

    def may_match(self, values: Iterable[str]) -> int:
        """Return the ranks of the scopes that may match any of the values."""
        found = self._any
        for value in values:
            found |= self._by_value.get(value, 0)
        return found


class Matcher:
    """Finds the exceptions that match a finding. Equal specificity is decided by id, so the order is always the same.

    `aliases` are the old ids of renamed controls with the new ones: a scope that names an old id matches both.
    `requirements` are those of all framework files by the control that decides them: a scope may name any of them,
    whether the run of the finding used its framework or not.
    """

    def __init__(
        self,
        entries: Iterable[ExceptionEntry],
        accounts: Mapping[str, Account],
        aliases: Mapping[str, str] | None = None,
        *,
        requirements: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._entries = sorted(entries, key=lambda entry: ([-weight for weight in specificity(entry.scope)], entry.id))
        self._scopes = [_Compiled(entry.scope, aliases or {}, entry.approved_meanings) for entry in self._entries]
        self._accounts = accounts
        self._aliases, self._requirements = aliases or {}, requirements or {}
        self._by_control: dict[str, tuple[Sequence[RequirementRef], tuple[str, ...], int]] = {}
        short = {name for names in self._requirements.values() for name in names if ":" not in name}
        self._by_requirement = any(_names_requirements(entry.scope, short) for entry in self._entries)
        self._controls = _Index(scope.controls for scope in self._scopes)
        self._account_ids = _Index(scope.accounts for scope in self._scopes)
        self._regions = _Index(scope.regions for scope in self._scopes)
        self._resources = _Index(scope.resources for scope in self._scopes)
        self._by_tags = sum(1 << rank for rank, scope in enumerate(self._scopes) if scope.resource_tags is not None)
        self._matching_controls = cache(self._with_control)
        self._matching_account = cache(self._with_account)

    def matching(self, finding: Finding) -> list[ExceptionEntry]:
        """Return the exceptions that match a finding, most specific first, whatever their state and its status."""
        controls, with_control = self._judging(finding)
        ranks = self._candidates(finding, with_control)
        if not ranks:
            return []
        account = self._accounts.get(finding.account_id)
        return [
            self._entries[rank] for rank in _each(ranks) if self._scopes[rank].matches_rest(finding, controls, account)
        ]

    def untagged(self, finding: Finding) -> list[ExceptionEntry]:
        """Return the exceptions that would match a finding without tags if its resource had those that they name."""
        if not self._by_tags:
            return []
        ranks = self._candidates(finding, self._judging(finding)[1]) & self._by_tags
        return [self._entries[rank] for rank in _each(ranks) if self._scopes[rank].matches_place(finding)]

    def _candidates(self, finding: Finding, with_control: int) -> int:
        """Return the scopes that match a finding's control and account, and may match its region and resource."""
        ranks = with_control & self._matching_account(finding.account_id)
        if ranks:
            ranks &= self._regions.may_match((finding.region,))
        return ranks and ranks & self._resources.may_match(resource_names(finding.resource))

    def reaching(self, controls: Sequence[str], account_id: str, region: str | None = None) -> list[ExceptionEntry]:
        """Return the exceptions whose scope reaches into a place, whatever resources they name there.

        The place is a control, by all names that it answers to, in an account, and in a region where one is given.
        """
        ranks = self._matching_controls(tuple(controls)) & self._matching_account(account_id)
        if not ranks:
            return []
        account = self._accounts.get(account_id)
        return [
            self._entries[rank]
            for rank in _each(ranks)
            if self._scopes[rank].reaches(controls, account_id, account, region)
        ]

    def _judging(self, finding: Finding) -> tuple[tuple[str, ...], int]:
        """Return the names of the finding's control, and the ranks of the scopes that match them.

        The names are its id and, where any scope needs them, its requirements: of the run, and of all framework files.
        """
        own = finding.requirements if self._by_requirement else ()
        found = self._by_control.get(finding.control)
        if found is None or found[0] != own:  # all findings of a control in one run have the same requirements
            names: tuple[str, ...] = (finding.control,)
            if self._by_requirement:
                names = control_names(finding.control, requirements_in(own), self._aliases, self._requirements)
            found = self._by_control[finding.control] = (own, names, self._matching_controls(names))
        return found[1:]

    def _with_control(self, controls: tuple[str, ...]) -> int:
        candidates = _each(self._controls.may_match(controls))
        return sum(1 << rank for rank in candidates if self._scopes[rank].matches_control(controls))

    def _with_account(self, account_id: str) -> int:
        account = self._accounts.get(account_id)
        candidates = _each(self._account_ids.may_match((account_id,)))
        return sum(1 << rank for rank in candidates if self._scopes[rank].matches_account(account_id, account))


def _each(ranks: int) -> Iterator[int]:
    """Yield each rank of a set, the most specific first."""
    while ranks:
        lowest = ranks & -ranks
        yield lowest.bit_length() - 1
        ranks ^= lowest


def _names_requirements(scope: ExceptionScope, short: Container[str]) -> bool:
    """Return whether a scope may name requirements; `short` are the ids that name one without its framework."""
    left_out = scope.exclusion.controls if scope.exclusion is not None else None
    patterns = (*(scope.controls or ()), *(left_out or ()))
    return any(":" in pattern or pattern in short or not is_exact(pattern) for pattern in patterns)
