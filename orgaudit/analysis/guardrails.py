"""Which policies of the organization restrict an account."""

from __future__ import annotations

from orgaudit.facts.organizations import ControlPolicy, Effectiveness, Guardrails
from orgaudit.model import GLOBAL, Account, Gap, GapReason, NotSeenError


def guardrails_of(account: Account, guardrails: Guardrails) -> tuple[ControlPolicy, ...]:
    """Return the policies that restrict an account: attached to it, to the root, or to a unit above it.

    Raises NotSeenError where none is seen to and the account's units are not known.
    """
    places = {account.id, guardrails.root_id, *account.ou_ids}
    effective = [policy for policy in guardrails.policies if policy.effect is not Effectiveness.NONE]
    found = tuple(policy for policy in effective if places.intersection(policy.targets))
    if not found and effective and not account.ou_ids:
        message = f"the units above account {account.id} could not be read"
        action = "organizations:ListAccountsForParent"
        raise NotSeenError(Gap(account.id, GLOBAL, action, GapReason.DENIED, message))
    return found
