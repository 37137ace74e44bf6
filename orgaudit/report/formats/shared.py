"""What formats of findings for other tools say in the same words, whatever their schema."""

from __future__ import annotations

from collections.abc import Iterable

from orgaudit.model import Status

_TYPE = "Software and Configuration Checks/{}"
_STANDARD = _TYPE.format("Industry and Regulatory Standards/{}")
_PRACTICE = _TYPE.format("AWS Security Best Practices")


def is_resolved(status: str) -> bool:
    """Return whether a status leaves nothing to do."""
    return status in {Status.PASS, Status.NOT_APPLICABLE}


def name_of(resource: str) -> str:
    """Return the last part of a resource's ARN or address, the whole of what ends in a separator."""
    return resource[max(resource.rfind(":"), resource.rfind("/")) + 1 :] or resource


def types_of(standards: Iterable[str]) -> tuple[str, ...]:
    """Return the types of findings, as AWS's taxonomy writes them, of a control of these standards.

    Source: https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html#Types
    """
    return tuple(_STANDARD.format(standard.replace("/", "-")) for standard in standards) or (_PRACTICE,)
