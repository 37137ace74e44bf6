"""The openings that a resource's policy leaves to external callers, as clauses of a sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

from orgaudit.languages.iam_policy.document import Policy, Selection
from orgaudit.languages.iam_policy.external_access import ExternalAccess, external_access


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening for external callers, as a clause of a sentence; `actions` where a policy allows it.

    `certain` is False where a person has to judge the conditions on it.
    """

    through: str
    actions: Selection[str] | None = None
    certain: bool = True


def openings_of(policy: Policy, *, resource: str | None = None, services: bool = False) -> tuple[Opening, ...]:
    """Return what the Allow statements open to external callers, or may open as far as can be determined.

    `resource` is the ARN of the policy's resource. With `services`, a named service that acts on behalf of any account
    counts too.
    """
    found = external_access(policy, resource=resource, services=services)
    return tuple(opening for access in found for opening in _openings(policy, access))


def _openings(policy: Policy, access: ExternalAccess) -> Iterator[Opening]:
    statement = policy.statements[access.place]
    under = "; ".join(str(condition) for condition in statement.conditions)
    for actions, certain in ((access.certain, True), (access.possible, False)):
        if actions:
            selected = Selection(actions, statement.action.negated)
            through = (
                f"policy statement {statement.sid or access.place + 1} allows {_named(selected)} to {_whom(access)}"
            )
            through = f"{through} under {under}" if under else through
            doubt = "" if certain else _doubt(policy, access)
            yield Opening(through + doubt, selected, certain)


def _named(actions: Selection[str]) -> str:
    named = ", ".join(actions.values)
    return f"all but {named}" if actions.negated else named


def _whom(access: ExternalAccess) -> str:
    if access.service:
        return f"{access.service} on behalf of any account"
    if access.named:
        named = ", ".join(f"{each.kind.value} {each.value}" for each in access.named)
        return f"principals whose wildcard AWS does not document ({named})"
    return "the public"


def _doubt(policy: Policy, access: ExternalAccess) -> str:
    """Return which Deny statements may void the opening, where some meet the statement."""
    if not access.guards:
        return ""
    named = "; ".join(policy.statements[place].sid or f"statement {place + 1}" for place in access.guards)
    return f", unless {named} denies it"
