"""The least privilege that an audit needs, as policy documents and as CloudFormation templates."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ruamel.yaml import YAML

from orgaudit.collect.account import actions_for
from orgaudit.evaluate.rules import Rules
from orgaudit.organization import discovery
from orgaudit.preflight.audience import Audience
from orgaudit.settings.sections import AccessSettings
from orgaudit.settings.settings import Settings

Document: TypeAlias = dict[str, Any]
Template: TypeAlias = dict[str, Any]

# IAM counts characters without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_LIMIT = 10_240
"""The most characters of all inline policies of a role together."""
MANAGED_LIMIT = 6_144
"""The most characters of one managed policy."""
SHORTEST_SESSION = 3_600
"""The smallest MaxSessionDuration of a role, in seconds:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html#id_roles_update-session-duration"""


def policy_for(audience: Audience, rules: Rules, settings: Settings, *, partition: str = "aws") -> Document:
    """Return the permission policy that an audience needs for the chosen controls."""
    reads = _statement("ReadConfiguration", actions_for(rules.facts))
    organization = _statement("ReadOrganization", _organization_actions(settings))
    if audience is Audience.ACCOUNT:
        return _document([reads])
    if audience is Audience.ORGANIZATION:
        return _document([organization])
    roles = [f"arn:{partition}:iam::*:role/{settings.access.role_name}"]
    reader = settings.organization.role_arn
    return _document(
        [
            *([] if reader else [organization]),
            _statement("EnterAccounts", ["sts:AssumeRole"], [*roles, reader] if reader else roles),
            reads,  # in the caller's own account no role is assumed
        ]
    )


def _organization_actions(settings: Settings) -> list[str]:
    unread = set() if settings.organization.read_tags else {"organizations:ListTagsForResource"}
    return sorted(set(discovery.ACTIONS) - unread)


def _statement(sid: str, actions: Iterable[str], resources: Sequence[str] = ()) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources) or "*"}


def _document(statements: Iterable[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size(document: Document) -> int:
    """Return the characters of a policy as AWS counts them: without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def split(document: Document, limit: int) -> list[Document]:
    """Return a policy as one or more that together permit the same, none longer than `limit` characters."""
    parts: list[Document] = []
    for statement in document["Statement"]:
        for action in statement["Action"]:
            grown = _with(parts[-1], statement, action) if parts else None
            if grown is None or size(grown) > limit:
                parts.append(_with(_document([]), statement, action))
            else:
                parts[-1] = grown
    return parts


def _with(document: Document, statement: Document, action: str) -> Document:
    """Return a policy that permits one more action, in a statement like the given one."""
    *before, last = document["Statement"] or [None]
    if last is not None and last["Sid"] == statement["Sid"]:
        return _document([*before, {**last, "Action": [*last["Action"], action]}])
    return _document([*document["Statement"], {**statement, "Action": [action]}])


def template_for(audience: Audience, rules: Rules, settings: Settings, *, principal: str | None = None) -> Template:
    """Return the CloudFormation template for an audience: for accounts the role, for others managed policies.

    `principal` is trusted to assume the role: the ARN of a role, of a user, or of an account's root.
    """
    document = policy_for(audience, rules, settings, partition="${AWS::Partition}")
    if audience is Audience.ACCOUNT:
        return _role_template(document, settings.access, principal)
    policies = _managed(document)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The policies that orgaudit needs for the {audience}; attach them to its user or role.",
        "Resources": policies,
        "Outputs": {f"{name}Arn": {"Value": {"Ref": name}} for name in policies},
    }


def _managed(document: Document) -> dict[str, Any]:
    """Return the managed policies that permit the same as a policy, by their names in the template."""
    return {
        f"AuditPolicy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Description": "Read access for orgaudit.", "PolicyDocument": _substituted(part)},
        }
        for number, part in enumerate(split(document, MANAGED_LIMIT), 1)
    }


def _substituted(document: Document) -> Document:
    """Return a policy whose ARNs take the partition of the stack."""

    def fill(resources: str | list[str]) -> str | list[Any]:
        if isinstance(resources, str):
            return resources
        return [{"Fn::Sub": each} if "${" in each else each for each in resources]

    return _document({**each, "Resource": fill(each["Resource"])} for each in document["Statement"])


def _role_template(document: Document, access: AccessSettings, principal: str | None) -> Template:
    *folders, name = access.role_name.split("/")
    role: dict[str, Any] = {
        "RoleName": {"Ref": "RoleName"},
        "Description": "Allows orgaudit to read the configuration of this account.",
        "MaxSessionDuration": max(SHORTEST_SESSION, access.session_minutes * 60),
        "AssumeRolePolicyDocument": _trust(),
    }
    if folders:
        role["Path"] = f"/{'/'.join(folders)}/"
    policies: dict[str, Any] = {}
    if size(document) <= INLINE_LIMIT:
        role["Policies"] = [{"PolicyName": "OrgAuditRead", "PolicyDocument": document}]
    else:
        policies = _managed(document)
        role["ManagedPolicyArns"] = [{"Ref": each} for each in policies]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            "The read-only role of orgaudit, for a StackSet over the organization. A StackSet with service-managed "
            "permissions does not deploy to the management account: where the caller is in another account, create a "
            "stack there."
        ),
        "Parameters": _parameters(access, name, principal),
        "Conditions": {"HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {"AuditRole": {"Type": "AWS::IAM::Role", "Properties": role}, **policies},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["AuditRole", "Arn"]}}},
    }


def _trust() -> Document:
    condition = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"AWS": {"Ref": "AuditPrincipalArn"}},
                "Action": "sts:AssumeRole",
                "Condition": {"Fn::If": ["HasExternalId", condition, {"Ref": "AWS::NoValue"}]},
            }
        ]
    )


def _parameters(access: AccessSettings, name: str, principal: str | None) -> Mapping[str, Any]:
    return {
        "AuditPrincipalArn": {
            "Type": "String",
            "Description": "The principal that may assume the role: the ARN of the role or user that runs orgaudit.",
            "AllowedPattern": r"^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/.+)$",
            **({"Default": principal} if principal else {}),
        },
        "ExternalId": {
            "Type": "String",
            "Description": "The external id that is required to assume the role; empty for none.",
            "Default": access.external_id or "",
        },
        "RoleName": {
            "Type": "String",
            "Description": "The role's name, the same in every account.",
            "Default": name,
        },
    }


def to_yaml(template: Template) -> str:
    """Return a template as YAML, ready for CloudFormation."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda *_: True
    text = io.StringIO()
    yaml.dump(template, text)
    return text.getvalue()
