"""Which accounts and regions are audited, by the settings of [scope]."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from orgaudit.aws.access import Access
from orgaudit.errors import AccessError, ConfigError
from orgaudit.model import Account, NotSeenError
from orgaudit.organization.regions import enter_account
from orgaudit.settings.documents import error_of, nearest
from orgaudit.settings.sections import ScopeSettings


def select_accounts(accounts: Iterable[Account], scope: ScopeSettings) -> tuple[list[Account], list[Account]]:
    """Return the accounts in scope and those out of it.

    Raises ConfigError where the scope names an account, a unit or a tag that does not exist, or leaves nothing, and
    AccessError where it names units or tags that could not be read.
    """
    found = list(accounts)
    _refuse_unknown(found, scope)
    _refuse_unseen(found, scope)
    _refuse_unknown_tags(found, scope)
    chosen = [account for account in found if _is_in(account, scope)]
    if not chosen:
        raise ConfigError(
            f"none of the {len(found)} accounts is in scope; widen accounts, ous or tags, or exclude fewer", key="scope"
        )
    return chosen, [account for account in found if account not in chosen]


def selects_region(region: str, scope: ScopeSettings) -> bool:
    """Return whether a region is in scope."""
    chosen = not scope.regions or matches_any(region, scope.regions)
    return chosen and not matches_any(region, scope.exclude_regions)


def matches_any(region: str, patterns: Iterable[str]) -> bool:
    """Return whether a region is one of these names, or matches one of these globs."""
    return any(fnmatchcase(region, pattern) for pattern in patterns)


async def check_regions(access: Access, accounts: Iterable[Account], scope: ScopeSettings) -> None:
    """Raise ConfigError where a region or glob of the scope matches no region, or the scope leaves none.

    Regions are those of the partition. The accounts' own lists are read where the SDK does not know a named region.
    """
    known = set(await access.clients.default_regions(access.caller.partition))
    named = {key: getattr(scope, key) for key in ("regions", "exclude_regions", "accept_blocked_regions")}
    if not all(any(fnmatchcase(name, pattern) for name in known) for each in named.values() for pattern in each):
        known |= await _regions_listed(access, accounts)
    for key in named:
        advice = "`aws account list-regions` lists the regions"
        scope.check(key, known, "no region is {!r}", matches=fnmatchcase, otherwise=advice)
    if known and not any(selects_region(region, scope) for region in known):
        raise ConfigError("regions and exclude_regions leave no region to audit; exclude fewer", key="scope")


async def _regions_listed(access: Access, accounts: Iterable[Account]) -> set[str]:
    """Return the regions, enabled or not, that AWS lists for the first account whose role can be assumed."""
    for account in accounts:
        try:
            _, found = await enter_account(access, account)
        except NotSeenError:
            continue
        if found.certain:
            return {*found.enabled, *found.disabled}
    return set()


def _is_in(account: Account, scope: ScopeSettings) -> bool:
    named = bool(scope.accounts or scope.ous)
    chosen = not named or account.id in scope.accounts or _is_below(account, scope.ous)
    tags = account.tags or {}
    excluded = account.id in scope.exclude_accounts or _is_below(account, scope.exclude_ous)
    excluded = excluded or bool(scope.exclude_tags and _has_tags(tags, scope.exclude_tags))
    return chosen and not excluded and _has_tags(tags, scope.tags)


def _is_below(account: Account, units: Iterable[str]) -> bool:
    """Return whether an account is in one of the units, named by id or by path, or in a unit below it."""
    return any(
        unit in account.ou_ids
        or account.ou_path == unit.rstrip("/")
        or account.ou_path.startswith(f"{unit.rstrip('/')}/")
        for unit in units
    )


def _has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in tags and fnmatchcase(tags[key], value) for key, value in wanted.items())


def _refuse_unknown(accounts: list[Account], scope: ScopeSettings) -> None:
    ids = {account.id for account in accounts}
    for key in ("accounts", "exclude_accounts"):
        advice = "`aws organizations list-accounts` lists the accounts"
        scope.check(key, ids, "account {!r} is not in the organization", otherwise=advice)
    units = {unit for account in accounts for unit in (*account.ou_ids, *_paths(account.ou_path))}
    if not any(account.ou_path for account in accounts):
        return
    for key in ("ous", "exclude_ous"):
        advice = "`orgaudit plan --json` shows the unit of each account"
        scope.check(key, units, "no account is in {!r}", matches=_is_unit, otherwise=advice)


def _paths(path: str) -> list[str]:
    """Return the path of a unit and of each unit above it."""
    names = path.split("/") if path else []
    return ["/".join(names[:depth]) for depth in range(1, len(names) + 1)]


def _is_unit(known: str, named: str) -> bool:
    return known == named.rstrip("/")


def _refuse_unknown_tags(accounts: list[Account], scope: ScopeSettings) -> None:
    problems = [
        scope.problem(key, name, *_unknown_tag(name, value, accounts))
        for key in ("tags", "exclude_tags")
        for name, value in getattr(scope, key).items()
        if not any(_has_tags(account.tags or {}, {name: value}) for account in accounts)
    ]
    if problems:
        raise error_of(problems)
    if scope.exclude_tags and not any(_has_tags(account.tags or {}, scope.exclude_tags) for account in accounts):
        raise ConfigError("no account has all of these tags; correct one, or remove it", key="scope.exclude_tags")


def _unknown_tag(name: str, value: str, accounts: list[Account]) -> tuple[str, str]:
    """Return the message for a tag that no account has, and the keys or values that exist."""
    known = {key for account in accounts for key in account.tags or {}}
    if name not in known:
        return f"no account has the tag {name!r}", nearest(name, known) or _some("the keys are", known)
    values = {account.tags[name] for account in accounts if account.tags and name in account.tags}
    return f"no account has {value!r} in the tag {name!r}", nearest(value, values) or _some("the values are", values)


def _some(what: str, names: Collection[str]) -> str:
    shown = sorted(names)[:20]
    return f"{what} {', '.join(shown)}{' …' if len(names) > len(shown) else ''}" if names else "no account has any tag"


def _refuse_unseen(accounts: list[Account], scope: ScopeSettings) -> None:
    unplaced = [account.id for account in accounts if not account.ou_path]
    if (scope.ous or scope.exclude_ous) and unplaced:
        raise AccessError(
            f"the scope names units, but the unit of {', '.join(unplaced)} could not be read; allow "
            "organizations:ListRoots, ListOrganizationalUnitsForParent and ListAccountsForParent"
        )
    untagged = [account.id for account in accounts if account.tags is None]
    if (scope.tags or scope.exclude_tags) and untagged:
        raise AccessError(
            f"the scope names tags, but those of {', '.join(untagged)} could not be read; allow "
            "organizations:ListTagsForResource and leave [organization] read_tags on"
        )
