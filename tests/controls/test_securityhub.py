"""What the control on Security Hub says; 29 is the number of a known disagreement between tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.securityhub import securityhub_account_enabled as enabled
from orgaudit.facts.securityhub import SecurityHub
from orgaudit.model import Gap, GapReason, Status
from tests.evaluated import in_audit
from tests.factories import HOME, MEMBER, Case, every, failing, name_of, passing


def a_hub(**changes: Any) -> SecurityHub:
    values: dict[str, Any] = {
        "enabled": True,
        "subscribed_at": "2024-03-01T09:30:00.000Z",
        "enables_new_controls": True,
    }
    arn = f"arn:aws:securityhub:{HOME}:{MEMBER}:hub/default"
    return SecurityHub(arn=arn, account_id=MEMBER, region=HOME, **values | changes)


NASTY_RESOURCES = (a_hub(),)
CASES: dict[Control, tuple[Case, ...]] = {
    enabled: (
        passing("enabled", a_hub(), says="enabled since 2024-03-01"),
        passing("without new controls", a_hub(enables_new_controls=False)),
        passing("time not told", a_hub(subscribed_at=None), says="enabled since an unknown time"),
        failing("not subscribed", a_hub(enabled=False, subscribed_at=None), says="not enabled in this region"),
    ),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason


def test_evidence_names_the_hub_that_is_there() -> None:
    assert enabled(a_hub()).evidence["hub"] == f"arn:aws:securityhub:{HOME}:{MEMBER}:hub/default"
    assert (enabled(a_hub(enabled=False)).status, enabled(a_hub(enabled=False)).evidence["hub"]) == (Status.FAIL, None)


# In an audit


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (GapReason.DENIED, Status.NOT_ASSESSED),
        (GapReason.SCP_DENIED, Status.NOT_ASSESSED),
        (GapReason.REGION_DISABLED, Status.NOT_APPLICABLE),
        (GapReason.NOT_OFFERED, Status.NOT_APPLICABLE),
    ],
)
def test_region_that_was_not_seen(tmp_path: Path, reason: GapReason, status: Status) -> None:
    finding = in_audit(tmp_path, enabled, Gap(MEMBER, HOME, "", reason, "not seen there"))
    assert finding.status is status
    assert finding.gap is not None
