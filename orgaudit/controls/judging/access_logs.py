"""The verdict on the access logs of a public front end."""

from __future__ import annotations

from orgaudit.model import Json, Verdict, require


def judge_access_logs(destination: str | None, **evidence: Json) -> Verdict:
    """Return a PASS with the destination of access logs, and a FAIL where there is none."""
    return require(
        destination is not None,
        then=f"access logs are delivered to {destination}",
        otherwise="access logging is not enabled",
        **evidence,
    )
