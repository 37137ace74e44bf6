"""What load balancers serve over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.facts.elbv2 import TO_HTTPS, HttpRule, Listener


def plain_http_served(listeners: Iterable[Listener], rules: Iterable[HttpRule]) -> list[str]:
    """Return, as clauses, what HTTP listeners do other than redirect to HTTPS.

    A default action has to redirect. A rule may also answer by itself, but not forward, nor redirect to HTTP.
    """
    defaults = [
        f"the default action of {each.shown} is {', '.join(each.actions)}"
        for each in listeners
        if TO_HTTPS not in each.actions
    ]
    return defaults + [
        f"rule {each.priority} of HTTP:{each.listener} is {', '.join(each.actions)}"
        for each in rules
        if any(action == "forward" or _keeps_http(action) for action in each.actions)
    ]


def _keeps_http(action: str) -> bool:
    return action.startswith("redirect") and action != TO_HTTPS
