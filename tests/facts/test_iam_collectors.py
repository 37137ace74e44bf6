"""What the IAM collectors make of literal answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.facts.declare import Collector
from orgaudit.facts.iam import access_keys, authorization, certificates, credential_report, federation, passwords, root
from orgaudit.facts.iam.access_keys import AccessKey
from orgaudit.facts.iam.authorization import AwsPolicy, CustomerPolicy, Role, User
from orgaudit.facts.iam.credential_report import ROOT_USER, CredentialRow, KeySlot, report_rows
from orgaudit.facts.iam.federation import FederationProtocol, IdentityCenter, IdentityProvider
from orgaudit.languages.iam_policy import FullGrant, Home, PolicyError, PolicyGrants, grants_of, service_grants_of
from orgaudit.model import GLOBAL, Gap, GapReason, NotSeenError, Seen
from tests.factories import HOME, MANAGEMENT, MEMBER, NOW, seen_all, statement
from tests.factories_iam import (
    ADMINISTRATOR,
    EVERYTHING,
    a_password_policy,
    a_root,
    a_user,
    an_instance_profile,
    aws_policy_arn,
)
from tests.literal_aws import Call, LiteralAws, Refused, World, checked, service_model

USER = a_user()
ROOT = a_root()
IAM = f"arn:aws:iam::{MEMBER}"


class Iam(LiteralAws):
    """Literal AWS that also knows operations which take nothing; IAM has several."""

    def _checked(self, service: str, operation: str, parameters: dict[str, Any], told: Any) -> dict[str, Any] | Refused:
        model = service_model(service).operation_model(operation)
        if model.input_shape is not None:
            return super()._checked(service, operation, parameters, told)
        assert parameters == {}
        self.world.calls.append(Call(self.account_id, self.region, service, operation, parameters))
        return told if isinstance(told, Refused) else checked(model, told)


def aws(answers: dict[tuple[str, str], Any]) -> LiteralAws:
    return Iam(World({MEMBER: answers}), MEMBER, HOME)


async def listed(run: Callable[..., Any], at: LiteralAws) -> list[Any]:
    return [each async for each in run(at)]


def iam(**answers: Any) -> dict[tuple[str, str], Any]:
    return {("iam", operation): answer for operation, answer in answers.items()}


# Authorization details

WIDE_ARN, ADMIN_ARN = f"{IAM}:policy/team/wide", aws_policy_arn(ADMINISTRATOR)


def attached(*arns: str) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn} for arn in arns]


def versions(*documents: object) -> list[dict[str, Any]]:
    """The versions of a policy, the last one its default."""
    return [
        {"VersionId": f"v{place}", "IsDefaultVersion": place == len(documents), "Document": document}
        for place, document in enumerate(documents, 1)
    ]


def policy(arn: str, *documents: object) -> dict[str, Any]:
    return {"Arn": arn, "PolicyName": arn.rsplit("/", 1)[-1], "PolicyVersionList": versions(*documents)}


ALICE = {
    "Arn": f"{IAM}:user/team/alice",
    "UserName": "alice",
    "CreateDate": NOW,
    "GroupList": ["staff"],
    "Tags": [{"Key": "team", "Value": "web"}],
    "UserPolicyList": [{"PolicyName": "extra", "PolicyDocument": EVERYTHING}],
    "AttachedManagedPolicies": attached(WIDE_ARN),
}
ROBOT = {"Arn": f"{IAM}:user/robot", "UserName": "robot", "CreateDate": NOW, "AttachedManagedPolicies": []}
STAFF = {"Arn": f"{IAM}:group/staff", "AttachedManagedPolicies": attached(WIDE_ARN, ADMIN_ARN)}
DEPLOYS = {
    "Arn": f"{IAM}:role/deploys",
    "RolePolicyList": [{"PolicyName": "inline"}],
    "InstanceProfileList": [{"Arn": f"{IAM}:instance-profile/deploys", "InstanceProfileName": "deploys"}],
    "AttachedManagedPolicies": attached(ADMIN_ARN),
}
READS, READS_ARN = statement("s3:Get*", Resource="*"), f"{IAM}:policy/reads"
PAGES = [
    {"UserDetailList": [ALICE], "GroupDetailList": [STAFF], "IsTruncated": True, "Marker": "2"},
    {"UserDetailList": [ROBOT], "RoleDetailList": [DEPLOYS], "IsTruncated": True, "Marker": "3"},
    {
        "Policies": [
            policy(WIDE_ARN, EVERYTHING),
            policy(READS_ARN, EVERYTHING, READS),
            policy(ADMIN_ARN, EVERYTHING),
            policy(aws_policy_arn("ReadOnlyAccess"), READS),
        ]
    },
]
AUTHORIZED = iam(GetAccountAuthorizationDetails=PAGES)
FULL = Seen(PolicyGrants((FullGrant("statement 1"),)))


async def test_users_of_all_pages() -> None:
    alice, robot = await listed(authorization.users, aws(AUTHORIZED))
    assert alice == seen_all(
        User,
        arn=f"{IAM}:user/team/alice",
        account_id=MEMBER,
        region=GLOBAL,
        tags={"team": "web"},
        groups=("staff",),
        inline=("extra",),
        attached=(WIDE_ARN,),
    )
    assert alice.name == "alice"
    assert (robot.inline, robot.attached, robot.groups, robot.tags) == (Seen(()), Seen(()), (), {})


async def test_groups_and_roles() -> None:
    at = aws(AUTHORIZED)
    (group,), (role,) = await listed(authorization.groups, at), await listed(authorization.roles, at)
    assert (group.name, group.attached) == ("staff", Seen((WIDE_ARN, ADMIN_ARN)))
    assert role == seen_all(
        Role, arn=f"{IAM}:role/deploys", account_id=MEMBER, region=GLOBAL, inline=("inline",), attached=(ADMIN_ARN,)
    )


async def test_instance_profiles_are_those_of_roles() -> None:
    assert await listed(authorization.instance_profiles, aws(AUTHORIZED)) == [
        an_instance_profile("deploys", f"{IAM}:role/deploys")
    ]


async def test_own_policies_with_their_holders_and_default_versions() -> None:
    wide, reads = await listed(authorization.customer_policies, aws(AUTHORIZED))
    holders = (f"{IAM}:group/staff", f"{IAM}:user/team/alice")
    place: dict[str, Any] = {"arn": WIDE_ARN, "account_id": MEMBER, "region": GLOBAL}
    services = Seen(service_grants_of(EVERYTHING, Home("aws", MEMBER)))
    assert wide == CustomerPolicy(**place, attached_to=holders, grants=FULL, services=services)
    assert (reads.arn, reads.attached_to, reads.grants) == (READS_ARN, (), Seen(PolicyGrants()))


async def test_aws_policies_that_somebody_holds() -> None:
    holders = (f"{IAM}:group/staff", f"{IAM}:role/deploys")
    assert await listed(authorization.aws_policies, aws(AUTHORIZED)) == [
        AwsPolicy(arn=ADMIN_ARN, account_id=MEMBER, region=GLOBAL, attached_to=holders, grants=FULL)
    ]


@pytest.mark.parametrize("policies", [[], [{"Arn": ADMIN_ARN}], [policy(ADMIN_ARN, {"Statement": "x"})]])
async def test_policy_that_cannot_be_read_is_a_gap_by_itself(policies: list[Any]) -> None:
    answers = iam(GetAccountAuthorizationDetails={"GroupDetailList": [STAFF], "Policies": policies})
    (found,) = await listed(authorization.aws_policies, aws(answers))
    assert isinstance(found.grants, Gap)
    assert (found.grants.reason, found.grants.action) == (GapReason.MALFORMED, authorization.ACTION)


async def test_all_that_is_authorized_is_read_once() -> None:
    at = aws(AUTHORIZED)
    for run in (authorization.users, authorization.groups, authorization.roles, authorization.customer_policies):
        await listed(run, at)
    assert len(at.world.calls) == len(PAGES)


# PolicyGrants


def everything(**elements: object) -> dict[str, object]:
    return {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **elements}]}


@pytest.mark.parametrize(
    ("document", "grants"),
    [
        (EVERYTHING, PolicyGrants((FullGrant("statement 1"),))),
        (everything(Sid="All"), PolicyGrants((FullGrant("All"),))),
        (READS, PolicyGrants()),
        (
            everything(Condition={"StringEquals": {"aws:PrincipalTag/a": ["b", "c"]}}),
            PolicyGrants((FullGrant("statement 1", conditions=("StringEquals aws:PrincipalTag/a b, c",)),)),
        ),
        (
            {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::x"}},
            PolicyGrants((FullGrant("statement 1", ("iam:*",), ("arn:aws:s3:::x",), administers=False),)),
        ),
    ],
)
def test_grants_of_a_document(document: object, grants: PolicyGrants) -> None:
    assert grants_of(document) == grants


@pytest.mark.parametrize(
    ("except_actions", "administers"),
    [
        ((), True),
        (("s3:*",), True),
        (("iam:*",), False),
        (("IAM:*", "s3:*"), False),
        (("i*",), False),
        (("iam:Create*", "iam:Delete*"), True),
        (("iam:?*", "iam:"), False),
    ],
)
def test_whoever_has_a_part_of_iam_administers(except_actions: tuple[str, ...], administers: bool) -> None:
    elements = {"NotAction": list(except_actions)} if except_actions else {"Action": "*"}
    (grant,) = grants_of({"Statement": {"Effect": "Allow", "Resource": "*", **elements}}).full
    assert (grant.except_actions, grant.administers) == (except_actions, administers)


def test_document_that_is_no_policy() -> None:
    with pytest.raises(PolicyError):
        grants_of({"Statement": []} | {"Extra": 1})


# Credential report

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated,additional_credentials_info"
)
DATE = "2024-05-22T18:13:31+00:00"
AT = datetime(2024, 5, 22, 18, 13, 31, tzinfo=UTC)
ROOT_ROW = (
    f"<root_account>,{ROOT.arn},{DATE},not_supported,{DATE},not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,"
    "false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,"
)
USER_ROW = (
    f"alice,{USER.arn},{DATE},TRUE,no_information,{DATE},N/A,False,True,2024-05-22T18:13:31Z,N/A,N/A,N/A,FALSE,{DATE},"
    f"{DATE},eu-west-1,s3,false,N/A,false,N/A,"
)


def report(*found: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *found)).encode()


def test_row_of_a_user() -> None:
    (row,) = report_rows(report(USER_ROW))
    assert row == CredentialRow(
        user="alice",
        arn=USER.arn,
        created_at=AT,
        password_enabled=True,
        password_used_at=None,
        password_changed_at=AT,
        mfa=False,
        keys=(
            KeySlot(1, active=True, rotated_at=AT),
            KeySlot(2, active=False, rotated_at=AT, used_at=AT),
        ),
    )
    assert row.last_used == {"access key 2": AT}
    assert row.idle_since == {"access key 1": AT, "password": AT}


def test_row_of_the_root_user() -> None:
    (row,) = report_rows(report(ROOT_ROW))
    assert (row.user, row.password_enabled, row.password_used_at, row.mfa) == (ROOT_USER, None, AT, True)
    assert row.idle_since == {}


@given(st.permutations(range(len(HEADER.split(",")))), st.booleans())
def test_columns_are_read_by_their_names(order: list[int], more: bool) -> None:
    def moved(line: str) -> str:
        cells = [line.split(",")[place] for place in order]
        return ",".join([*cells, "another"] if more else cells)

    assert list(report_rows(report(moved(USER_ROW), header=moved(HEADER)))) == list(report_rows(report(USER_ROW)))


@given(st.sampled_from(["true", "false"]), st.lists(st.booleans(), min_size=5, max_size=5))
def test_truth_in_any_case(word: str, upper: list[bool]) -> None:
    spelt = "".join(each.upper() if high else each for each, high in zip(word, upper, strict=False))
    (row,) = report_rows(report(USER_ROW.replace("TRUE", spelt)))
    assert row.password_enabled is (word == "true")


@pytest.mark.parametrize("unknown", ["N/A", "n/a", "not_supported", "no_information", ""])
def test_values_that_aws_does_not_tell(unknown: str) -> None:
    (row,) = report_rows(report(USER_ROW.replace("TRUE", unknown).replace("no_information", unknown)))
    assert (row.password_enabled, row.password_used_at) == (None, None)


@pytest.mark.parametrize(
    "content",
    [
        report(USER_ROW.replace("TRUE", "maybe")),
        report(USER_ROW.replace("no_information", "yesterday")),
        report(USER_ROW.replace(f"{DATE},TRUE", "N/A,TRUE")),
        report("alice", header="user"),
    ],
    ids=["truth", "time", "no creation", "no columns"],
)
def test_report_of_another_shape_is_malformed(content: bytes) -> None:
    """A collector that raises one of these is a MALFORMED gap."""
    with pytest.raises((ValueError, KeyError)):
        list(report_rows(content))


def test_time_without_a_zone_is_utc() -> None:
    (row,) = report_rows(report(USER_ROW.replace("no_information", "2024-05-22T18:13:31")))
    assert row.password_used_at == AT


READY = {"Content": report(ROOT_ROW, USER_ROW), "ReportFormat": "text/csv", "GeneratedTime": NOW}
COMPLETE = {"State": "COMPLETE"}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were slept, in place of sleeping."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


async def test_report_is_read_once_for_everybody(pauses: list[float]) -> None:
    at = aws(iam(GenerateCredentialReport=COMPLETE, GetCredentialReport=READY))
    user = await credential_report.user_credentials(at, USER)
    of_root = await credential_report.root_credentials(at, ROOT)
    assert (user.row.user, of_root.row.user, user.generated_at) == ("alice", ROOT_USER, NOW)
    assert [call.operation for call in at.world.calls] == ["GenerateCredentialReport", "GetCredentialReport"]
    assert pauses == []


@pytest.mark.parametrize(
    ("states", "reads", "slept"),
    [
        (["STARTED", "INPROGRESS", "COMPLETE"], [READY], [1, 2]),
        (["COMPLETE", "COMPLETE"], [Refused("ReportNotPresent"), READY], [1]),
        (["COMPLETE", "COMPLETE"], [Refused("ReportInProgress"), READY], [1]),
        (["COMPLETE", "STARTED", "COMPLETE"], [Refused("ReportExpired"), READY], [1, 2]),
    ],
    ids=["generated", "not present", "in progress", "expired"],
)
async def test_report_is_waited_for(pauses: list[float], states: list[str], reads: list[Any], slept: list[int]) -> None:
    generated = [{"State": state} for state in states]
    at = aws(iam(GenerateCredentialReport=generated, GetCredentialReport=reads))
    assert (await credential_report.user_credentials(at, USER)).row.user == "alice"
    assert pauses == slept


async def test_report_is_not_waited_for_without_end(pauses: list[float]) -> None:
    at = aws(iam(GenerateCredentialReport={"State": "INPROGRESS"}))
    with pytest.raises(NotSeenError, match="had not generated the credential report after 49 seconds") as error:
        await credential_report.credential_report(at)
    assert error.value.gap.reason is GapReason.THROTTLED
    assert sum(pauses) == 49


async def test_user_newer_than_the_report_and_report_without_root() -> None:
    at = aws(iam(GenerateCredentialReport=COMPLETE, GetCredentialReport=READY | {"Content": report(USER_ROW)}))
    with pytest.raises(NotSeenError, match="2025-11-21 12:00 has no row for this user"):
        await credential_report.user_credentials(at, a_user("bob"))
    with pytest.raises(NotSeenError, match="no row for the root user"):
        await credential_report.root_credentials(at, ROOT)


async def test_root_row_is_no_users_row() -> None:
    """The user that is called like root's row in the report is another one."""
    at = aws(iam(GenerateCredentialReport=COMPLETE, GetCredentialReport=READY))
    with pytest.raises(NotSeenError):
        await credential_report.user_credentials(at, a_user("<root_account>"))


async def test_row_that_does_not_show_whether_there_is_a_password() -> None:
    told = READY | {"Content": report(USER_ROW.replace("TRUE", "N/A"))}
    at = aws(iam(GenerateCredentialReport=COMPLETE, GetCredentialReport=told))
    with pytest.raises(NotSeenError, match="does not show whether this user has a password"):
        await credential_report.user_credentials(at, USER)


# Access keys


async def test_keys_of_a_user() -> None:
    """They are listed by user, and not taken from the report."""
    found = [
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPL1", "Status": "Active", "CreateDate": AT},
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPL2", "Status": "Inactive", "CreateDate": NOW},
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPL3", "Status": "Expired", "CreateDate": NOW},
    ]
    at = aws(iam(ListAccessKeys={"AccessKeyMetadata": found}))
    keys = await access_keys.user_access_keys(at, a_user("team/alice"))
    assert [key.id for key in keys.keys] == ["AKIA…MPL1", "AKIA…MPL2", "AKIA…MPL3"]
    assert keys.active == (AccessKey("AKIA…MPL1", active=True, created_at=AT),)
    assert at.world.calls[0].parameters == {"UserName": "alice"}


async def test_keys_of_a_user_who_is_gone() -> None:
    at = aws(iam(ListAccessKeys=Refused("NoSuchEntity")))
    assert (await access_keys.user_access_keys(at, USER)).keys == ()


# Once in an account

SUMMARY = {
    "AccountMFAEnabled": 1,
    "AccountAccessKeysPresent": 0,
    "AccountPasswordPresent": 1,
    "AccountSigningCertificatesPresent": 0,
}


@pytest.mark.parametrize(
    ("summary", "changes"),
    [
        (SUMMARY, {}),
        (SUMMARY | {"AccountPasswordPresent": 1, "AccountMFAEnabled": 0}, {"mfa": False}),
        (SUMMARY | {"AccountPasswordPresent": 0, "AccountAccessKeysPresent": 2}, {"password": False, "access_keys": 2}),
        (SUMMARY | {"AccountSigningCertificatesPresent": 1}, {"signing_certificates": 1}),
    ],
    ids=["whole", "no MFA", "keys without a password", "certificate"],
)
async def test_root_user(summary: dict[str, int], changes: dict[str, Any]) -> None:
    assert await listed(root.root, aws(iam(GetAccountSummary={"SummaryMap": summary}))) == [a_root(**changes)]


FIELDS = {
    "AccountMFAEnabled": "mfa",
    "AccountAccessKeysPresent": "access_keys",
    "AccountPasswordPresent": "password",
    "AccountSigningCertificatesPresent": "signing_certificates",
}


@pytest.mark.parametrize("lacking", SUMMARY)
async def test_what_the_summary_lacks_is_a_gap_of_its_own(lacking: str) -> None:
    summary = {name: value for name, value in SUMMARY.items() if name != lacking}
    (found,) = await listed(root.root, aws(iam(GetAccountSummary={"SummaryMap": summary})))
    gap = getattr(found, FIELDS[lacking])
    assert (gap.reason, gap.action, gap.message) == (
        GapReason.MALFORMED,
        "iam:GetAccountSummary",
        f"the answer lacks {lacking}",
    )
    assert msgspec.structs.replace(found, **{FIELDS[lacking]: getattr(a_root(), FIELDS[lacking])}) == a_root()


def device(serial: str, owner: str = "") -> dict[str, Any]:
    user = {"Arn": owner, "UserName": "x", "Path": "/", "UserId": "x", "CreateDate": NOW}
    return {"SerialNumber": f"{IAM}:mfa/{serial}"} | ({"User": user} if owner else {})


@pytest.mark.parametrize(
    ("found", "roots"),
    [
        (device("any-name", ROOT.arn), True),
        (device("root-account-mfa-device"), True),
        (device("groot-x", f"{IAM}:user/groot-x"), False),
        (device("root", f"{IAM}:user/root"), False),
        (device("my-root-account-mfa-device", f"{IAM}:user/alice"), False),
        (device("spare"), False),
    ],
    ids=["root's ARN", "root's serial number", "groot", "a user called root", "a similar name", "nobody's"],
)
async def test_virtual_devices_of_the_root_user(found: dict[str, Any], roots: bool) -> None:
    """Root's are those with its exact ARN or serial number, on whichever page."""
    pages = [{"VirtualMFADevices": [device("alice", USER.arn)]}, {"VirtualMFADevices": [found]}]
    at = aws(iam(ListVirtualMFADevices=pages))
    devices = await root.root_virtual_devices(at, ROOT)
    assert devices.serial_numbers == ((found["SerialNumber"],) if roots else ())
    assert at.world.calls[0].parameters == {"AssignmentStatus": "Assigned"}


WHOLE_POLICY = {
    "MinimumPasswordLength": 14,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "ExpirePasswords": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 24,
}
SMALLEST_POLICY = {"MinimumPasswordLength": 6, "ExpirePasswords": False} | dict.fromkeys(
    ("RequireUppercaseCharacters", "RequireLowercaseCharacters", "RequireSymbols", "RequireNumbers"), False
)
BARE_POLICY = {"min_length": 0, "max_age_days": None, "remembered": None} | dict.fromkeys(
    ("uppercase", "lowercase", "symbols", "numbers"), False
)


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ({"PasswordPolicy": WHOLE_POLICY}, {}),
        ({"PasswordPolicy": WHOLE_POLICY | {"ExpirePasswords": False}}, {"max_age_days": None}),
        ({"PasswordPolicy": SMALLEST_POLICY}, BARE_POLICY | {"min_length": 6}),
        (Refused("NoSuchEntity"), BARE_POLICY | {"exists": False}),
    ],
    ids=["whole", "no expiry", "smallest", "none"],
)
async def test_password_policy(answer: Any, changes: dict[str, Any]) -> None:
    found = await listed(passwords.password_policy, aws(iam(GetAccountPasswordPolicy=answer)))
    assert found == [a_password_policy(**changes)]


@pytest.mark.parametrize(
    ("answer", "enabled"),
    [
        (
            {"EnabledFeatures": ["RootSessions", "RootCredentialsManagement"]},
            ("RootCredentialsManagement", "RootSessions"),
        ),
        ({"OrganizationId": "o-1"}, ()),
        *((Refused(code), None) for code in (*root.ELSEWHERE, *root.NOT_ENABLED)),
    ],
)
async def test_features_are_there_where_they_are_administered(answer: Any, enabled: tuple[str, ...] | None) -> None:
    found = await listed(root.root_features, aws(iam(ListOrganizationsFeatures=answer)))
    assert [each.enabled for each in found] == ([] if enabled is None else [enabled])


# Certificates and federation


async def test_certificates_of_all_pages() -> None:
    def page(name: str) -> dict[str, Any]:
        entry = {"Path": "/", "ServerCertificateName": name, "ServerCertificateId": name, "Expiration": AT}
        return {"ServerCertificateMetadataList": [entry | {"Arn": f"{IAM}:server-certificate/x/{name}"}]}

    found = await listed(certificates.server_certificates, aws(iam(ListServerCertificates=[page("a"), page("b")])))
    assert [(each.name, each.expires_at) for each in found] == [("a", Seen(AT)), ("b", Seen(AT))]


NO_PROVIDERS = iam(ListSAMLProviders={}, ListOpenIDConnectProviders={})


async def test_providers_of_both_protocols() -> None:
    saml, oidc = f"{IAM}:saml-provider/company", f"{IAM}:oidc-provider/tokens.example.com"
    answers = iam(
        ListSAMLProviders={"SAMLProviderList": [{"Arn": saml}]},
        ListOpenIDConnectProviders={"OpenIDConnectProviderList": [{"Arn": oidc}]},
    )
    assert await listed(federation.identity_providers, aws(answers)) == [
        IdentityProvider(arn=saml, account_id=MEMBER, region=GLOBAL, protocol=FederationProtocol.SAML),
        IdentityProvider(arn=oidc, account_id=MEMBER, region=GLOBAL, protocol=FederationProtocol.OIDC),
    ]
    assert await listed(federation.identity_providers, aws(NO_PROVIDERS)) == []


async def test_identity_centers_of_all_pages_belong_to_their_owners() -> None:
    arn = "arn:aws:sso:::instance/ssoins-"
    pages = [
        {"Instances": [{"InstanceArn": f"{arn}1", "OwnerAccountId": MANAGEMENT, "Status": "ACTIVE"}]},
        {"Instances": [{"InstanceArn": f"{arn}2", "OwnerAccountId": MEMBER, "Status": "CREATE_FAILED"}]},
    ]
    assert await listed(federation.identity_centers, aws({("sso-admin", "ListInstances"): pages})) == [
        IdentityCenter(arn=f"{arn}1", account_id=MANAGEMENT, region=HOME, status=Seen("ACTIVE")),
        IdentityCenter(arn=f"{arn}2", account_id=MEMBER, region=HOME, status=Seen("CREATE_FAILED")),
    ]


# Every collector

REPORTED = iam(GenerateCredentialReport=COMPLETE, GetCredentialReport=READY)
WHOLE: dict[Callable[..., Any], tuple[dict[tuple[str, str], Any], tuple[Any, ...]]] = {
    authorization.users: (AUTHORIZED, ()),
    authorization.instance_profiles: (AUTHORIZED, ()),
    authorization.groups: (AUTHORIZED, ()),
    authorization.roles: (AUTHORIZED, ()),
    authorization.customer_policies: (AUTHORIZED, ()),
    authorization.inline_policies: (AUTHORIZED, ()),
    authorization.aws_policies: (AUTHORIZED, ()),
    credential_report.user_credentials: (REPORTED, (USER,)),
    credential_report.root_credentials: (REPORTED, (ROOT,)),
    access_keys.user_access_keys: (iam(ListAccessKeys={"AccessKeyMetadata": []}), (USER,)),
    root.root: (iam(GetAccountSummary={"SummaryMap": SUMMARY}), ()),
    root.root_virtual_devices: (iam(ListVirtualMFADevices={"VirtualMFADevices": []}), (ROOT,)),
    passwords.password_policy: (iam(GetAccountPasswordPolicy={"PasswordPolicy": {}}), ()),
    root.root_features: (iam(ListOrganizationsFeatures={}), ()),
    certificates.server_certificates: (iam(ListServerCertificates={"ServerCertificateMetadataList": []}), ()),
    federation.identity_providers: (NO_PROVIDERS, ()),
    federation.identity_centers: ({("sso-admin", "ListInstances"): {}}, ()),
}


def declared(run: Callable[..., Any]) -> Collector:
    found: Collector = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    return found


async def read(run: Callable[..., Any], at: LiteralAws, arguments: tuple[Any, ...]) -> None:
    await (run(at, *arguments) if declared(run).parent else listed(run, at))


def test_every_collector_is_here() -> None:
    modules = (access_keys, authorization, certificates, credential_report, federation, passwords, root)
    found = {value for module in modules for value in vars(module).values() if hasattr(value, "__collector__")}
    assert found == set(WHOLE)


@pytest.mark.parametrize("run", WHOLE, ids=lambda run: run.__name__)
async def test_declared_actions_are_those_that_are_used(run: Callable[..., Any]) -> None:
    answers, arguments = WHOLE[run]
    at = aws(answers)
    await read(run, at, arguments)
    assert at.world.actions == set(declared(run).actions)


DENIALS = [(run, operation) for run, (answers, _) in WHOLE.items() for operation in answers]


@pytest.mark.parametrize(("run", "operation"), DENIALS, ids=lambda each: getattr(each, "__name__", str(each)))
async def test_refusal_of_any_call_is_a_gap(run: Callable[..., Any], operation: tuple[str, str]) -> None:
    answers, arguments = WHOLE[run]
    with pytest.raises(NotSeenError) as error:
        await read(run, aws(answers | {operation: Refused("AccessDenied")}), arguments)
    gap = error.value.gap
    assert (gap.account_id, gap.reason) == (MEMBER, GapReason.DENIED)
    assert gap.action in declared(run).actions


def test_longest_wait_is_bounded() -> None:
    assert timedelta(seconds=sum(credential_report.PAUSES)) < timedelta(minutes=1)
