"""Answers that moto lacks or gets wrong, one module for each thing that they are about."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from werkzeug.wrappers import Response

from orgaudit.demo.answers import contacts, defaults, identity, macie, regions, storage, trails
from orgaudit.demo.call import Call
from orgaudit.demo.world import World

Handler: TypeAlias = Callable[[Call, World], Response | None]

_HANDLERS: Mapping[str, Handler] = MappingProxyType({
    **contacts.HANDLERS,
    **defaults.HANDLERS,
    **identity.HANDLERS,
    **macie.HANDLERS,
    **regions.HANDLERS,
    **storage.HANDLERS,
    **trails.HANDLERS,
})  # fmt: skip


def answer(call: Call, world: World) -> Response | None:
    """The answer to a call that moto would answer wrongly or not at all; None leaves it to moto."""
    handler = _HANDLERS.get(call.permission)
    return handler(call, world) if handler else None
