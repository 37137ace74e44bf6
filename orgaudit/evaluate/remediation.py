"""How a failure of a control is fixed, whatever the resource: what reports say of it once."""

from __future__ import annotations

import re

from orgaudit.controls.declare import Fix
from orgaudit.model import Remediation, Remedy


def unfilled(template: str) -> str:
    """Return a remediation with a name in capitals where a finding fills in its resource."""
    named = re.sub(r"(?<!{){(?:resource\.)?(\w+)(?:\.value)?}(?!})", lambda blank: blank[1].upper(), template)
    return named.replace("{{", "{").replace("}}", "}")


def general(fix: Fix) -> Remediation:
    """Return the three paths of a fix for any resource."""

    def remedy(text: str, command: str | None) -> Remedy:
        return Remedy(unfilled(text), unfilled(command) if command else None)

    return Remediation(
        service_wide=remedy(fix.service_wide, fix.service_wide_command),
        asset=remedy(fix.asset, fix.command),
        preventive=remedy(fix.preventive, fix.preventive_command),
    )
