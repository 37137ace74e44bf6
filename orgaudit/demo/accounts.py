"""The demo organization as data: its accounts, units, regions and delegated administrators."""

from dataclasses import dataclass

ROLE_NAME = "OrgAuditRole"
REGIONS_BY_DEFAULT = ("eu-central-1", "eu-west-1", "us-east-1")
OPT_IN_REGION = "af-south-1"
RESTRICTED_UNIT = "Sandbox"
"""The unit in whose accounts a service control policy denies `DENIED_REGION`."""
DENIED_REGION = "eu-central-1"
OUTSIDE_ACCOUNT_ID = "964275130816"
"""An account outside of the organization."""

UNITS = (
    "Security",
    "Infrastructure",
    "Workloads",
    "Workloads/Production",
    "Workloads/Development",
    "Sandbox",
    "Suspended",
)
"""The tree of units below the root, parents first."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account; its unit is a path below the root (empty for the root itself), its owner a mail address."""

    id: str
    name: str
    unit: str
    owner: str
    environment: str
    data_classification: str
    joined: str
    invited: bool = False
    closed: bool = False
    has_audit_role: bool = True
    has_opt_in_region: bool = True

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the account."""
        return {
            "owner": self.owner,
            "environment": self.environment,
            "data-classification": self.data_classification,
        }


MANAGEMENT = DemoAccount(
    "214365870912", "Meridian Management", "", "cloud@meridian.example", "management", "confidential", "2019-02-04",
    has_audit_role=False,
)  # fmt: skip

ACCOUNTS = (
    MANAGEMENT,
    DemoAccount("301745926680", "Log Archive", "Security",
                "security@meridian.example", "security", "restricted", "2019-02-05"),
    DemoAccount("318264750931", "Security Tooling", "Security",
                "security@meridian.example", "security", "restricted", "2019-02-06"),
    DemoAccount("402958167743", "Network", "Infrastructure",
                "network@meridian.example", "infrastructure", "internal", "2019-03-11"),
    DemoAccount("417630285594", "Shared Services", "Infrastructure",
                "platform@meridian.example", "infrastructure", "internal", "2019-03-12"),
    DemoAccount("523871460925", "Webshop Production", "Workloads/Production",
                "webshop@meridian.example", "production", "confidential", "2019-06-17"),
    DemoAccount("536402918877", "Payments Production", "Workloads/Production",
                "payments@meridian.example", "production", "restricted", "2019-09-02"),
    DemoAccount("548193720661", "Data Platform Production", "Workloads/Production",
                "data@meridian.example", "production", "confidential", "2020-01-20"),
    DemoAccount("612947305518", "Webshop Development", "Workloads/Development",
                "webshop@meridian.example", "development", "internal", "2019-06-18"),
    DemoAccount("629183640572", "Payments Development", "Workloads/Development",
                "payments@meridian.example", "development", "internal", "2019-09-03"),
    DemoAccount("634718250996", "Mobile Development", "Workloads/Development",
                "mobile@meridian.example", "development", "internal", "2021-04-26", has_opt_in_region=False),
    DemoAccount("708263951447", "Sandbox Platform", "Sandbox",
                "platform@meridian.example", "sandbox", "public", "2021-10-04"),
    DemoAccount("715930482663", "Sandbox Data Science", "Sandbox",
                "data@meridian.example", "sandbox", "public", "2022-02-14"),
    DemoAccount("801649273350", "Legacy Loyalty", "Suspended",
                "webshop@meridian.example", "production", "internal", "2019-11-25", closed=True),
    DemoAccount("913527640881", "Northgate Acquisition", "",
                "it@northgate.example", "production", "confidential", "2024-05-13",
                invited=True, has_audit_role=False),
)  # fmt: skip

DELEGATED_ADMINISTRATORS = {
    "Security Tooling": (
        "access-analyzer.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "macie.amazonaws.com",
        "securityhub.amazonaws.com",
    ),
}
"""The services that an account administers for the organization, by its name."""


ALLOWED_EVERYWHERE = (
    "access-analyzer:*", "account:*", "acm:*", "cloudfront:*", "cloudtrail:LookupEvents", "config:*",
    "ec2:DescribeRegions", "ec2:DescribeTransitGateways", "ec2:DescribeVpnGateways", "iam:*", "kms:*",
    "organizations:*", "route53:*", "s3:GetAccountPublicAccessBlock", "s3:GetBucketLocation",
    "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock", "s3:ListAllMyBuckets", "sso:*", "sts:*", "support:*",
    "tag:GetResources", "trustedadvisor:*", "waf*:*",
)  # fmt: skip
"""The actions that AWS Control Tower's region deny policy allows in every region:
https://docs.aws.amazon.com/controltower/latest/controlreference/primary-region-deny-policy.html"""


def account_named(name: str) -> DemoAccount:
    """Return the account of that name; raises KeyError where there is none."""
    return {account.name: account for account in ACCOUNTS}[name]


def assessed_accounts() -> tuple[DemoAccount, ...]:
    """Return the management account and those whose audit role can be assumed."""
    return tuple(each for each in ACCOUNTS if each is MANAGEMENT or (each.has_audit_role and not each.closed))


SECURITY_TOOLING_ID = account_named("Security Tooling").id
