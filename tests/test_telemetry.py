"""Traces and metrics of a run: what they hold, where they go, and that nothing is imported unless it is configured."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from orgaudit import telemetry
from orgaudit.aws.transport import Traffic
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap, GapReason, RegionRecord, RegionState
from orgaudit.telemetry import exporters
from orgaudit.telemetry.exporters import Providers
from orgaudit.telemetry.recorder import Recorder

ONE = Account(id="111111111111", name="a tag's value", tags={"owner": "a tag's value"})
TWO = Account(id="222222222222", name="Two")
BEGAN = datetime(2026, 11, 1, 8, tzinfo=UTC)
DENIED = Gap(ONE.id, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, "SecretAccessKey=abcdefghij was refused")
BLOCKED = Gap(ONE.id, "eu-west-1", "ec2:DescribeVpcs", GapReason.SCP_DENIED, "an explicit deny")


def record(account: Account, gap: Gap | None = None, *regions: RegionRecord) -> AccountRecord:
    return AccountRecord(
        account_id=account.id,
        began_at=BEGAN,
        collected_at=BEGAN + timedelta(seconds=48),
        regions=regions,
        regions_source="",
        gap=gap,
        calls=30,
        throttles=2,
        retries=3,
    )


class Recorded:
    """A recorder whose spans and figures stay in memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.metrics = MeterProvider([self.reader], shutdown_on_exit=False)
        self.recorder = Recorder(Providers(traces, self.metrics), "audit", "2026-q4")

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {
            str((span.attributes or {}).get("cloud.account.id", span.name)): span
            for span in self.exporter.get_finished_spans()
        }

    def figures(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        data = self.reader.get_metrics_data()
        assert data is not None
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [(dict(point.attributes or {}), point) for point in metric.data.data_points]
        return found


def traffic() -> Traffic:
    return Traffic(
        calls=35,
        throttles=2,
        retries=3,
        by_action=Counter({"ec2:DescribeVpcs": 20, "sts:AssumeRole": 10}),
        throttles_by_action=Counter({"ec2:DescribeVpcs": 2}),
        retries_by_action=Counter({"ec2:DescribeVpcs": 2, "sts:AssumeRole": 1}),
    )


def followed() -> Recorded:
    found = Recorded()
    recorder, sent = found.recorder, traffic()
    recorder.stage("collect", 2, sent)
    recorder.account_began(ONE)
    recorder.account_began(TWO)
    recorder.account_done(ONE, record(ONE, DENIED, RegionRecord("eu-west-1", RegionState.BLOCKED, BLOCKED)), sent)
    recorder.account_done(TWO, record(TWO), sent)
    recorder.stage("evaluate", 2)
    recorder.account_done(ONE, None, None)
    return found


def test_a_run_is_a_span_with_its_stages_and_their_accounts() -> None:
    found = followed()
    found.recorder.close(5)
    spans = found.spans
    assert list(spans) == [ONE.id, TWO.id, "collect", "evaluate", "orgaudit audit"]
    whole, stage, one = spans["orgaudit audit"], spans["collect"], spans[ONE.id]
    assert whole.parent is None
    assert (whole.attributes or {})["orgaudit.run"] == "2026-q4"
    assert stage.parent is not None
    assert stage.parent.span_id == whole.context.span_id
    assert one.parent is not None
    assert one.parent.span_id == stage.context.span_id
    assert dict(one.attributes or {}) == {
        "cloud.provider": "aws",
        "cloud.account.id": ONE.id,
        "orgaudit.calls": 30,
        "orgaudit.throttles": 2,
        "orgaudit.retries": 3,
        "orgaudit.gaps": 2,
        "orgaudit.seconds": 48.0,
    }
    assert (one.start_time, one.end_time) == (int(BEGAN.timestamp()) * 10**9, int(BEGAN.timestamp() + 48) * 10**9)
    assert (one.status.status_code, one.status.description) == (StatusCode.ERROR, "ACCOUNT_UNAVAILABLE, SCP_DENIED")
    assert spans[TWO.id].status.status_code is StatusCode.UNSET
    assert whole.status.status_code is StatusCode.UNSET


def test_figures_are_counted_by_service_and_action() -> None:
    found = followed()
    figures = found.figures()
    assert sorted(figures) == [
        *("orgaudit.account.duration", "orgaudit.accounts", "orgaudit.calls", "orgaudit.gaps"),
        *("orgaudit.retries", "orgaudit.throttles"),
    ]
    calls = {attributes.get("orgaudit.action"): point.value for attributes, point in figures["orgaudit.calls"]}
    assert calls == {"ec2:DescribeVpcs": 20, "sts:AssumeRole": 10, None: 5}
    assert {attributes.get("orgaudit.service") for attributes, _ in figures["orgaudit.calls"]} == {"ec2", "sts", None}
    assert [point.value for _, point in figures["orgaudit.throttles"]] == [2]
    assert sum(point.value for _, point in figures["orgaudit.retries"]) == 3
    gaps = {attributes["orgaudit.action"]: attributes["orgaudit.reason"] for attributes, _ in figures["orgaudit.gaps"]}
    assert gaps == {"sts:AssumeRole": "ACCOUNT_UNAVAILABLE", "ec2:DescribeVpcs": "SCP_DENIED"}
    accounts = [
        (attributes["orgaudit.stage"], attributes["orgaudit.gap"]) for attributes, _ in figures["orgaudit.accounts"]
    ]
    assert sorted(accounts) == [("collect", False), ("collect", True), ("evaluate", False)]
    ((_, histogram),) = figures["orgaudit.account.duration"]
    assert (histogram.count, histogram.sum) == (2, 96.0)
    assert histogram.bucket_counts[histogram.explicit_bounds.index(60)] == 2


def test_no_secret_name_or_tag_is_in_it() -> None:
    found = followed()
    found.recorder.close(5)
    text = "".join(span.to_json() for span in found.exporter.get_finished_spans())
    assert "SecretAccessKey" not in text
    assert "abcdefghij" not in text
    assert "tag's value" not in text
    assert ONE.id in text


def test_a_stopped_run_ends_its_spans_with_an_error() -> None:
    found = Recorded()
    found.recorder.stage("collect", 2, traffic())
    found.recorder.account_began(ONE)
    found.recorder.close(1, "KeyboardInterrupt")
    assert {name: span.status.description for name, span in found.spans.items()} == {
        ONE.id: "KeyboardInterrupt",
        "collect": "KeyboardInterrupt",
        "orgaudit audit": "KeyboardInterrupt",
    }


@pytest.mark.parametrize(
    ("environment", "is_configured"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "audit"}, False),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
def test_the_environment_decides(environment: Mapping[str, str], *, is_configured: bool) -> None:
    assert telemetry.is_configured(environment) is is_configured


FOLLOWING = """
import sys, time
from orgaudit.aws.transport import Traffic
from orgaudit.cli.progress import progress
from orgaudit.model import Account

def follow():
    with progress("none", "run") as shown:
        sent = Traffic()
        shown.stage("collect", 3, sent)
        for number in range(3):
            account = Account(id=f"{number:012}", name="")
            shown.account_began(account)
            sent.calls += 1
            sent.by_action["sts:AssumeRole"] += 1
            shown.account_done(account, None, sent)

began = time.monotonic()
follow()
print(time.monotonic() - began)
print(*sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def follow(environment: Mapping[str, str]) -> tuple[float, str, str]:
    """Follow a run in a process of its own, and return how long it took, what it imported, and its standard error."""
    process = subprocess.run(
        [sys.executable, "-c", FOLLOWING],
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    seconds, modules = process.stdout.splitlines()
    return float(seconds), modules, process.stderr


@pytest.mark.parametrize("environment", [{}, {"OTEL_SERVICE_NAME": "audit"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_nothing_is_imported_without_configuration(environment: Mapping[str, str]) -> None:
    _, modules, stderr = follow(environment)
    assert (modules, stderr) == ("", "")


class Receiver(http.server.BaseHTTPRequestHandler):
    """A collector of OTLP over HTTP."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        time.sleep(server.wait)
        server.received.append((self.path, body))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its own name
        del format


@contextmanager
def receiver(status: int = 200, wait: float = 0) -> Iterator[Any]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    server.block_on_close = False
    server.received, server.status, server.wait = [], status, wait
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def endpoint(server: Any) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}"}


def test_traces_and_metrics_reach_a_receiver() -> None:
    with receiver() as server:
        follow({**endpoint(server), "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"})
        received = list(server.received)
    spans: list[Any] = []
    figures: dict[str, Any] = {}
    resources: list[dict[str, str]] = []
    for path, body in received:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                resources.append({each.key: each.value.string_value for each in resource.resource.attributes})
                spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            assert path == "/v1/metrics"
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                figures |= {metric.name: metric for scope in metrics.scope_metrics for metric in scope.metrics}
    assert Counter(span.name for span in spans) == {"account": 3, "collect": 1, "orgaudit": 1}
    by_id = {span.span_id: span for span in spans}
    assert {by_id[span.parent_span_id].name for span in spans if span.name == "account"} == {"collect"}
    (point,) = figures["orgaudit.calls"].sum.data_points
    assert point.as_int == 3
    assert resources[0].items() >= {"service.name": "orgaudit", "deployment.environment": "test"}.items()


def test_the_environment_names_the_service() -> None:
    with receiver() as server:
        follow({**endpoint(server), "OTEL_SERVICE_NAME": "audits", "OTEL_METRICS_EXPORTER": "none"})
        ((path, body),) = server.received
    assert path == "/v1/traces"
    resource = ExportTraceServiceRequest.FromString(body).resource_spans[0].resource
    assert {each.key: each.value.string_value for each in resource.attributes}["service.name"] == "audits"


@pytest.mark.parametrize(("status", "wait"), [(503, 0.0), (200, 300.0), (400, 0.0)])
def test_a_receiver_that_fails_or_hangs_holds_nobody_up(status: int, wait: float) -> None:
    """Five seconds are the bound; without it the exporter would try for a minute."""
    with receiver(status, wait) as server:
        seconds, _, stderr = follow(endpoint(server))
    assert seconds < 20
    assert "Traceback" not in stderr
    assert 1 <= stderr.count("telemetry") <= 2  # what failed, and that not all was sent


def test_no_receiver_is_said_once_and_breaks_nothing() -> None:
    seconds, _, stderr = follow({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert seconds < 20
    assert "Traceback" not in stderr
    assert "telemetry" in stderr


def test_an_exporter_that_is_not_installed_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert exporters.providers({"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_METRICS_EXPORTER": "none"}) is None
    assert "no traces are sent: there is no exporter zipkin (installed: " in caplog.text


def test_without_its_packages_an_audit_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "orgaudit")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.delattr(telemetry, "exporters")
    monkeypatch.setitem(sys.modules, "orgaudit.telemetry.exporters", None)
    with telemetry.recorded("audit", "run") as recorders:
        assert recorders == ()
    assert "pip install 'orgaudit[telemetry]'" in caplog.text
