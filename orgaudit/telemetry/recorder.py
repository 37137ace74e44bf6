"""The spans and figures of a run: one span for the command, one for each stage and account, and none for a call.

Attributes hold account ids, IAM actions, reasons and numbers. Names, tags and the texts of errors are left out.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from orgaudit import __version__
from orgaudit.aws.transport import Traffic
from orgaudit.model import Account, AccountRecord, Gap, RegionState
from orgaudit.telemetry.exporters import Providers

NANO = 1_000_000_000
BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""The bounds of the histogram of the seconds that an account takes."""
INSTRUMENTS = ("calls", "throttles", "retries")
"""What is sent, each an observable counter by service and action."""


class Recorder:
    """A progress whose stages and accounts become spans and figures; any thread may call it."""

    def __init__(self, providers: Providers, command: str, run: str) -> None:
        self._providers = providers
        self._lock = threading.Lock()
        self._tracer = providers.traces.get_tracer("orgaudit", __version__)
        self._whole = self._span(f"orgaudit {command}".strip(), None, None, {"orgaudit.run": run} if run else {})
        self._stage: Span | None = None
        self._name = ""
        self._began: dict[str, int] = {}
        self._before = self._now = Traffic()
        meter = providers.metrics.get_meter("orgaudit", __version__)
        for name in INSTRUMENTS:
            meter.create_observable_counter(
                f"orgaudit.{name}", [self._observer(name)], unit=f"{{{name}}}", description=f"AWS API {name}"
            )
        self._accounts = meter.create_counter(
            "orgaudit.accounts", unit="{account}", description="Accounts that have ended"
        )
        self._gaps = meter.create_counter(
            "orgaudit.gaps", unit="{gap}", description="Accounts and regions that could not be seen"
        )
        self._seconds = meter.create_histogram(
            "orgaudit.account.duration",
            unit="s",
            description="How long an account took",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )

    def stage(self, name: str, total: int, traffic: Traffic | None = None) -> None:
        """End the span of the stage before, and begin one."""
        with self._lock:
            self._end_stage("")
            if traffic is None or traffic is not self._now:
                self._before, self._now = _sum(self._before, self._now), traffic or Traffic()
            self._name = name
            counted: dict[str, AttributeValue] = {"orgaudit.accounts": total} if total else {}
            self._stage = self._span(name, self._whole, None, counted)

    def account_began(self, account: Account) -> None:
        """Note when an account began."""
        with self._lock:
            self._began.setdefault(account.id, time.time_ns())

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Record an account's span and figures."""
        with self._lock:
            self._now = traffic or self._now
            gaps = [*_gaps(record)]
            stage: dict[str, AttributeValue] = {"orgaudit.stage": self._name}
            self._accounts.add(1, {**stage, "orgaudit.gap": bool(gaps)})
            for gap in gaps:
                self._gaps.add(
                    1, {**_action(gap.action if gap else ""), "orgaudit.reason": str(gap.reason) if gap else ""}
                )
            span = self._began.pop(account.id, None), time.time_ns()
            began, ended = _times(record, *span)
            if began is None:
                return
            seconds = (ended - began) / NANO
            self._seconds.record(seconds, stage)
            figures = _figures(record)
            self._account(account.id, began, ended, {**figures, "orgaudit.seconds": seconds}, gaps)

    def close(self, patience: float, error: str = "") -> None:
        """End every span, with `error` the name of what ended the command early, and send all, for so long at most."""
        with self._lock:
            self._end_stage(error)
            _end(self._whole, error)
        self._providers.close(patience)

    def _end_stage(self, error: str) -> None:
        """End the stage and what runs in it."""
        now = time.time_ns()
        for account_id, began in self._began.items():
            span = self._span("account", self._stage, began, _identity(account_id))
            span.set_status(StatusCode.ERROR, error or "not ended")
            span.end(now)
        self._began.clear()
        if self._stage is not None:
            _end(self._stage, error)
        self._stage = None

    def _account(
        self, account_id: str, began: int, ended: int, figures: dict[str, AttributeValue], gaps: Iterable[Gap | None]
    ) -> None:
        span = self._span("account", self._stage, began, {**_identity(account_id), **figures})
        if reasons := sorted({str(gap.reason) if gap else "not seen" for gap in gaps}):
            span.set_status(StatusCode.ERROR, ", ".join(reasons))
        span.end(ended)

    def _span(self, name: str, parent: Span | None, began: int | None, attributes: dict[str, AttributeValue]) -> Span:
        context = set_span_in_context(parent, Context()) if parent is not None else Context()
        return self._tracer.start_span(
            name, context, SpanKind.INTERNAL, attributes=attributes, start_time=began, record_exception=False
        )

    def _observer(self, name: str) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            yield from self._observed(name)

        return observe

    def _observed(self, name: str) -> list[Observation]:
        """Return a figure by action; what no action is known of, as of other processes, has none."""
        with self._lock:
            actions: Counter[str] = Counter()
            whole = 0
            for traffic in (self._before, self._now):
                whole += getattr(traffic, name)
                actions.update(dict(_by_action(traffic, name)))
        found = [Observation(count, _action(action)) for action, count in actions.items()]
        rest = whole - actions.total()
        return [*found, Observation(rest, {})] if rest > 0 else found


def _by_action(traffic: Traffic, name: str) -> Counter[str]:
    return {
        "calls": traffic.by_action,
        "throttles": traffic.throttles_by_action,
        "retries": traffic.retries_by_action,
    }[name]


def _sum(one: Traffic, other: Traffic) -> Traffic:
    both = Traffic()
    both.add(one)
    both.add(other)
    return both


def _end(span: Span, error: str) -> None:
    if error:
        span.set_status(StatusCode.ERROR, error)
    span.end()


def _identity(account_id: str) -> dict[str, AttributeValue]:
    """Return how OpenTelemetry names an account: https://opentelemetry.io/docs/specs/semconv/resource/cloud/."""
    return {"cloud.provider": "aws", "cloud.account.id": account_id}


def _action(action: str) -> dict[str, AttributeValue]:
    service, _, _ = action.partition(":")
    return {"orgaudit.service": service, "orgaudit.action": action}


def _gaps(record: AccountRecord | None) -> Iterator[Gap | None]:
    """Yield the gap of an account, and that of each region that was not seen, None where it has none."""
    if record is None:
        return
    if record.gap is not None:
        yield record.gap
    for region in record.regions:
        if region.state not in {RegionState.AUDITED, RegionState.DISABLED}:
            yield region.gap


def _figures(record: AccountRecord | None) -> dict[str, AttributeValue]:
    if record is None:
        return {}
    return {
        "orgaudit.calls": record.calls,
        "orgaudit.throttles": record.throttles,
        "orgaudit.retries": record.retries,
        "orgaudit.gaps": len([*_gaps(record)]),
    }


def _times(record: AccountRecord | None, noted: int | None, now: int) -> tuple[int | None, int]:
    """Return when an account began and ended: as its record says, wherever it was collected, else as was noted here."""
    if record is not None and record.began_at is not None:
        began = _nanoseconds(record.began_at)
        return began, max(began, _nanoseconds(record.collected_at))
    return noted, now


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
