"""Traces and metrics of a run, sent by OpenTelemetry where it is installed and its environment says where to.

Nothing of it is imported otherwise. The environment is OpenTelemetry's own:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orgaudit.telemetry.recorder import Recorder

log = logging.getLogger(__name__)

ASKED_BY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
)
"""Variables of which one at least says where traces or metrics go."""
PATIENCE, PATIENCE_STOPPED = 5.0, 1.0
"""The most seconds that a command waits at its end until what is recorded was sent; the second where it is stopped."""


def is_configured(environment: Mapping[str, str]) -> bool:
    """Return whether the environment says where traces or metrics go, and does not switch the SDK off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return any(environment.get(name, "").strip() not in {"", "none"} for name in ASKED_BY)


@contextmanager
def recorded(command: str, run: str) -> Iterator[tuple[Recorder, ...]]:
    """Yield what follows a command's stages and sends their traces and metrics: one recorder, or none.

    Where sending fails, the log says so once, and the command goes on.
    """
    recorder = _recorder(command, run) if is_configured(os.environ) else None
    if recorder is None:
        yield ()
        return
    try:
        yield (recorder,)
    except BaseException as error:
        recorder.close(PATIENCE_STOPPED, type(error).__name__)
        raise
    recorder.close(PATIENCE)


def _recorder(command: str, run: str) -> Recorder | None:
    try:
        from orgaudit.telemetry import exporters  # noqa: PLC0415 - imports optional packages
        from orgaudit.telemetry.recorder import Recorder  # noqa: PLC0415 - imports optional packages
    except ImportError as error:
        log.info("no telemetry is sent (%s): pip install 'orgaudit[telemetry]'", error)
        return None
    providers = exporters.providers(os.environ)
    return Recorder(providers, command, run) if providers else None
