"""The simulated AWS: the answer to a request, whatever carries it, and the count of what was asked."""

from __future__ import annotations

import random
import time
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError

from orgaudit.settings.limits import Limits
from scripts.simulator import answers
from scripts.simulator.answers import HANDLERS, OWN_HANDLERS, RefusedError, Request
from scripts.simulator.faults import SLOW_SECONDS, Fault, Faults
from scripts.simulator.organization import ACCOUNT, HOME, REGION, Organization
from scripts.simulator.protocol import Answer, Operation, Raw, UnknownOperationError, any_operation, read
from scripts.simulator.rates import Rates, throttled

PAGE = 50
"""The rows of a page where the caller names no number."""
MOST_KEPT = 50_000
"""The answers that are kept."""
LARGEST_KEPT = 200_000
"""The bytes of the largest answer that is kept."""
JITTER = 0.25
"""How much the latency varies, of itself."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, content type and body, after how many seconds; `fault` where the connection is to break."""

    status: int
    content_type: str
    body: bytes
    delay: float = 0.0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer for all accounts of a kind. `place` is whether account or region are to be filled in."""

    number: int
    operation: Operation
    status: int
    body: bytes
    has_account: bool
    has_region: bool


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the simulator answers: latency in seconds, rates where they are enforced, and percent of faults."""

    latency: float = 0.0
    limits: Limits | None = None
    faults: float = 0.0


@dataclass(slots=True)
class Counts:
    """What was asked, by account and operation; it takes a few bytes for each, so that accounts may be many."""

    names: list[str] = field(default_factory=list)
    accounts: dict[str, array[int]] = field(default_factory=dict)
    throttled: Counter[str] = field(default_factory=Counter)
    faulted: Counter[str] = field(default_factory=Counter)
    throttled_in: Counter[str] = field(default_factory=Counter)
    faulted_in: Counter[str] = field(default_factory=Counter)

    def add(self, account: str, number: int) -> None:
        """Count a call of an operation by its number among the names."""
        row = self.accounts.get(account)
        if row is None:
            row = self.accounts[account] = array("L")
        if len(row) <= number:
            row.extend([0] * (number + 1 - len(row)))
        row[number] += 1

    def document(self) -> dict[str, Any]:
        """Return the counts as `GET /_calls` shows them."""
        by_account = {
            account: {self.names[number]: count for number, count in enumerate(row) if count}
            for account, row in self.accounts.items()
        }
        by_action: Counter[str] = Counter()
        for row in by_account.values():
            by_action.update(row)
        return {
            "total": by_action.total(),
            "actions": by_action,
            "accounts": by_account,
            "throttled": {"total": self.throttled.total(), "actions": self.throttled, "accounts": self.throttled_in},
            "faults": {"total": self.faulted.total(), "kinds": self.faulted, "accounts": self.faulted_in},
        }


class Simulator:
    """Answers requests; not for several threads."""

    def __init__(self, organization: Organization, behaviour: Behaviour | None = None) -> None:
        behaviour = behaviour or Behaviour()
        answers.load()
        self.organization = organization
        self.counts = Counts()
        self._latency = behaviour.latency
        self._rates = Rates(behaviour.limits) if behaviour.limits else None
        self._faults = Faults(behaviour.faults, organization.seed)
        self._random = random.Random(organization.seed)  # noqa: S311 - jitter
        self._kept: dict[tuple[str, bytes, str, bytes, bytes, bytes], _Kept] = {}
        self._numbers: dict[str, int] = {}
        self._regions: dict[tuple[str, str], str] = {}

    def reset(self) -> None:
        """Forget what was asked."""
        self.counts = Counts(names=self.counts.names)

    def answer(self, account: str, region: str, signed_as: bytes, line: bytes, target: bytes, body: bytes) -> Reply:  # noqa: PLR0917 - what a request is made of
        """Return the answer to a request, given its first line, the target that its header names, and its body."""
        own = account.encode()
        asked, text = line.replace(own, _ACCOUNT), body.replace(own, _ACCOUNT)
        if region != HOME:
            text = text.replace(region.encode(), _REGION)
        kind = self.organization.kind(account)
        key = kind, signed_as, self._tier(kind, region), asked, target, text
        kept = self._kept.get(key) or self._render(key, account, region, (line, body))
        self.counts.add(account, kept.number)
        delay = self._latency * self._random.uniform(1 - JITTER, 1 + JITTER) if self._latency else 0.0
        operation = kept.operation
        if self._rates and not self._rates.allows(operation.action, account, region, time.monotonic()):
            self.counts.throttled[operation.action] += 1
            self.counts.throttled_in[account] += 1
            return _refused(operation, *throttled(operation), delay)
        if fault := self._faults.next(account, region, asked + target + text):
            self.counts.faulted[fault.value] += 1
            self.counts.faulted_in[account] += 1
            return self._faulty(fault, kept, account, region, delay)
        return _filled(kept, own, region, delay)

    def _tier(self, kind: str, region: str) -> str:
        key = kind, region
        found = self._regions.get(key)
        if found is None:
            found = self._regions[key] = self.organization.place(kind, region).tier
        return found

    def _number(self, action: str) -> int:
        if action not in self._numbers:
            self._numbers[action] = len(self.counts.names)
            self.counts.names.append(action)
        return self._numbers[action]

    def _render(
        self, key: tuple[str, bytes, str, bytes, bytes, bytes], account: str, region: str, own: tuple[bytes, bytes]
    ) -> _Kept:
        """Return the answer to a request that was not asked before, and keep it where it holds for other accounts."""
        kind, signed_as, _, line, target, body = key
        service, called = signed_as.decode(), target.decode()
        try:
            operation, asked = read(service, line.decode(), called, body.decode())
        except (UnknownOperationError, UnknownServiceError, OperationNotFoundError) as error:
            return self._unknown(service, called, str(error))
        name = operation.service, operation.name
        if name in OWN_HANDLERS:
            _, asked = read(service, own[0].decode(), called, own[1].decode())
            request = Request(self.organization, account, region, asked)
            return replace(
                self._answered(operation, lambda: OWN_HANDLERS[name](request)), has_account=False, has_region=False
            )
        place = self.organization.place(kind, region)

        def answer() -> Answer:
            found = HANDLERS[name](place, asked) if name in HANDLERS else answers.empty(operation)
            return page_of(operation, found, asked)

        rendered = self._answered(operation, answer)
        if len(rendered.body) < LARGEST_KEPT:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = rendered
        return rendered

    def _answered(self, operation: Operation, answer: Any) -> _Kept:  # noqa: ANN401 - a function without parameters
        try:
            found = answer()
            status, body = 200, found[""] if "" in found else operation.body(found)
        except RefusedError as refusal:
            status, body = refusal.status, operation.refusal(refusal.code, str(refusal))
        shown = _ACCOUNT in body, _REGION in body
        return _Kept(self._number(counted_as(operation)), operation, status, body, *shown)

    def _unknown(self, service: str, target: str, message: str) -> _Kept:
        operation = any_operation(service)
        number = self._number(f"{service}:{target.rpartition('.')[2] or 'unknown'}")
        body = operation.refusal("UnknownOperationException", message)
        return _Kept(number, operation, 400, body, has_account=False, has_region=False)

    def _faulty(self, fault: Fault, kept: _Kept, account: str, region: str, delay: float) -> Reply:
        operation = kept.operation
        is_formless = len(kept.body) <= 1 or isinstance(kept.body, Raw)  # cutting it would make no malformed answer
        if fault in _ERRORS or (fault is Fault.MALFORMED and is_formless):
            return _refused(operation, *_error(fault, operation), delay)
        whole = _filled(kept, account.encode(), region, delay)
        if fault is Fault.SLOW:
            return replace(whole, delay=delay + SLOW_SECONDS)
        if fault is Fault.MALFORMED:
            return replace(whole, body=whole.body[: len(whole.body) // 2])
        return replace(whole, fault=fault)


_ERRORS = frozenset({Fault.THROTTLED, Fault.ERROR, Fault.UNAVAILABLE, Fault.EXPIRED})


def _error(fault: Fault, operation: Operation) -> tuple[str, int]:
    """Return the code and the status of a fault that is an error answer, or stands for one."""
    if fault is Fault.THROTTLED:
        return throttled(operation)
    if fault is Fault.EXPIRED:
        return "ExpiredTokenException" if operation.protocol in {"json", "rest-json"} else "ExpiredToken", 400
    return ("ServiceUnavailable", 503) if fault is Fault.UNAVAILABLE else ("InternalFailure", 500)


_ACCOUNT, _REGION = ACCOUNT.encode(), REGION.encode()


def _filled(kept: _Kept, account: bytes, region: str, delay: float) -> Reply:
    body = kept.body
    if kept.has_account:
        body = body.replace(_ACCOUNT, account)
    if kept.has_region:
        body = body.replace(_REGION, region.encode())
    return Reply(kept.status, kept.operation.content_type, body, delay)


def _refused(operation: Operation, code: str, status: int, delay: float) -> Reply:
    return Reply(status, operation.content_type, operation.refusal(code, "Simulated."), delay)


def counted_as(operation: Operation) -> str:
    """Return the name under which calls are counted: the service's IAM prefix and the operation."""
    return f"{operation.action.partition(':')[0]}:{operation.name}"


def page_of(operation: Operation, answer: Answer, asked: Mapping[str, Any]) -> Answer:
    """Return the page of an answer that a request asks for: as many rows as it names, from its token on."""
    paging = operation.paging
    token, following = paging.get("input_token"), paging.get("output_token")
    keys = paging.get("result_key")
    lists = [key for key in ([keys] if isinstance(keys, str) else keys or ()) if key in answer]
    if not isinstance(token, str) or not isinstance(following, str) or not lists:
        return answer
    start, size = int(asked.get(token) or 0), int(asked.get(paging.get("limit_key", "")) or PAGE)
    page, end, before = dict(answer), start + size, 0
    for key in lists:
        rows = answer[key]
        page[key] = rows[max(0, start - before) : max(0, end - before)]
        before += len(rows)
    if end < before:
        page[following] = str(end)
    if more := paging.get("more_results"):
        page[more] = end < before
    return page
