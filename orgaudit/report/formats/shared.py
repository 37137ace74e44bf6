"""What formats of findings for other tools say in the same words, whatever their schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import msgspec

from orgaudit.model import RequirementRef, Status
from orgaudit.report.listed import ExportedFinding

T = TypeVar("T")

requirements_of = msgspec.json.Decoder(list[RequirementRef]).decode
"""Returns the requirements of a finding from their JSON."""
tags_of = msgspec.json.Decoder(dict[str, str]).decode
"""Returns the tags of a finding from their JSON."""

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


class OncePerControl(Generic[T]):
    """What a format makes once of all findings with the same control, requirements and status."""

    def __init__(self, make: Callable[[ExportedFinding], T]) -> None:
        self._make = make
        self._made: dict[tuple[str, str, str], T] = {}

    def of(self, finding: ExportedFinding) -> T:
        """Return what is made of a finding like this one."""
        key = finding.control, finding.requirement_refs, finding.status
        if key not in self._made:
            self._made[key] = self._make(finding)
        return self._made[key]
