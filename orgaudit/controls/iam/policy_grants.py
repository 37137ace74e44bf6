"""Controls on what policies grant of whole services and of decryption: statement by statement, as Security Hub does."""

from __future__ import annotations

import shlex

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.iam.authorization import CustomerPolicy, InlinePolicy
from orgaudit.model import Disruption, Effort, Severity, Verdict, failed, not_applicable, passed, require

DECRYPTS_NOT = "no statement lets its holder decrypt with every key"
WHY_DECRYPTION = (
    "A principal that may decrypt with every key of the account can read all data that it reaches, so the keys no "
    "longer separate anything. Conditions are listed, but a statement that has some is judged like one without; a "
    "NotAction counts as what it allows."
)
NAME_KEYS = Fix(
    service_wide="Name the keys that each application uses in its policies, and grant the rest through key policies.",
    asset="Replace the resource of kms:Decrypt and kms:ReEncryptFrom in {resource.name} with the ARNs of keys.",
    command="aws iam create-policy-version --policy-arn {resource.arn} --policy-document file://POLICY.json "
    "--set-as-default",
    preventive="Check policies in the pipeline with IAM Access Analyzer, and limit roles with a permissions boundary.",
    effort=Effort.M,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)


@control(
    Severity.MEDIUM,
    fix=NAME_KEYS,
    title="Customer managed policies do not allow decryption with every key",
    rationale=WHY_DECRYPTION,
)
def iam_customer_policy_kms_decryption_restricted(policy: CustomerPolicy) -> Verdict:
    """Return whether a managed policy lets its holder decrypt with every key."""
    if policy.bounds:
        return not_applicable("the policy is a permissions boundary, which grants nothing")
    found = policy.services.value.decrypting
    evidence = {"grants": list(found), "attached_to": list(policy.attached_to)}
    return require(not found, then=DECRYPTS_NOT, otherwise="; ".join(found), **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Name the keys that each application uses in its policies; roles of landing zones are changed "
        "once in their template.",
        asset="Replace the resource of kms:Decrypt and kms:ReEncryptFrom in inline policy {resource.name} of "
        "{resource.holder} with the ARNs of keys.",
        command="aws iam put-role-policy --role-name ROLE_NAME --policy-name {resource.name} "
        "--policy-document file://POLICY.json",
        preventive="Check policies in the pipeline with IAM Access Analyzer.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
    title="Inline policies do not allow decryption with every key",
    rationale=WHY_DECRYPTION,
)
def iam_inline_policy_kms_decryption_restricted(policy: InlinePolicy) -> Verdict:
    """Return whether an inline policy lets its holder decrypt with every key."""
    found = policy.services.value.decrypting
    evidence = {"grants": list(found), "holder": policy.holder}
    if found:
        return failed("; ".join(found), command=_put(policy), **evidence)
    return passed(DECRYPTS_NOT, **evidence)


def _put(policy: InlinePolicy) -> str:
    """Return the command that replaces an inline policy of its holder."""
    kind, name = policy.holder.split(":")[5].split("/", 1)
    holder = f"aws iam put-{kind}-policy --{kind}-name {shlex.quote(name.rsplit('/', 1)[-1])}"
    return f"{holder} --policy-name {shlex.quote(policy.name)} --policy-document file://POLICY.json"


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Generate policies from the actions that were used, with IAM Access Analyzer.",
        asset="Replace the wildcards of whole services in {resource.name} with the actions that are used.",
        command="aws iam create-policy-version --policy-arn {resource.arn} --policy-document file://POLICY.json "
        "--set-as-default",
        preventive="Check policies in the pipeline with IAM Access Analyzer.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_customer_policy_service_wildcards_absent(policy: CustomerPolicy) -> Verdict:
    """Customer managed policies do not allow all actions of a service.

    All actions of a service include those that delete data, open it to others or grant rights, and those that AWS adds
    later. Which resources they are on does not matter; a NotAction allows every service that it does not name.
    """
    if policy.bounds:
        return not_applicable("the policy is a permissions boundary, which grants nothing")
    found = policy.services.value.services
    return require(
        not found,
        then="no statement allows all actions of a service",
        otherwise="; ".join(found),
        grants=list(found),
        attached_to=list(policy.attached_to),
    )
