"""A reverse proxy on 127.0.0.1 that stands before any AWS endpoint, records every call and injects faults by rule.

with FaultProxy(upstream, rules=[Throttle(every=5, service="cloudtrail"), Hang(region="eu-west-1")]) as proxy:
    client = boto3.client("sts", endpoint_url=proxy.url, ...)
    assert proxy.calls[0].action == "GetCallerIdentity"
"""

import asyncio
import functools
import json
import random
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, TypeAlias
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import hdrs, web
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from yarl import URL

Protocol: TypeAlias = Literal["json", "rest-json", "query", "ec2", "rest-xml"]
Headers: TypeAlias = tuple[tuple[str, str], ...]
_Codes: TypeAlias = Mapping[Protocol, tuple[str, int]]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_PER_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
_MODELS = {
    "access-analyzer": ("accessanalyzer",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "elasticfilesystem": ("efs",),
    "es": ("opensearch",),
    "s3": ("s3", "s3control"),
}
_IAM_PREFIXES = {"monitoring": "cloudwatch"}


@dataclass(kw_only=True, slots=True)
class Call:
    """One request: who asked what of which service, when (Unix seconds), and how it was answered.

    `service` is the signing name ("monitoring" for CloudWatch). `action` is the operation's name, or "GET /path" where
    no service model knows the path. `target` is the account of the role that AssumeRole asks for. `status` stays None
    while the call is open and when its connection is cut. `faults` names the rules that acted on it.
    """

    access_key: str
    account: str | None
    service: str
    region: str
    action: str
    protocol: Protocol
    time: float
    principal: str
    resource: str = "*"
    target: str | None = None
    temporary: bool = False
    status: int | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def permission(self) -> str:
        """The IAM action that the call needs, where it is named like the operation."""
        return f"{_IAM_PREFIXES.get(self.service, self.service)}:{self.action}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and where its connection is cut."""

    status: int
    headers: Headers
    body: bytes
    cut: Literal["start", "body"] | None = None


Forward: TypeAlias = Callable[[], Awaitable[Answer]]


def error(call: Call, code: str, status: int, message: str) -> Answer:
    """An error answer in the form that the protocol of the call's service gives it."""
    request_id = f"fault-{time.monotonic_ns():x}"
    headers: Headers = (("x-amzn-RequestId", request_id),)
    if call.protocol == "json":
        body = json.dumps({"__type": code, "message": message})
        headers += (("Content-Type", "application/x-amz-json-1.1"),)
    elif call.protocol == "rest-json":
        body = json.dumps({"message": message})
        headers += (("Content-Type", "application/json"), ("x-amzn-ErrorType", code))
    else:
        fault = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        body = _error_xml(call, fault, request_id)
        headers += (("Content-Type", "text/xml"),)
    return Answer(status, headers, body.encode())


def _error_xml(call: Call, fault: str, request_id: str) -> str:
    if call.protocol == "ec2":
        return f"<Response><Errors><Error>{fault}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    if call.service == "s3":
        return f"<Error>{fault}<RequestId>{request_id}</RequestId></Error>"
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{fault}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )


@dataclass(kw_only=True)
class Rule(ABC):
    """What happens to some of the calls; a rule counts, so it belongs to one proxy.

    It concerns the calls that match every given field. Of those it acts on every `every`-th, on a `share` (0 to 1) of
    them, and at most `times` times. The draw depends on the seed, the call (account, service, Region, action, target)
    and how often that call came before: the same in every run, in whatever order concurrent calls arrive.
    """

    service: str | None = None
    action: str | None = None
    region: str | None = None
    access_key: str | None = None
    account: str | None = None
    target: str | None = None
    every: int = 1
    share: float = 1.0
    seed: int = 0
    times: int | None = None
    _seen: int = field(default=0, init=False, repr=False)
    _acted: int = field(default=0, init=False, repr=False)
    _repeats: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def concerns(self, call: Call) -> bool:
        """Whether the call matches the fields that limit the rule."""
        names = ("service", "action", "region", "access_key", "account", "target")
        return all(getattr(self, name) in (None, getattr(call, name)) for name in names)

    def fires(self, call: Call) -> bool:
        """Count the call and decide whether the rule acts on it."""
        if not self.concerns(call):
            return False
        self._seen += 1
        if self._seen % self.every or self._acted == self.times or not self._drawn(call):
            return False
        self._acted += 1
        return True

    def _drawn(self, call: Call) -> bool:
        identity = f"{call.account}|{call.service}|{call.region}|{call.action}|{call.target}"
        self._repeats[identity] += 1
        draw = random.Random(f"{self.seed}|{identity}|{self._repeats[identity]}")  # noqa: S311 - repeatable on purpose
        return draw.random() < self.share

    @abstractmethod
    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The answer to the call; `forward` asks the rules that follow and then the endpoint."""


@dataclass(kw_only=True)
class Fail(Rule):
    """Answers with this error."""

    code: str
    status: int = 400
    message: str = "The request failed."

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The error, in the protocol of the service."""
        return error(call, self.code, self.status, self.message)


class _Refusal(Rule):
    """Answers with an error whose code depends on the protocol."""

    codes: ClassVar[_Codes]
    service_codes: ClassVar[Mapping[str, tuple[str, int]]] = {}

    @abstractmethod
    def message(self, call: Call) -> str:
        """The message that AWS sends with the error."""

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The error, in the protocol of the service."""
        code, status = self.service_codes.get(call.service) or self.codes[call.protocol]
        return error(call, code, status, self.message(call))


class Throttle(_Refusal):
    """Refuses for too high a rate; use `Fail(code="Throttled", status=429)` for services with odd codes."""

    codes: ClassVar[_Codes] = {
        "json": ("ThrottlingException", 400),
        "rest-json": ("TooManyRequestsException", 429),
        "query": ("Throttling", 400),
        "ec2": ("RequestLimitExceeded", 503),
        "rest-xml": ("SlowDown", 503),
    }

    def message(self, call: Call) -> str:
        """The sentence by which AWS names throttling whatever the code."""
        return "Rate exceeded"


class ServerError(_Refusal):
    """Answers HTTP 500."""

    codes: ClassVar[_Codes] = {
        "json": ("InternalServerError", 500),
        "rest-json": ("InternalServerException", 500),
        "query": ("InternalFailure", 500),
        "ec2": ("InternalError", 500),
        "rest-xml": ("InternalError", 500),
    }

    def message(self, call: Call) -> str:
        """A failure without a cause."""
        return "An internal error occurred"


class Deny(_Refusal):
    """Refuses because no identity-based policy allows the action."""

    codes: ClassVar[_Codes] = {
        "json": ("AccessDeniedException", 400),
        "rest-json": ("AccessDeniedException", 403),
        "query": ("AccessDenied", 403),
        "ec2": ("UnauthorizedOperation", 403),
        "rest-xml": ("AccessDenied", 403),
    }
    service_codes: ClassVar[Mapping[str, tuple[str, int]]] = {"sns": ("AuthorizationError", 403)}
    cause: ClassVar[str] = "because no identity-based policy allows the {permission} action"

    def message(self, call: Call) -> str:
        """Who may not do what on which resource, and which kind of policy says so."""
        cause = self.cause.format(permission=call.permission)
        denial = f"User: {call.principal} is not authorized to perform: {call.permission}"
        if call.protocol == "ec2":
            return f"You are not authorized to perform this operation. {denial} {cause}"
        return f"{denial} on resource: {call.resource} {cause}"


class DenyByScp(Deny):
    """Refuses because a service control policy denies the action, as organizations do with Regions."""

    cause = "with an explicit deny in a service control policy"


class RegionDisabled(_Refusal):
    """Refuses the credentials, as services do in a Region that the account has not enabled."""

    codes: ClassVar[_Codes] = {
        "json": ("UnrecognizedClientException", 400),
        "rest-json": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403),
        "ec2": ("AuthFailure", 401),
        "rest-xml": ("InvalidToken", 400),
    }

    def message(self, call: Call) -> str:
        """The sentence that says nothing of Regions."""
        if call.protocol == "ec2":
            return "AWS was not able to validate the provided access credentials"
        if call.service == "s3":
            return "The provided token is malformed or otherwise invalid."
        return "The security token included in the request is invalid."


@dataclass(kw_only=True)
class ExpireToken(_Refusal):
    """Lets each temporary access key make `after` calls, then refuses that key for good; long-lived keys never expire.

    Needs no `every`, `share` or `times`: a token that has expired stays so.
    """

    codes: ClassVar[_Codes] = {
        "json": ("ExpiredTokenException", 400),
        "rest-json": ("ExpiredTokenException", 403),
        "query": ("ExpiredToken", 403),
        "ec2": ("RequestExpired", 400),
        "rest-xml": ("ExpiredToken", 400),
    }
    after: int
    _uses: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def fires(self, call: Call) -> bool:
        """Count the use of the key and decide whether it was one too many."""
        if not (call.temporary and self.concerns(call)):
            return False
        self._uses[call.access_key] += 1
        return self._uses[call.access_key] > self.after

    def message(self, call: Call) -> str:
        """The sentence that all services share."""
        return "The security token included in the request is expired"


@dataclass(kw_only=True)
class Cut(Rule):
    """Closes the connection: before the answer, or after half of its body."""

    at: Literal["start", "body"] = "start"

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The true answer, marked; a call cut at the start never reaches the endpoint."""
        if self.at == "start":
            return Answer(0, (), b"", cut="start")
        return replace(await forward(), cut="body")


@dataclass(kw_only=True)
class Garble(Rule):
    """Spoils the body and keeps the status: half of it, the wrong shape in the right syntax, or a body of yours."""

    how: Literal["truncated", "shape"] = "truncated"
    body: bytes | None = None

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The true answer with the spoilt body."""
        answer = await forward()
        if self.body is not None:
            return replace(answer, body=self.body)
        if self.how == "truncated":
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        return replace(answer, body=_misshapen(answer.body))


def _misshapen(body: bytes) -> bytes:
    if body.lstrip().startswith(b"<"):
        return b"<Unexpected><Answer/></Unexpected>"
    document = json.loads(body or b"{}")
    return json.dumps(dict.fromkeys(document, 7)).encode()


class Hang(Rule):
    """Accepts the call and never answers."""

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """Nothing, until the client or the proxy closes the connection."""
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never


@dataclass(kw_only=True)
class Delay(Rule):
    """Waits before it lets the call through."""

    seconds: float

    async def apply(self, call: Call, forward: Forward) -> Answer:
        """The answer of what follows, late."""
        await asyncio.sleep(self.seconds)
        return await forward()


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    method: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]
    rank: tuple[int, int, bool]

    def matches(self, method: str, path: str, query: frozenset[tuple[str, str]]) -> bool:
        return method == self.method and self.query <= query and self.path.fullmatch(path) is not None


@functools.cache
def _rest_service(signing_name: str) -> tuple[Protocol, tuple[_Operation, ...]]:
    """The protocol and the operations of the REST service, the most specific first; none for an unknown service."""
    loader = Loader(include_default_search_paths=True)
    operations: list[_Operation] = []
    protocol: Protocol = "rest-json"
    for name in _MODELS.get(signing_name, (signing_name,)):
        try:
            model: Mapping[str, Any] = loader.load_service_model(name, "service-2")
        except UnknownServiceError:
            continue
        protocol = model["metadata"]["protocol"]
        operations += [_operation(item) for item in model["operations"].values()]
    operations.sort(key=lambda operation: operation.rank, reverse=True)
    return protocol, tuple(operations)


def _operation(item: Mapping[str, Any]) -> _Operation:
    path, _, query = item["http"]["requestUri"].partition("?")
    parts = re.split(r"(\{[^}]+\})", path.rstrip("/"))
    pattern = "".join(_path_pattern(part) for part in parts)
    literal = sum(len(part) for part in parts if not part.startswith("{"))
    fixed = frozenset(parse_qsl(query, keep_blank_values=True))
    rank = (len(fixed), literal, not item.get("deprecated"))
    return _Operation(item["name"], item["http"]["method"], re.compile(f"{pattern}/?"), fixed, rank)


def _path_pattern(part: str) -> str:
    if part.endswith("+}"):
        return ".+"
    return "[^/]+" if part.startswith("{") else re.escape(part)


def _rest_action(service: str, method: str, target: str) -> tuple[str, Protocol]:
    url = urlsplit(target)
    query = frozenset(parse_qsl(url.query, keep_blank_values=True))
    protocol, operations = _rest_service(service)
    found = (operation.name for operation in operations if operation.matches(method, url.path, query))
    return next(found, f"{method} {url.path}"), protocol


def _action(request: web.BaseRequest, service: str, form: Mapping[str, list[str]]) -> tuple[str, Protocol]:
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], "json"
    if "Action" in form:
        return form["Action"][0], "ec2" if service == "ec2" else "query"
    return _rest_action(service, request.method, request.raw_path)


class FaultProxy:
    """The proxy before `upstream`: `url` to call, `calls` as they came, `rules` in the order in which they are asked.

    `accounts` maps access keys to account ids; it learns from the AssumeRole and GetCallerIdentity answers that pass.
    Rules may be added or removed while it runs. It runs in a thread with a loop of its own.
    """

    def __init__(self, upstream: str, rules: Iterable[Rule] = (), *, accounts: Mapping[str, str] | None = None) -> None:
        self.upstream = upstream.rstrip("/")
        self.rules: list[Rule] = list(rules)
        self.accounts: dict[str, str] = dict(accounts or {})
        self.calls: list[Call] = []
        self.url = ""
        self._principals: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(listener), self._loop).result(timeout=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop at once; calls that hang are cut."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _start(self, listener: socket.socket) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        call = self._record(request, body)
        answer = await self._through(tuple(self.rules), call, functools.partial(self._fetch, request, body, call))
        if answer.cut is None:
            call.status = answer.status
            return web.Response(status=answer.status, headers=list(answer.headers), body=answer.body)
        return await _cut(request, answer)

    async def _through(self, rules: Sequence[Rule], call: Call, fetch: Forward) -> Answer:
        """Ask the rules in turn; the first that fires decides whether those after it are asked."""
        for position, rule in enumerate(rules, start=1):
            if rule.fires(call):
                call.faults.append(type(rule).__name__)
                return await rule.apply(call, functools.partial(self._through, rules[position:], call, fetch))
        return await fetch()

    def _record(self, request: web.BaseRequest, body: bytes) -> Call:
        scope = _CREDENTIAL.search(request.headers.get(hdrs.AUTHORIZATION, ""))
        access_key, region, service = scope.groups() if scope else ("", "", "")
        is_form = request.content_type == "application/x-www-form-urlencoded"
        form = parse_qs(body.decode()) if is_form else {}
        action, protocol = _action(request, service, form)
        role = form.get("RoleArn", ["*"])[0]
        account = self.accounts.get(access_key)
        call = Call(
            access_key=access_key,
            account=account,
            service=service,
            region=region,
            action=action,
            protocol=protocol,
            time=time.time(),
            principal=self._principals.get(access_key, f"arn:aws:iam::{account or '123456789012'}:user/caller"),
            resource=role,
            target=role.split(":")[4] if role.count(":") >= 5 else None,
            temporary="X-Amz-Security-Token" in request.headers,
        )
        self.calls.append(call)
        return call

    async def _fetch(self, request: web.BaseRequest, body: bytes, call: Call) -> Answer:
        try:
            async with self._session.request(
                request.method,
                URL(self.upstream + request.raw_path, encoded=True),
                headers=_end_to_end(request.headers.items()),
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=(hdrs.USER_AGENT, hdrs.CONTENT_TYPE, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
            ) as response:
                headers = _end_to_end(response.headers.items())
                answer = Answer(response.status, headers, await response.read())
        except aiohttp.ClientError as problem:
            return Answer(502, (("Content-Type", "text/plain"),), f"{self.upstream}: {problem!r}".encode())
        self._learn(call, answer)
        return answer

    def _learn(self, call: Call, answer: Answer) -> None:
        """Note whose access key AssumeRole gave out, or who GetCallerIdentity says the caller is."""
        if answer.status != 200 or call.action not in ("AssumeRole", "GetCallerIdentity"):
            return
        text = answer.body.decode()
        key = _element(text, "AccessKeyId") or call.access_key
        account = call.target if call.action == "AssumeRole" else _element(text, "Account")
        if account:
            self.accounts[key] = account
        if principal := _element(text, "Arn"):
            self._principals[key] = principal


def _element(xml: str, name: str) -> str | None:
    found = re.search(rf"<{name}>\s*([^<\s]+)\s*</{name}>", xml)
    return found[1] if found else None


def _end_to_end(headers: Iterable[tuple[str, str]]) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() not in _PER_CONNECTION)


async def _cut(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Close the connection, after half of the body where one is due; the length that was announced is the whole."""
    if answer.cut == "start":
        response = web.StreamResponse()
    else:
        response = web.StreamResponse(status=answer.status, headers=list(answer.headers))
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
