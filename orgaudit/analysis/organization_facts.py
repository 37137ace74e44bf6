"""The organization for controls: its accounts, and the facts of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.declare import Resource
from orgaudit.model import GLOBAL, Account, Gap, GapReason, NotSeenError, parse_arn


class Organization:
    """The accounts of a run and the facts of each, so that a shared resource is assessed in the account that owns it.

    `load` returns an account's facts, or None where it has no shard in this run. `holders` returns the account of each
    resource of a kind by its ARN; without it, the facts of every account are loaded. `delegated` maps a service
    principal to its administrator accounts; None where that could not be read.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        id: str | None = None,  # noqa: A002 - AWS's own name for it
        management_account_id: str | None,
        load: Callable[[str], AccountFacts | None],
        holders: Callable[[type[Resource]], Mapping[str, str]] | None = None,
        delegated: Mapping[str, tuple[str, ...]] | None = MappingProxyType({}),
    ) -> None:
        self._names = {account.id: account.name for account in accounts}
        self.id = id
        self.management_account_id = management_account_id
        self._load = load
        self._listed = holders or self._loaded
        self._delegated = delegated
        self._holders: dict[type[Resource], Mapping[str, str]] = {}

    @cached_property
    def account_ids(self) -> frozenset[str]:
        """The ids of all accounts of the organization, in the run's scope or not."""
        return frozenset(self._names)

    @property
    def delegated(self) -> Mapping[str, tuple[str, ...]]:
        """The administrator accounts of each service principal; raises NotSeenError where they could not be read."""
        if self._delegated is None:
            action, owner = "organizations:ListDelegatedAdministrators", self.management_account_id or ""
            message = "the organization's delegated administrators could not be read"
            raise NotSeenError(Gap(owner, GLOBAL, action, GapReason.DENIED, message))
        return self._delegated

    def name(self, account_id: str) -> str:
        """Return "Name (id)" for an account of the organization, and the id for any other."""
        name = self._names.get(account_id)
        return f"{name} ({account_id})" if name else account_id

    def find(self, kind: type[Resource], arn: str) -> AccountFacts | None:
        """Return the facts of the account that has a resource, whether its ARN names an account or none, as a bucket's.

        None means that no account of which the run has the facts has it: it is outside, or was not seen.
        """
        if holder := _account_in(arn):
            facts = self._load(holder) if holder in self._names else None
            return facts if facts is not None and facts.find(kind, arn) is not None else None
        if kind not in self._holders:
            self._holders[kind] = self._listed(kind)
        found = self._holders[kind].get(arn)
        return None if found is None else self._load(found)

    def _loaded(self, kind: type[Resource]) -> dict[str, str]:
        return {
            resource.arn: account_id
            for account_id in self._names
            if (facts := self._load(account_id)) is not None
            for resource in facts.resources(kind)
        }

    def facts(self, account_id: str) -> AccountFacts:
        """Return an account's facts; raises NotSeenError where the run does not have them or has only a gap."""
        found = self._load(account_id)
        if found is None:
            why = "was not collected in this run" if account_id in self._names else "is not part of the organization"
            gap = Gap(account_id, GLOBAL, "", GapReason.ACCOUNT_UNAVAILABLE, f"account {account_id} {why}")
            raise NotSeenError(gap)
        if found.record.gap is not None:
            raise NotSeenError(found.record.gap)
        return found


def _account_in(arn: str) -> str:
    """Return the account that an ARN names, or nothing."""
    try:
        return parse_arn(arn)[3]
    except ValueError:
        return ""
