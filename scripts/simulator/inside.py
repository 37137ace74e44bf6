"""The simulator within the process that calls: a plugin of the SDK answers every request, and nothing is sent.

It is installed by the environment (`environment`), so every process that inherits it, such as a worker of a pool or of
a Dask cluster, has a simulator of its own, made of OPTIONS.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore.exceptions import ConnectionClosedError

from scripts.simulator.faults import Fault
from scripts.simulator.options import simulator_of
from scripts.simulator.organization import account_of
from scripts.simulator.service import Reply, Simulator

OPTIONS = "SIMULATOR_OPTIONS"
"""The variable that holds the simulator's options."""
RECORD = "SIMULATOR_RECORD"
"""The variable that names a file to which every request is added, head and body, where it is set."""
PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
NOWHERE = "http://127.0.0.1:9"
"""The endpoint that clients are given: it names buckets in paths, and nothing else is reached."""
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")


def environment(options: Sequence[str]) -> dict[str, str]:
    """Return the variables that make the SDK of a process, and of its children, answer from a simulator inside."""
    return {PLUGINS: f"simulator={__name__}", OPTIONS: shlex.join(options), "AWS_ENDPOINT_URL": NOWHERE}


@cache
def _simulator() -> Simulator:
    return simulator_of(shlex.split(os.environ.get(OPTIONS, "")))


def initialize_client_plugin(client: Any) -> None:  # noqa: ANN401 - clients are generated at run time
    """Answer the requests of a client; the SDK calls this for each client that it makes."""
    client.meta.events.register_first("before-send", _answered)


async def _answered(request: Any, **_event: Any) -> _Response:  # noqa: ANN401 - the SDK's request, and the event's rest
    """Return the answer to a request, after its latency; raises ConnectionClosedError where the connection breaks."""
    signed = _CREDENTIAL.search(_text(request.headers.get("Authorization", "")))
    if signed is None:
        raise ValueError(f"the simulator was asked without a signature: {request.url}")
    key, region, service = signed.groups()
    url = urlsplit(request.url)
    line = f"{request.method} {url.path or '/'}{'?' if url.query else ''}{url.query} HTTP/1.1"
    target, body = _text(request.headers.get("X-Amz-Target", "")).encode(), _text(request.body or b"").encode()
    if record := os.environ.get(RECORD):
        headers = (f"{name}: {_text(value)}" for name, value in request.headers.items())
        _record(Path(record), "\r\n".join([line, f"Host: {url.netloc}", *headers]), body.decode())
    reply = _simulator().answer(account_of(key), region, service.encode(), line.encode(), target, body)
    if reply.delay:
        await asyncio.sleep(reply.delay)
    if reply.fault in {Fault.RESET_BEFORE, Fault.RESET_WITHIN}:
        raise ConnectionClosedError(endpoint_url=request.url)
    return _Response(reply)


def _record(file: Path, head: str, body: str) -> None:
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode([head, body]) + b"\n")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Response:
    """An answer as aiobotocore takes it from its HTTP session."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = {"content-type": reply.content_type, "content-length": str(len(reply.body))}
        self._body = reply.body

    @property
    async def content(self) -> bytes:
        """The body."""
        return self._body
