"""Which of the accounts and regions are audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from orgaudit.errors import AccessError, ConfigError
from orgaudit.model import Account
from orgaudit.settings import ScopeSettings


def select_accounts(accounts: Iterable[Account], scope: ScopeSettings) -> tuple[list[Account], list[Account]]:
    """Return the accounts in scope and those out of it.

    Raises ConfigError where the scope names an account or a unit that does not exist, or leaves nothing; AccessError
    where it asks for units or tags that could not be read.
    """
    found = list(accounts)
    _refuse_unknown(found, scope)
    _refuse_unseen(found, scope)
    chosen = [account for account in found if _is_in(account, scope)]
    if not chosen:
        raise ConfigError(f"none of the {len(found)} accounts is in scope", key="scope")
    return chosen, [account for account in found if account not in chosen]


def selects_region(region: str, scope: ScopeSettings) -> bool:
    """Tell whether a region is in scope."""
    chosen = not scope.regions or _matches_any(region, scope.regions)
    return chosen and not _matches_any(region, scope.exclude_regions)


def _is_in(account: Account, scope: ScopeSettings) -> bool:
    named = bool(scope.accounts or scope.ous)
    chosen = not named or account.id in scope.accounts or _is_below(account, scope.ous)
    barred = account.id in scope.exclude_accounts or _is_below(account, scope.exclude_ous)
    tags = account.tags or {}
    barred = barred or bool(scope.exclude_tags and _has_tags(tags, scope.exclude_tags))
    return chosen and not barred and _has_tags(tags, scope.tags)


def _is_below(account: Account, units: Iterable[str]) -> bool:
    """Tell whether an account is in one of the units, named by id or by path, or in a unit below it."""
    return any(
        unit in account.ou_ids or account.ou_path == unit or account.ou_path.startswith(f"{unit.rstrip('/')}/")
        for unit in units
    )


def _has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in tags and fnmatchcase(tags[key], value) for key, value in wanted.items())


def _matches_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _refuse_unknown(accounts: list[Account], scope: ScopeSettings) -> None:
    ids = {account.id for account in accounts}
    for key, named in (("accounts", scope.accounts), ("exclude_accounts", scope.exclude_accounts)):
        if unknown := sorted(set(named) - ids):
            raise ConfigError(f"not in the organization: {', '.join(unknown)}", key=f"scope.{key}")
    for key, units in (("ous", scope.ous), ("exclude_ous", scope.exclude_ous)):
        for unit in units:
            if any(account.ou_path for account in accounts) and not any(_is_below(each, [unit]) for each in accounts):
                known = sorted({account.ou_path for account in accounts if account.ou_path})
                raise ConfigError(f"no account is in {unit!r}; units are {', '.join(known)}", key=f"scope.{key}")


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
