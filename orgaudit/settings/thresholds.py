"""The numbers and lists that an organization sets for controls; a control that compares with one takes `Thresholds`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from orgaudit.settings.identifiers import AccountId, AccountOrArn

Port = Annotated[int, Field(ge=1, le=65535)]
VpcArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:ec2:[a-z0-9-]+:\d{12}:vpc/vpc-[0-9a-f]+$")]


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
    `database_backup_days` is how long databases have to keep their automatic backups.
    `trusted_delegated_administrators` are the accounts to which the organization may be delegated; without any, every
    member may be. `availability_zones` are the fewest zones of a load balancer. `cloudfront_tls_policies` are the
    security policies that distributions may have for viewers, and `cloudfront_refused_origin_protocols` the versions of
    SSL and TLS that none may speak to an origin.
    `stopped_instance_days` is how long an instance may stay stopped. `authorized_tcp_ports` and `authorized_udp_ports`
    are the ports that security groups may open to the internet. `endpoint_hub_vpcs` are VPCs whose interface endpoints
    other VPCs of their region use as well. `trusted_bucket_accounts` are the accounts that bucket policies may let
    change a bucket's protection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery_hours: int = Field(default=24, ge=1)
    log_retention_days: int = Field(default=365, ge=1)
    approved_log_destinations: tuple[AccountId, ...] = ()
    accept_alternative_data_discovery: tuple[AccountId, ...] = ()
    accept_alternative_monitoring: tuple[AccountOrArn, ...] = ()
    root_idle_days: int = Field(default=90, ge=1)
    database_backup_days: int = Field(default=7, ge=1, le=35)
    approved_administrators: tuple[str, ...] = ()
    approved_cloudshell_principals: tuple[str, ...] = ()
    account_contact_phones: tuple[str, ...] = ()
    security_contact_emails: tuple[str, ...] = ()
    further_admin_ports: tuple[Port, ...] = ()
    trusted_delegated_administrators: tuple[AccountId, ...] = ()
    availability_zones: int = Field(default=2, ge=2, le=6)
    cloudfront_tls_policies: tuple[str, ...] = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
    cloudfront_refused_origin_protocols: tuple[Literal["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"], ...] = ("SSLv3",)
    stopped_instance_days: int = Field(default=30, ge=1, le=365)
    authorized_tcp_ports: tuple[Port, ...] = (80, 443)
    authorized_udp_ports: tuple[Port, ...] = ()
    endpoint_hub_vpcs: tuple[VpcArn, ...] = ()
    trusted_bucket_accounts: tuple[AccountId, ...] = ()
