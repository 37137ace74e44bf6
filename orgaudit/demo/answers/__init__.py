"""Answers that moto lacks or gets wrong, one module for each service or kind of answer."""

from collections.abc import Callable
from typing import TypeAlias

from werkzeug.wrappers import Response

from orgaudit.demo.answers import account, apigateway, cloudtrail, compute, iam, lookups, macie, secrets, settings
from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState

Handler: TypeAlias = Callable[[Call, ExtraState], Response | None]
_HANDLERS: dict[str, Handler] = {
    permission: handler
    for module in (account, apigateway, cloudtrail, compute, iam, lookups, macie, secrets, settings)
    for permission, handler in module.HANDLERS.items()
}


def answer(call: Call, state: ExtraState) -> Response | None:
    """Return the answer to a call that moto would answer wrongly or not at all; None leaves it to moto."""
    handler = _HANDLERS.get(call.permission)
    return handler(call, state) if handler else None
