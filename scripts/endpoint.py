"""A fast synthetic AWS organization on 127.0.0.1, for benchmarks and scale tests: deterministic, unsigned, read-only.

    python scripts/endpoint.py --accounts 100 --regions 3 --port 0

prints its URL. An access key that AssumeRole gave out stands for its account; any other key for the management account.
`GET /_calls` tells what was asked, `GET /_reset` forgets it. Filters and name prefixes in requests are not applied.
"""

import argparse
import asyncio
import http.client
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.synthetic_aws import REGIONS, RefusedError, Request, account_of, elements, handlers, json_body

_HEADERS = re.compile(rb"(?im)^(authorization|content-length|x-amz-target): *(.*?)\r$")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_PATHS = {"/listRegions": "ListRegions", "/getRegionOptStatus": "GetRegionOptStatus"}
_IAM_NAMES = {"monitoring": "cloudwatch"}
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}


class Endpoint:
    """The answers to HTTP requests, and the count of what was asked."""

    def __init__(self, accounts: int, regions: int) -> None:
        self.handlers = handlers(accounts, regions)
        self.calls: Counter[tuple[str, str]] = Counter()

    def answer(self, line: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
        """The whole HTTP response to a request, given its first line, its headers in lower case and its body."""
        method, path, _ = line.split(" ", 2)
        if path == "/_calls":
            return _response(200, "application/json", json_body(self._counts()))
        if path == "/_reset":
            self.calls.clear()
            return _response(200, "application/json", b"{}")
        request = _read(method, path.partition("?")[0], headers, body)
        self.calls[request.account, request.name] += 1
        try:
            handler = self.handlers.get(request.name, _unknown)
            content_type = "text/xml" if request.is_form else "application/x-amz-json-1.1"
            return _response(200, content_type, handler(request))
        except RefusedError as refusal:
            return _refusal(request, refusal)

    def _counts(self) -> dict[str, Any]:
        actions: Counter[str] = Counter()
        accounts: dict[str, dict[str, int]] = {}
        for (account, name), count in self.calls.items():
            actions[name] += count
            accounts.setdefault(account, {})[name] = count
        return {"total": actions.total(), "actions": actions, "accounts": accounts}


def _read(method: str, path: str, headers: Mapping[bytes, bytes], body: bytes) -> Request:
    scope = _CREDENTIAL.search(headers.get(b"authorization", b"").decode())
    access_key, region, service = scope.groups() if scope else ("", "", "")
    parameters: Mapping[str, Any] = {}
    is_form = body.startswith(b"Action=")
    if is_form:
        parameters = dict(parse_qsl(body.decode()))
        action = str(parameters["Action"])
    else:
        target = headers.get(b"x-amz-target", b"").decode()
        action = target.rpartition(".")[2] or _PATHS.get(path) or f"{method} {path}"
        parameters = json.loads(body) if body.startswith(b"{") else {}
    name = _IAM_NAMES.get(service, service)
    return Request(account_of(access_key), region, name, action, parameters, is_form)


def _unknown(request: Request) -> bytes:
    raise RefusedError("UnknownOperationException", f"The synthetic endpoint does not know {request.name}.")


def _refusal(request: Request, refusal: RefusedError) -> bytes:
    fault = elements({"Code": refusal.code, "Message": str(refusal)})
    if request.service == "s3":
        return _response(refusal.status, "text/xml", f"<Error>{fault}</Error>".encode())
    if request.service == "ec2":
        body = f"<Response><Errors><Error>{fault}</Error></Errors><RequestID>synthetic</RequestID></Response>"
        return _response(refusal.status, "text/xml", body.encode())
    if request.is_form:
        body = f"<ErrorResponse><Error>{fault}</Error><RequestId>synthetic</RequestId></ErrorResponse>"
        return _response(refusal.status, "text/xml", body.encode())
    document = json_body({"__type": refusal.code, "message": str(refusal)})
    return _response(refusal.status, "application/x-amz-json-1.1", document)


def _response(status: int, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\nContent-Type: {content_type}\r\n"
        f"x-amzn-RequestId: synthetic\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers its requests in order, without a task for each."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while self._transport is not None and (response := self._next()):
            self._transport.write(response)

    def _next(self) -> bytes | None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        headers = {name.lower(): value for name, value in _HEADERS.findall(head + b"\r\n")}
        length = int(headers.get(b"content-length", 0))
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return self._endpoint.answer(head[: head.index(b"\r\n")].decode(), headers, rest[:length])


@dataclass(frozen=True, slots=True)
class Served:
    """A running endpoint: where it listens, and the process that it is."""

    url: str
    pid: int

    def calls(self) -> dict[str, Any]:
        """Return {"total": n, "actions": {"sts:AssumeRole": n}, "accounts": {id: {action: n}}}."""
        counts: dict[str, Any] = json.loads(self._get("/_calls"))
        return counts

    def reset(self) -> None:
        """Forget the calls so far."""
        self._get("/_reset")

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


@contextmanager
def serve(*, accounts: int = 100, regions: int = 3, port: int = 0) -> Iterator[Served]:
    """Run the endpoint as a child process for as long as the context lasts."""
    options = [f"--accounts={accounts}", f"--regions={regions}", f"--port={port}"]
    with subprocess.Popen([sys.executable, __file__, *options], stdout=subprocess.PIPE, text=True) as child:
        try:
            url = child.stdout.readline().strip() if child.stdout else ""
            if not url:
                raise RuntimeError("the synthetic endpoint did not start; its standard error says why")
            yield Served(url, child.pid)
        finally:
            child.terminate()


async def run(accounts: int, regions: int, port: int) -> None:
    """Listen on 127.0.0.1 until cancelled; prints the URL once the socket is open."""
    endpoint = Endpoint(accounts, regions)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(endpoint), "127.0.0.1", port, backlog=1024)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve a synthetic AWS organization on 127.0.0.1.")
    parser.add_argument("--accounts", type=int, default=100, help="accounts, the management account included")
    parser.add_argument(
        "--regions", type=int, default=3, choices=range(1, len(REGIONS) + 1), metavar="N", help="enabled Regions"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(options.accounts, options.regions, options.port))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
