"""The numbers and lists that an organization sets for controls; a control that compares with one takes `Thresholds`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from orgaudit.identifiers import AccountId, AccountOrArn


class Thresholds(BaseModel):
    """What controls compare with.

    `approved_log_destinations` are accounts outside the organization that may receive log events;
    `accept_alternative_monitoring` are accounts or trails whose events something else than CloudWatch alarms watches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery_hours: int = Field(default=24, ge=1)
    log_retention_days: int = Field(default=365, ge=1)
    approved_log_destinations: tuple[AccountId, ...] = ()
    accept_alternative_monitoring: tuple[AccountOrArn, ...] = ()
