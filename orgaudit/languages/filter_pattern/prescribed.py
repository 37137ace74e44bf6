"""The events that must raise an alarm by the CIS AWS Foundations Benchmark, as data for `event_coverage`.

https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

from types import MappingProxyType
from typing import Final

from orgaudit.languages.filter_pattern.coverage import Event
from orgaudit.languages.filter_pattern.known import ABSENT, EITHER, AnythingBut, Fields, Known, Maybe
from orgaudit.languages.filter_pattern.match import evaluate
from orgaudit.languages.filter_pattern.syntax import FilterPattern

_OTHER = "something-else"
_TEXT = AnythingBut()

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html and
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
# recipientAccountId is optional there, as the first versions of the record lack it; a trail delivers no event without
# the account that received it.
_RECORD: Final[Fields] = MappingProxyType(
    {
        "$.eventVersion": AnythingBut(like="1.*"),
        "$.eventTime": _TEXT,
        "$.eventSource": _TEXT,
        "$.eventName": _TEXT,
        "$.awsRegion": _TEXT,
        "$.sourceIPAddress": _TEXT,
        "$.eventID": _TEXT,
        "$.eventType": _TEXT,
        "$.eventCategory": _TEXT,
        "$.recipientAccountId": _TEXT,
        "$.userIdentity.type": _TEXT,
        "$.userIdentity.principalId": Maybe(_TEXT),
        "$.userIdentity.arn": Maybe(_TEXT),
        "$.userIdentity.accountId": Maybe(_TEXT),
        "$.userIdentity.accessKeyId": Maybe(_TEXT),
        "$.userIdentity.userName": Maybe(_TEXT),
        "$.userIdentity.invokedBy": Maybe(_TEXT),
        "$.userAgent": Maybe(_TEXT),
        "$.errorCode": Maybe(_TEXT),
        "$.errorMessage": Maybe(_TEXT),
        "$.requestID": Maybe(_TEXT),
        "$.apiVersion": Maybe(_TEXT),
        "$.sharedEventID": Maybe(_TEXT),
        "$.vpcEndpointId": Maybe(_TEXT),
        "$.vpcEndpointAccountId": Maybe(_TEXT),
    }
)


def _event(name: str, fields: Fields, unlike: Fields) -> Event:
    return Event(name, MappingProxyType({**_RECORD, **fields}), MappingProxyType(dict(unlike)))


def _changes(service: str, names: str) -> tuple[Event, ...]:
    """Return the write calls of one service, successful or not, by any principal in any region."""
    return tuple(
        _event(
            name,
            {
                "$.eventSource": f"{service}.amazonaws.com",
                "$.eventName": name,
                "$.eventType": "AwsApiCall",
                "$.eventCategory": "Management",
                "$.managementEvent": True,
                "$.readOnly": False,
            },
            {"$.eventSource": _OTHER, "$.eventName": _OTHER},
        )
        for name in names.split()
    )


def _sign_in(name: str, fields: Fields, unlike: Fields) -> tuple[Event, ...]:
    console: dict[str, Known] = {
        "$.eventSource": "signin.amazonaws.com",
        "$.eventName": "ConsoleLogin",
        "$.eventType": "AwsConsoleSignIn",
        "$.eventCategory": "Management",
        "$.managementEvent": True,
        "$.readOnly": False,
    }
    return (_event(name, console | dict(fields), unlike),)


UNAUTHORIZED_CALLS: Final = tuple(
    _event(
        f"calls refused with {code}",
        {
            "$.errorCode": code,
            "$.eventType": "AwsApiCall",
            "$.readOnly": EITHER,
            # Later versions leave these two sources of noise out; earlier ones do not. Both must count as complete.
            "$.sourceIPAddress": AnythingBut(frozenset({"delivery.logs.amazonaws.com"})),
            "$.eventName": AnythingBut(frozenset({"HeadBucket"})),
        },
        {"$.errorCode": _OTHER},
    )
    for code in ("UnauthorizedOperation", "Client.UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
)

# The form for single sign-on requires the success of an IAM user, the plain one does not: this event is in both.
SIGN_IN_WITHOUT_MFA: Final = _sign_in(
    "sign-ins of IAM users without MFA",
    {
        "$.userIdentity.type": "IAMUser",
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
        "$.additionalEventData.MFAUsed": "No",
        "$.responseElements.ConsoleLogin": "Success",
        "$.errorMessage": ABSENT,
    },
    {"$.additionalEventData.MFAUsed": "Yes"},
)

ROOT_USAGE: Final = (
    _event(
        "calls by root",
        {
            "$.userIdentity.type": "Root",
            "$.userIdentity.invokedBy": ABSENT,
            "$.eventType": AnythingBut(frozenset({"AwsServiceEvent"})),
        },
        {"$.userIdentity.type": _OTHER},
    ),
)

IAM_POLICY_CHANGES: Final = _changes(
    "iam",
    "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy "
    "CreatePolicy DeletePolicy CreatePolicyVersion DeletePolicyVersion AttachRolePolicy DetachRolePolicy "
    "AttachUserPolicy DetachUserPolicy AttachGroupPolicy DetachGroupPolicy",
)

CLOUDTRAIL_CHANGES: Final = _changes("cloudtrail", "CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging")

SIGN_IN_FAILURES: Final = _sign_in(
    "failed sign-ins",
    {"$.errorMessage": "Failed authentication", "$.responseElements.ConsoleLogin": "Failure"},
    {"$.errorMessage": _OTHER, "$.responseElements.ConsoleLogin": _OTHER},
)

KMS_KEY_REMOVALS: Final = _changes("kms", "DisableKey ScheduleKeyDeletion")

S3_BUCKET_POLICY_CHANGES: Final = _changes(
    "s3",
    "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication DeleteBucketPolicy "
    "DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication",
)

CONFIG_CHANGES: Final = _changes(
    "config", "StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel PutConfigurationRecorder"
)

SECURITY_GROUP_CHANGES: Final = _changes(
    "ec2",
    "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
    "RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup",
)

# From version 5.0 on.
SECURITY_GROUP_AND_RULE_CHANGES: Final = SECURITY_GROUP_CHANGES + _changes("ec2", "ModifySecurityGroupRules")

NETWORK_ACL_CHANGES: Final = _changes(
    "ec2",
    "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry ReplaceNetworkAclEntry "
    "ReplaceNetworkAclAssociation",
)

NETWORK_GATEWAY_CHANGES: Final = _changes(
    "ec2",
    "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway "
    "DeleteInternetGateway DetachInternetGateway",
)

ROUTE_TABLE_CHANGES: Final = _changes(
    "ec2",
    "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable DeleteRoute "
    "DisassociateRouteTable",
)

VPC_CHANGES: Final = _changes(
    "ec2",
    "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection CreateVpcPeeringConnection "
    "DeleteVpcPeeringConnection RejectVpcPeeringConnection AttachClassicLinkVpc DetachClassicLinkVpc "
    "DisableVpcClassicLink EnableVpcClassicLink",
)

ORGANIZATIONS_CHANGES: Final = _changes(
    "organizations",
    "AcceptHandshake AttachPolicy CreateAccount CreateOrganizationalUnit CreatePolicy DeclineHandshake "
    "DeleteOrganization DeleteOrganizationalUnit DeletePolicy DetachPolicy DisablePolicyType EnablePolicyType "
    "InviteAccountToOrganization LeaveOrganization MoveAccount RemoveAccountFromOrganization UpdatePolicy "
    "UpdateOrganizationalUnit",
)

_ORDINARY_CALL: Final[Fields] = MappingProxyType(
    {
        **_RECORD,
        "$.eventSource": "sts.amazonaws.com",
        "$.eventName": "GetCallerIdentity",
        "$.eventType": "AwsApiCall",
        "$.eventCategory": "Management",
        "$.managementEvent": True,
        "$.readOnly": True,
        "$.errorCode": ABSENT,
        "$.errorMessage": ABSENT,
        "$.userIdentity.type": "AssumedRole",
        "$.sourceIPAddress": AnythingBut(frozenset({"delivery.logs.amazonaws.com"})),
    }
)


def matches_ordinary_calls(pattern: FilterPattern) -> bool:
    """Return whether even a harmless read call matches, so that the alarm never rests and is of no use."""
    return evaluate(pattern, _ORDINARY_CALL).value is True
