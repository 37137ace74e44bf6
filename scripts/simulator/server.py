"""The simulator as an HTTP server on 127.0.0.1, and as a child process of a test or a benchmark."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.simulator.faults import Fault
from scripts.simulator.organization import account_of
from scripts.simulator.service import Reply, Simulator

ROOT = Path(__file__).resolve().parents[2]
_CREDENTIAL = re.compile(rb"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_TARGET = re.compile(rb"\r\n[xX]-[aA]mz-[tT]arget: *([^\r]+)")
_LENGTH = re.compile(rb"\r\n[cC][oO][nN][tT][eE][nN][tT]-[lL][eE][nN][gG][tT][hH]: *(\d+)")
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"} | {
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_ENDED = b"\r\n\r\n"
LARGEST_HEAD = 65536


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers its requests in order, without a task for each."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._buffer = b""
        self._free_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport: what is answered later goes nowhere."""
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer = self._buffer + data if self._buffer else data
        while self._transport is not None and (end := self._buffer.find(_ENDED)) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            head, body = self._buffer[:end], self._buffer[end + 4 : whole]
            self._buffer = self._buffer[whole:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        line = head[: head.find(b"\r\n")]
        found = _CREDENTIAL.search(head)
        if found is None:
            self._send(self._about(line), line)
            return
        key, region, service = found.groups()
        target = _TARGET.search(head)
        reply = self._simulator.answer(
            account_of(key.decode()), region.decode(), service, line, target[1] if target else b"", body
        )
        if not reply.delay:
            self._send(reply, line)
            return
        # Answers keep the order of their requests, as HTTP demands.
        self._free_at = max(self._free_at, self._loop.time() + reply.delay)
        self._loop.call_at(self._free_at, self._send, reply, line)

    def _about(self, line: bytes) -> Reply:
        path = line.split(b" ")[1]
        document: Mapping[str, Any] = {}
        if path == b"/_calls":
            document = self._simulator.counts.document()
        elif path == b"/_cpu":
            document = {"cpu": time.process_time()}
        elif path == b"/_reset":
            self._simulator.reset()
        else:
            return Reply(403, "application/json", b'{"message":"a request without a signature"}')
        return Reply(200, "application/json", json.dumps(document).encode())

    def _send(self, reply: Reply, line: bytes) -> None:
        if self._transport is None:
            return
        if reply.fault is Fault.RESET_BEFORE:
            self._transport.abort()
            return
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Error')}\r\nContent-Type: {reply.content_type}\r\n"
            f"x-amzn-RequestId: simulated\r\nContent-Length: {len(reply.body)}\r\n\r\n"
        ).encode()
        if reply.fault is Fault.RESET_WITHIN:
            self._transport.write(head + reply.body[: len(reply.body) // 2])
            self._transport.close()
            return
        self._transport.write(head if line.startswith(b"HEAD") else head + reply.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A running simulator: where it listens, and the process that it is."""

    url: str
    pid: int

    def calls(self) -> dict[str, Any]:
        """Return what was asked, by action and by account, what was throttled, and which faults answered."""
        counts: dict[str, Any] = json.loads(self._get("/_calls"))
        return counts

    def cpu(self) -> float:
        """Return the CPU seconds of the simulator's process so far."""
        return float(json.loads(self._get("/_cpu"))["cpu"])

    def reset(self) -> None:
        """Forget the calls so far."""
        self._get("/_reset")

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


@contextmanager
def serve(*options: str, accounts: int = 100, regions: int = 3) -> Iterator[Served]:
    """Run the simulator as a child process for as long as the context lasts; `options` are further ones of its own."""
    command = [sys.executable, "-m", "scripts.simulator", f"--accounts={accounts}", f"--regions={regions}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            url = child.stdout.readline().strip() if child.stdout else ""
            if not url:
                raise RuntimeError("the simulator did not start; its standard error says why")
            yield Served(url, child.pid)
        finally:
            child.terminate()


async def run(simulator: Simulator, port: int) -> None:
    """Listen on 127.0.0.1 until cancelled; prints the URL once the socket is open."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(simulator), "127.0.0.1", port, backlog=1024)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()
