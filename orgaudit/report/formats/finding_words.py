"""What formats for other tools say of a finding in words: its exception, how it is fixed, how what was not seen can be.

The words do not change from day to day, so that a tool that compares texts finds the same finding again.
"""

from __future__ import annotations

from orgaudit.model import GapReason, Status
from orgaudit.report.listed import ExportedFinding

ACCEPTED = "The settings accept that this region is not audited."
"""What is said of a finding that was not assessed, and that nobody has to assess."""


def exception_words(found: ExportedFinding) -> str:
    """Return what the register says of a finding: the exception, its owner and its last day; nothing without one."""
    if found.exception_id is None:
        return ""
    named = f"Exception {found.exception_id} of {found.exception_owner or 'nobody'}"
    if found.covered:
        return f"{named} accepts this until {found.exception_expires}; it still fails."
    return f"{named} ended on {found.exception_expires} and accepts this no longer."


def place_words(found: ExportedFinding) -> str:
    """Return where a finding is: the account with its name and unit, the region, and whose resource it repeats."""
    unit = f", {found.ou_path}" if found.ou_path else ""
    shared = f"; the resource is of account {found.inherited_from}" if found.inherited_from else ""
    return f"account {found.account_id} ({found.account_name}{unit}), region {found.region}{shared}"


def remedy_words(found: ExportedFinding) -> list[str]:
    """Return how a finding is fixed, one way a text: here, everywhere, and so that it does not come back.

    For what was not assessed it is what makes it possible to assess it.
    """
    if found.status == Status.NOT_ASSESSED:
        return [GapReason(found.gap_reason).remediation(found.gap_action or "")] if found.gap_reason else []
    ways = (("", found.remedy), ("Everywhere: ", found.service_wide), ("Prevent it: ", found.preventive))
    return [f"{label}{text}" for label, text in ways if text]
