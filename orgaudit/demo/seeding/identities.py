"""Users, groups, policies, roles, identity providers and server certificates."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import AccessKeyLastUsed, AWSManagedPolicy, IAMBackend, User, iam_backends
from moto.ssoadmin.models import ssoadmin_backends

from orgaudit.demo.accounts import OPT_IN_REGION, REGIONS_BY_DEFAULT, DemoAccount, account_named, assessed_accounts
from orgaudit.demo.extra_state import ExtraState
from orgaudit.demo.seeding.policies import add_role, document

_HOME = "us-east-1"
_ADMINISTRATOR, _CLOUDSHELL, _SUPPORT, _READER = (
    "AdministratorAccess",
    "AWSCloudShellFullAccess",
    "AWSSupportAccess",
    "ReadOnlyAccess",
)
_OF_AWS = {
    _ADMINISTRATOR: ["*"],
    _CLOUDSHELL: ["cloudshell:*"],
    _SUPPORT: ["support:*"],
    _READER: ["*:Get*", "*:List*"],
}
"""AWS managed policies that are attached somewhere, with the actions that they allow in short."""
_STRICT_PASSWORDS = (True, False, 90, 14, 24, True, True, True, True)
_WEAK_PASSWORDS = (True, False, 0, 8, 0, True, False, False, True)
_WITHOUT_PASSWORD_POLICY = ("Mobile Development", "Sandbox Platform", "Sandbox Data Science")
_WITHOUT_SUPPORT_ROLE = ("Network", "Mobile Development", "Sandbox Platform", "Sandbox Data Science")
_WITHOUT_SAML = ("Sandbox Data Science",)


@dataclass(frozen=True, slots=True)
class _User:
    """An IAM user; `made` and `used` are days ago, `used` of the password and None for a user without one.

    `keys` are the days since each access key was created and last used.
    """

    account: str
    name: str
    made: int
    used: int | None = None
    mfa: bool = False
    keys: tuple[tuple[int, int | None], ...] = ()
    group: str | None = None
    attached: tuple[str, ...] = ()


_USERS = (
    _User("Meridian Management", "break-glass", 1400, used=40, mfa=True, group=_ADMINISTRATOR),
    _User("Shared Services", "ci-artifacts", 300, keys=((30, 0),), group=_READER),
    _User("Webshop Production", "payment-gateway", 500, keys=((62, 1),), group=_READER),
    _User("Data Platform Production", "warehouse-loader", 900, keys=((410, 2),), group=_READER),
    _User("Webshop Development", "tester", 700, used=60, mfa=True, keys=((80, 5), (20, 1)), group=_READER),
    _User("Payments Development", "contractor", 400, used=120, keys=((400, None),), attached=(_READER,)),
    _User("Sandbox Platform", "playground", 260, used=1, keys=((260, 9),), attached=(_ADMINISTRATOR, _CLOUDSHELL)),
    _User("Sandbox Data Science", "notebooks", 200, used=2, attached=(_READER,)),
)
_CUSTOMER_POLICIES = (
    ("Webshop Production", "deploy-webshop", ["ecs:UpdateService", "ecr:GetAuthorizationToken"], "deployment"),
    ("Payments Production", "read-settlements", ["s3:GetObject"], "settlement"),
    ("Mobile Development", "everything", ["*"], None),
    ("Sandbox Platform", "poweruser", ["*"], "experiments"),
)
"""Customer managed policies by account, with the actions that they allow and the role that has them."""
_CERTIFICATES = (("Webshop Production", "shop-2026", 220), ("Webshop Development", "shop-test-2024", -95))
"""Server certificates by account, with the days until they expire."""


def seed(state: ExtraState) -> None:
    """Create all of it."""
    for account in assessed_accounts():
        _account(account)
    for user in _USERS:
        _user(user)
    for name, policy, actions, role in _CUSTOMER_POLICIES:
        iam = iam_backends[account_named(name).id]["aws"]
        content = document([{"Effect": "Allow", "Action": actions, "Resource": "*"}])
        made = iam.create_policy("", "/", content, policy, [])
        if role:
            add_role(iam, role, {"Service": "ecs-tasks.amazonaws.com"})
            iam.attach_role_policy(made.arn, role)
    for name, certificate, days in _CERTIFICATES:
        uploaded = iam_backends[account_named(name).id]["aws"].upload_server_certificate(certificate, "", "")
        state.certificates_end[uploaded.arn] = timedelta(days=days)


def _account(account: DemoAccount) -> None:
    """Create the AWS managed policies, the password policy, the support role and the identity provider."""
    iam = iam_backends[account.id]["aws"]
    for name, actions in _OF_AWS.items():
        _policy_of_aws(iam, name, actions)
    if account.name not in _WITHOUT_PASSWORD_POLICY:
        rules = _WEAK_PASSWORDS if account.environment == "development" else _STRICT_PASSWORDS
        iam.update_account_password_policy(*rules)
    if account.name not in _WITHOUT_SUPPORT_ROLE:
        _role(iam, "incident-response", _SUPPORT)
    for region in (*REGIONS_BY_DEFAULT, OPT_IN_REGION):
        # moto has an IAM Identity Center in every account and region; this organization has none.
        ssoadmin_backends[account.id][region].instances.clear()
    if account.name not in _WITHOUT_SAML:
        iam.create_saml_provider("meridian-workforce", "<EntityDescriptor/>")


def _policy_of_aws(iam: IAMBackend, name: str, actions: list[str]) -> None:
    """Add one AWS managed policy to the account; moto would add all or none."""
    data: dict[str, Any] = {
        "DefaultVersionId": "v1",
        "Path": "/",
        "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]},
        "CreateDate": "2015-02-06T18:39:46+00:00",
        "UpdateDate": "2015-02-06T18:39:46+00:00",
    }
    policy = AWSManagedPolicy.from_data(name, iam.account_id, _HOME, data)
    iam.managed_policies[policy.arn] = policy


def _arn(name: str) -> str:
    return f"arn:aws:iam::aws:policy/{name}"


def _role(iam: IAMBackend, name: str, policy: str) -> None:
    add_role(iam, name, {"AWS": f"arn:aws:iam::{iam.account_id}:root"})
    iam.attach_role_policy(_arn(policy), name)


def _user(plan: _User) -> None:
    iam = iam_backends[account_named(plan.account).id]["aws"]
    user = iam.create_user(_HOME, plan.name)
    user.create_date = _ago(plan.made)
    if plan.used is not None:
        _password(user, plan.used)
    if plan.mfa:
        user.enable_mfa_device(f"arn:aws:iam::{iam.account_id}:mfa/{plan.name}", "111111", "222222")
    for created, used in plan.keys:
        made = iam.create_access_key(plan.name)
        made.create_date = _ago(created)
        if used is not None:
            made.last_used = AccessKeyLastUsed(_ago(used), "s3", _HOME)
    if plan.group:
        iam.create_group(plan.group)
        iam.attach_group_policy(_arn(plan.group), plan.group)
        iam.add_user_to_group(plan.group, plan.name)
    for name in plan.attached:
        iam.attach_user_policy(_arn(name), plan.name)


def _password(user: User, used: int) -> None:
    user.password = "not-a-real-one"  # noqa: S105 - nothing signs in to the emulation with it
    user.password_last_used = _ago(used)  # type: ignore[assignment]  # declared without the time that it holds


def _ago(days: int) -> datetime:
    moment: datetime = utcnow() - timedelta(days=days)
    return moment
