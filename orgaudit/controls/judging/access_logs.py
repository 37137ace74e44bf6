"""The verdicts on the access logs of public front ends, and on the execution logs of APIs."""

from __future__ import annotations

from collections.abc import Mapping

from orgaudit.model import Json, Verdict, failed, require


def judge_access_logs(destination: str | None, **evidence: Json) -> Verdict:
    """Return a PASS with the destination of access logs, and a FAIL where there is none."""
    return require(
        destination is not None,
        then=f"access logs are delivered to {destination}",
        otherwise="access logging is not enabled",
        **evidence,
    )


def judge_execution_logs(levels: Mapping[str, str], *, default: str, **evidence: Json) -> Verdict:
    """Return a PASS where the default and every method or route with settings of its own has a log level, else a FAIL.

    `levels` are OFF, ERROR or INFO by method or route; `default` is the one that applies to all others.
    """
    if levels.get(default, "OFF") == "OFF":
        return failed("execution logging is not enabled", levels=dict(levels), **evidence)
    silent = sorted(name for name, level in levels.items() if level == "OFF")
    return require(
        not silent,
        then=f"execution logs are written with level {levels[default]}",
        otherwise=f"execution logging is disabled for {', '.join(silent)}",
        levels=dict(levels),
        **evidence,
    )
