"""What a policy gives at its widest: its grants of all actions on all resources, with what narrows them."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from orgaudit.facts import policies
from orgaudit.facts.policies.wildcards import compile_pattern, covers
from orgaudit.model import Json

ALL_OF_IAM = compile_pattern("iam:*").tokens


class Grant(msgspec.Struct, frozen=True):
    """An Allow of everything: its statement, what it excepts by NotAction or NotResource, and its conditions."""

    statement: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    @property
    def administers(self) -> bool:
        """Whether identities can be administered by it: who can do that can take every right that is left out."""
        return not covers([compile_pattern(action.lower()).tokens for action in self.except_actions], ALL_OF_IAM)

    def describe(self) -> str:
        """Return the grant in words, with what it leaves out and depends on."""
        parts = [f"{self.statement} allows everything"]
        if left_out := (*self.except_actions, *self.except_resources):
            parts.append(f"but {', '.join(left_out)}")
        if self.conditions:
            parts.append(f"if {' and '.join(self.conditions)}")
        return " ".join(parts)


class Grants(msgspec.Struct, frozen=True):
    """The widest grants of one policy; `denied` are the actions that its Deny statements name, whatever they are on."""

    full: tuple[Grant, ...] = ()
    denied: tuple[str, ...] = ()

    @property
    def administering(self) -> tuple[Grant, ...]:
        """The grants that make their holder an administrator."""
        return tuple(grant for grant in self.full if grant.administers)


def grants_of(document: Json) -> Grants:
    """Return the widest grants of a policy document; raises PolicyError for what is no policy."""
    policy = policies.parse(document)
    denies = tuple(each for each in policy.statements if each.effect is policies.Effect.DENY)
    taken_back = replace(policy, statements=tuple(replace(each, effect=policies.Effect.ALLOW) for each in denies))
    if any(grant.is_unrestricted for grant in policies.grants_everything(taken_back)):
        return Grants(denied=_actions(denies))
    return Grants(tuple(_grant(each) for each in policies.grants_everything(policy)), _actions(denies))


def _grant(found: policies.FullGrant) -> Grant:
    statement = found.statement.sid or f"statement {found.statement.statement + 1}"
    return Grant(statement, found.except_actions, found.except_resources, tuple(map(str, found.conditions)))


def _actions(statements: tuple[policies.Statement, ...]) -> tuple[str, ...]:
    return tuple(
        f"all but {action}" if each.action.negated else action for each in statements for action in each.action.values
    )
