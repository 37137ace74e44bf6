"""Controls on the organization: judged in its management account, and the guardrails in each account."""

from __future__ import annotations

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.delegation import not_delegated, policy_delegates
from orgaudit.analysis.guardrails import guardrails_of
from orgaudit.analysis.organization_facts import Organization
from orgaudit.analysis.workloads import FACTS, counted, doubtful, workloads
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.iam.root import RootFeatures
from orgaudit.facts.organizations import Effectiveness, Guardrails, MemberOf, PolicyDelegation, TrustedServices
from orgaudit.model import (
    GLOBAL,
    Disruption,
    Effort,
    Gap,
    GapReason,
    Json,
    NotSeenError,
    Severity,
    Verdict,
    failed,
    manual,
    not_applicable,
    passed,
)
from orgaudit.settings.thresholds import Thresholds

ROOT_CREDENTIALS = "RootCredentialsManagement"
SHOWN = 20
"""How many resources the evidence names."""


@control(
    Severity.HIGH,
    facts=(RootFeatures,),
    fix=Fix(
        service_wide="Manage root access centrally from the management account, and delete the root credentials of all "
        "member accounts.",
        service_wide_command="aws iam enable-organizations-root-credentials-management",
        asset="Enable central root access management in account {account}, after trusted access for IAM.",
        command="aws iam enable-organizations-root-credentials-management",
        preventive="Deny all actions of the root users of member accounts with a service control policy on "
        "aws:PrincipalArn.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def organizations_root_access_centralized(account: AccountFacts, organization: Organization) -> Verdict:
    """Root credentials of member accounts are managed centrally.

    A root user without a password and access keys cannot be compromised. Central management removes them from all
    member accounts, and new accounts are created without them.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    features = [feature for found in account.everywhere(RootFeatures) for feature in found.enabled]
    if ROOT_CREDENTIALS in features:
        return passed("root credentials of member accounts are managed centrally", features=features)
    return failed("root credentials of member accounts are not managed centrally", features=features)


@control(
    Severity.MEDIUM,
    facts=(MemberOf, Guardrails),
    fix=Fix(
        service_wide="Attach policies for all accounts to the root, and stricter ones to organizational units.",
        service_wide_command="aws organizations attach-policy --policy-id POLICY_ID --target-id ROOT_ID",
        asset="Attach a service control or resource control policy to account {account}, or move the account to an "
        "organizational unit that has one.",
        command="aws organizations attach-policy --policy-id POLICY_ID --target-id {account}",
        preventive="Create new accounts only in organizational units with guardrails.",
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def organizations_account_scp_guardrail_attached(account: AccountFacts, organization: Organization) -> Verdict:
    """Service control or resource control policies restrict every member account.

    Actions that no account may perform are best denied above the administrators of the account: for its principals by
    service control policies, on its resources by resource control policies. The policies that AWS attaches by default
    allow everything.
    """
    owner = organization.management_account_id
    if owner is None:
        return not_applicable("the account does not belong to an organization")
    if owner == account.account_id:
        return not_applicable("service control and resource control policies do not restrict the management account")
    management = organization.facts(owner)
    verdict = _guarded(account, management.detail(Guardrails, _organization(management)).value)
    return msgspec.structs.replace(verdict, inherited_from=owner)


def _guarded(account: AccountFacts, guardrails: Guardrails) -> Verdict:
    if not guardrails.enabled:
        return failed("neither service control policies nor resource control policies are enabled in the organization")
    found = guardrails_of(account.account, guardrails)
    evidence: dict[str, Json] = {
        "policies": [{"name": one.name, "id": one.id, "type": one.kind, "effect": one.effect} for one in found]
    }
    denying = [policy.name for policy in found if policy.effect is Effectiveness.DENIES]
    if denying:
        return passed(f"restricted by {', '.join(denying)}", **evidence)
    if found:
        names = ", ".join(policy.name for policy in found)
        reason = f"{names} only allow, which restricts nothing where FullAWSAccess is attached too"
        return manual(f"{reason}; a person must review them", **evidence)
    return failed("no service control policy or resource control policy restricts the account", **evidence)


@control(
    Severity.MEDIUM,
    facts=FACTS,
    fix=Fix(
        service_wide="Use the management account only to manage the organization and its billing.",
        asset="Move the workloads of account {account} to member accounts.",
        command="aws ec2 describe-instances --region {region} --filters Name=instance-state-name,Values=running",
        preventive="Grant no permissions to start workloads in the management account: service control policies do not "
        "apply there.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def organizations_management_account_free_of_workloads(account: AccountFacts, organization: Organization) -> Verdict:
    """The management account runs no workloads.

    Guardrails do not apply to the management account, and a compromised workload there is close to the control of the
    whole organization. Buckets that receive the logs of trails, AWS Config, flow logs or other buckets do not count as
    workloads. A person has to review what may serve the administration of the organization.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    if found := workloads(account):
        arns = [resource.arn for resource in found]
        return failed(f"the management account runs {counted(found)}", resources=arns[:SHOWN], total=len(arns))
    if found := doubtful(account):
        arns = [resource.arn for resource in found]
        reason = f"a person must confirm that this serves the organization's administration: {counted(found)}"
        return manual(reason, resources=arns[:SHOWN], total=len(arns))
    return passed(
        "no instances, databases, containers, functions, load balancers, APIs, distributions, tables, file systems or "
        "buckets other than for logs"
    )


@control(
    Severity.MEDIUM,
    facts=(MemberOf, PolicyDelegation),
    fix=Fix(
        service_wide="Delegate the management of the organization's policies to one member account, so that fewer "
        "people use the management account.",
        asset="Delegate policy management from account {account} to a member account with a delegation policy.",
        command="aws organizations put-resource-policy --content file://delegation.json",
        preventive="Review who uses the management account, and for which tasks, every quarter.",
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def organizations_policy_delegation_configured(
    account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """A member account manages the organization's policies.

    Policies change often. Without delegation, this regular work is done in the management account, to which no
    guardrail applies.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    seen = account.detail(PolicyDelegation, _organization(account)).value
    if seen.document is None:
        return failed("the organization has no delegation policy")
    delegates = policy_delegates(seen)
    members = sorted(delegates.keys() & (organization.account_ids - {account.account_id}))
    evidence: dict[str, Json] = {"delegates": [organization.name(each) for each in members]}
    if not members:
        return failed("the delegation policy does not allow a member account to manage policies", **evidence)
    said = f"policy management is delegated to {', '.join(evidence['delegates'])}"
    if not any(delegates[each] for each in members):
        reason = f"{said}, but a Deny with conditions covers all of it; a person must review when it applies"
        return manual(reason, **evidence)
    return _trusted(members, organization, thresholds) or passed(said, **evidence)


@control(
    Severity.MEDIUM,
    facts=(MemberOf, TrustedServices),
    fix=Fix(
        service_wide="Register one security account as the delegated administrator of all security services.",
        asset="Register a member account as the delegated administrator of each service that account {account} still "
        "administers.",
        command="aws organizations register-delegated-administrator --account-id MEMBER_ID "
        "--service-principal SERVICE_PRINCIPAL",
        preventive="Declare the accounts that may be delegated administrators in [thresholds] "
        "trusted_delegated_administrators.",
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def organizations_service_delegated_admins_registered(
    account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """Services of the organization are administered from member accounts.

    A service without a delegated administrator is administered from the management account, to which no guardrail
    applies.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    services = account.detail(TrustedServices, _organization(account)).value
    delegates = {
        principal: [each for each in ids if each != account.account_id]
        for principal, ids in organization.delegated.items()
    }
    lacking = not_delegated(services, delegates)
    members = sorted({each for ids in delegates.values() for each in ids})
    evidence: dict[str, Json] = {"delegated": delegates, "lacking": list(lacking)}
    if not members:
        return failed("no service has a delegated administrator", **evidence)
    if lacking:
        return failed(f"no member account administers {', '.join(lacking)}", **evidence)
    said = f"services administered from member accounts: {sum(map(bool, delegates.values()))}"
    return _trusted(members, organization, thresholds) or passed(said, **evidence)


def _judged_elsewhere(account: AccountFacts, organization: Organization) -> Verdict | None:
    """Return the verdict on an account that is not the management account of its organization, else None."""
    owner = organization.management_account_id
    if owner is None:
        return not_applicable("the account does not belong to an organization")
    if owner == account.account_id:
        return None
    return not_applicable(f"judged in the management account {organization.name(owner)}")


def _organization(management: AccountFacts) -> MemberOf:
    """Return the organization as its management account sees it; raises NotSeenError where that account does not."""
    for found in management.everywhere(MemberOf):
        if found.account_id == management.account_id:
            return found
    message = f"account {management.account_id} does not report itself as the organization's management account"
    action = "organizations:DescribeOrganization"
    raise NotSeenError(Gap(management.account_id, GLOBAL, action, GapReason.MALFORMED, message))


def _trusted(members: list[str], organization: Organization, thresholds: Thresholds) -> Verdict | None:
    """Return a failure where the thresholds declare trusted accounts and one of these is not among them, else None."""
    trusted = thresholds.trusted_delegated_administrators
    untrusted = [organization.name(each) for each in members if trusted and each not in trusted]
    if not untrusted:
        return None
    return failed(f"delegated to accounts that are not trusted: {', '.join(untrusted)}", untrusted=untrusted)
