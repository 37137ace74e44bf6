"""The numbers and lists that an organization sets for controls; a control that compares with one takes `Thresholds`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from orgaudit.settings.identifiers import AccountId, AccountOrArn

Port = Annotated[int, Field(ge=1, le=65535)]


class Thresholds(BaseModel):
    """What controls compare with.

    `approved_log_destinations` are accounts outside the organization that may receive log events;
    `accept_alternative_data_discovery` are accounts in which something else than Macie looks for sensitive data;
    `accept_alternative_monitoring` are accounts or trails whose events something else than CloudWatch alarms watches.
    `further_admin_ports` are ports of administration beside 22 and 3389.
    `root_idle_days` is how long the root user has to be idle to count as unused. `approved_administrators` and
    `approved_cloudshell_principals` are ARNs, or globs of them, of principals that may hold AWS's administrator
    policies and its policy for all of CloudShell. `account_contact_phones` and `security_contact_emails` are what
    accounts are to name; without any, a person has to confirm what they name.
    `trusted_delegated_administrators` are the accounts to which the organization may be delegated; without any, every
    member may be. `trusted_bucket_accounts` are the accounts that bucket policies may let change a bucket's protection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery_hours: int = Field(default=24, ge=1)
    log_retention_days: int = Field(default=365, ge=1)
    approved_log_destinations: tuple[AccountId, ...] = ()
    accept_alternative_data_discovery: tuple[AccountId, ...] = ()
    accept_alternative_monitoring: tuple[AccountOrArn, ...] = ()
    root_idle_days: int = Field(default=90, ge=1)
    approved_administrators: tuple[str, ...] = ()
    approved_cloudshell_principals: tuple[str, ...] = ()
    account_contact_phones: tuple[str, ...] = ()
    security_contact_emails: tuple[str, ...] = ()
    further_admin_ports: tuple[Port, ...] = ()
    trusted_delegated_administrators: tuple[AccountId, ...] = ()
    trusted_bucket_accounts: tuple[AccountId, ...] = ()
