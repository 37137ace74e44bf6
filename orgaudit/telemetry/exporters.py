"""Where traces and metrics go: the exporters that OpenTelemetry's environment names, of those that are installed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from orgaudit import __version__

log = logging.getLogger(__name__)

PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""The installed names of the exporter that the environment calls otlp, by its protocol."""


@dataclass(frozen=True, slots=True)
class Providers:
    """What makes spans and instruments, and sends them."""

    traces: TracerProvider
    metrics: MeterProvider

    def close(self, patience: float) -> None:
        """Send what is left, for so many seconds at most: a receiver that does not answer holds nobody up."""
        sending = threading.Thread(target=self._shut_down, daemon=True, name="telemetry")
        sending.start()
        sending.join(patience)
        if sending.is_alive():
            log.warning("not all telemetry was sent: the receiver did not take it within %g s", patience)

    def _shut_down(self) -> None:
        for provider in (self.traces, self.metrics):
            try:
                provider.shutdown()
            except Exception as error:
                log.warning("telemetry was not sent: %s", type(error).__name__)
                log.debug("traceback of the error above", exc_info=True)


def providers(environment: Mapping[str, str]) -> Providers | None:
    """Return what sends traces and metrics as the environment says, or None where no exporter is there."""
    spans = _exporter("traces", environment)
    figures = _exporter("metrics", environment)
    if spans is None and figures is None:
        return None
    _log_once()
    resource = _resource(environment)
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    if spans is not None:
        traces.add_span_processor(BatchSpanProcessor(spans))
    readers = [PeriodicExportingMetricReader(figures)] if figures is not None else []
    return Providers(traces, MeterProvider(readers, resource=resource, shutdown_on_exit=False))


def _resource(environment: Mapping[str, str]) -> Resource:
    """Return what sends: named by the environment, else orgaudit."""
    own = {SERVICE_VERSION: __version__}
    if not environment.get("OTEL_SERVICE_NAME") and SERVICE_NAME not in environment.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        own[SERVICE_NAME] = "orgaudit"
    return Resource.create(own)


def _exporter(signal: str, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - spans' and metrics' share no type
    """Return the exporter of a signal, or None."""
    name = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    if name == "none":
        return None
    if name == "otlp":
        protocol = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or environment.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
        )
        name = PROTOCOLS.get(protocol.strip(), protocol)
    group = f"opentelemetry_{signal}_exporter"
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        log.warning("no %s are sent: there is no exporter %s (installed: %s)", signal, name, there)
        return None
    try:
        return found[name].load()()
    except Exception as error:
        log.warning("no %s are sent: the exporter %s cannot be made: %s", signal, name, type(error).__name__)
        log.debug("traceback of the error above", exc_info=True)
        return None


class _Once(logging.Handler):
    """Says the first thing that OpenTelemetry logs, as a warning; the rest, which repeats it, only with -v twice."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        log.log(logging.DEBUG if self._said else logging.WARNING, "telemetry was not sent: %s", record.getMessage())
        self._said = True


def _log_once() -> None:
    """Let an exporter that fails say so once, without a traceback."""
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False
    if not any(isinstance(handler, _Once) for handler in logger.handlers):
        logger.addHandler(_Once())
