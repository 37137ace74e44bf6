"""Controls on the organization itself: judged once, in its management account, but for what each account inherits."""

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
    Gap,
    GapReason,
    Json,
    NotSeenError,
    Severity,
    Status,
    Verdict,
    failed,
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
        service_wide="Manage the root credentials of all members from the management account, and delete theirs.",
        service_wide_command="aws iam enable-organizations-root-credentials-management",
        asset="Turn central root credentials on in account {account}; trusted access for IAM comes first.",
        command="aws iam enable-organizations-root-credentials-management",
        preventive="Deny root users of members everything with a service control policy on aws:PrincipalArn.",
    ),
)
def organizations_root_access_centralized(account: AccountFacts, organization: Organization) -> Verdict:
    """Root credentials of member accounts are managed centrally.

    A root user that has no password and no keys cannot be taken over. Central management removes them from all members
    and gives new accounts none.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    features = [feature for found in account.everywhere(RootFeatures) for feature in found.enabled]
    if ROOT_CREDENTIALS in features:
        return passed("root credentials of members are managed centrally", features=features)
    return failed("root credentials of members are not managed centrally", features=features)


@control(
    Severity.MEDIUM,
    facts=(MemberOf, Guardrails),
    fix=Fix(
        service_wide="Attach policies with the rules that hold for everybody to the root, and stricter ones to units.",
        service_wide_command="aws organizations attach-policy --policy-id POLICY_ID --target-id ROOT_ID",
        asset="Attach a service control or resource control policy to account {account}, or move the account to a unit "
        "that has one.",
        command="aws organizations attach-policy --policy-id POLICY_ID --target-id {account}",
        preventive="Let the account factory put new accounts into units with guardrails only.",
    ),
)
def organizations_account_scp_guardrail_attached(account: AccountFacts, organization: Organization) -> Verdict:
    """Service control or resource control policies restrict every member account.

    What no account may ever do is best denied once, above the administrators of the account: to its principals by
    service control policies, on its resources by resource control policies. Those that AWS attaches allow everything.
    """
    owner = organization.management_account_id
    if owner is None:
        return not_applicable("the account is in no organization")
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
        reason = f"{names} only allow: they restrict nothing where FullAWSAccess is attached beside them; look at it"
        return Verdict(Status.MANUAL, reason, evidence)
    return failed("no service control policy or resource control policy restricts the account", **evidence)


@control(
    Severity.MEDIUM,
    facts=FACTS,
    fix=Fix(
        service_wide="Keep the management account for the organization and its bill; nothing else belongs there.",
        asset="Move what runs in account {account} to member accounts.",
        command="aws ec2 describe-instances --region {region} --filters Name=instance-state-name,Values=running",
        preventive="Give nobody in the management account permission to start workloads: service control policies do "
        "not hold there.",
    ),
)
def organizations_management_account_free_of_workloads(account: AccountFacts, organization: Organization) -> Verdict:
    """The management account runs no workloads.

    Guardrails do not hold in the management account. Who breaks into something that runs there is next to the keys of
    the whole organization. Buckets that receive the logs of trails, AWS Config, flow logs or other buckets are no
    workload; what may serve the administration of the organization is left to a person.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    if found := workloads(account):
        arns = [resource.arn for resource in found]
        return failed(f"the management account runs {counted(found)}", resources=arns[:SHOWN], total=len(arns))
    if found := doubtful(account):
        arns = [resource.arn for resource in found]
        reason = f"a person has to say whether this serves the organization's administration: {counted(found)}"
        return Verdict(Status.MANUAL, reason, {"resources": arns[:SHOWN], "total": len(arns)})
    return passed(
        "no instances, databases, containers, functions, load balancers, APIs, distributions, tables, file systems, or "
        "buckets beyond logs"
    )


@control(
    Severity.MEDIUM,
    facts=(MemberOf, PolicyDelegation),
    fix=Fix(
        service_wide="Let one member account manage the organization's policies, so that few enter the management one.",
        asset="Delegate the management of policies from account {account} to a member by a resource policy.",
        command="aws organizations put-resource-policy --content file://delegation.json",
        preventive="Review who enters the management account, and why, every quarter.",
    ),
)
def organizations_policy_delegation_configured(
    account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """A member account manages the organization's policies.

    Policies change often. Where that is done in the management account, people work every day where no guardrail holds.
    """
    if elsewhere := _judged_elsewhere(account, organization):
        return elsewhere
    seen = account.detail(PolicyDelegation, _organization(account)).value
    if seen.document is None:
        return failed("the organization has no resource policy: nothing is delegated")
    delegates = policy_delegates(seen)
    members = sorted(delegates.keys() & (organization.account_ids - {account.account_id}))
    evidence: dict[str, Json] = {"delegates": [organization.name(each) for each in members]}
    if not members:
        return failed("the organization's resource policy lets no member account manage policies", **evidence)
    if not any(delegates[each] for each in members):
        reason = (
            f"policies are delegated to {', '.join(evidence['delegates'])}, but a Deny with conditions covers all of it"
        )
        return Verdict(Status.MANUAL, f"{reason}: a person has to review when it applies", evidence)
    return _trusted(members, organization, thresholds) or passed(
        f"policies are delegated to {', '.join(evidence['delegates'])}", **evidence
    )


@control(
    Severity.MEDIUM,
    facts=(MemberOf, TrustedServices),
    fix=Fix(
        service_wide="Register one security account as administrator of all security services.",
        asset="Register a member as administrator of each service that account {account} still administers itself.",
        command="aws organizations register-delegated-administrator --account-id MEMBER_ID "
        "--service-principal SERVICE_PRINCIPAL",
        preventive="Name the accounts that may be administrators in [thresholds] trusted_delegated_administrators.",
    ),
)
def organizations_service_delegated_admins_registered(
    account: AccountFacts, organization: Organization, thresholds: Thresholds
) -> Verdict:
    """Services of the organization are administered from member accounts.

    A service that no member administers is administered from the management account, where no guardrail holds.
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
        return failed(f"no member administers {', '.join(lacking)}", **evidence)
    count = sum(map(bool, delegates.values()))
    services_are = "service is" if count == 1 else "services are"
    return _trusted(members, organization, thresholds) or passed(
        f"{count} {services_are} administered from member accounts", **evidence
    )


def _judged_elsewhere(account: AccountFacts, organization: Organization) -> Verdict | None:
    """Return the verdict on an account that is not the management account of its organization, else None."""
    owner = organization.management_account_id
    if owner is None:
        return not_applicable("the account is in no organization")
    if owner == account.account_id:
        return None
    return not_applicable(f"judged in the management account {organization.name(owner)}")


def _organization(management: AccountFacts) -> MemberOf:
    """Return the organization as its management account sees it; raises NotSeenError where that account does not."""
    for found in management.everywhere(MemberOf):
        if found.account_id == management.account_id:
            return found
    message = f"account {management.account_id} does not answer as the organization's management account"
    action = "organizations:DescribeOrganization"
    raise NotSeenError(Gap(management.account_id, GLOBAL, action, GapReason.MALFORMED, message))


def _trusted(members: list[str], organization: Organization, thresholds: Thresholds) -> Verdict | None:
    """Return a failure where a trusted list is set and one of the accounts is not on it, else None."""
    trusted = thresholds.trusted_delegated_administrators
    strange = [organization.name(each) for each in members if trusted and each not in trusted]
    if not strange:
        return None
    return failed(f"delegated to {', '.join(strange)}, which is not trusted with it", untrusted=strange)
