"""Controls on Lambda functions."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.lambda_runtimes import DEPRECATED_ON, OS_ONLY, is_supported
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.lambda_ import Function, FunctionPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, require


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Set a source account in every permission for an AWS service, and a principal in all others.",
        asset="Remove the statement that allows public access from the policy of function {resource.name}, and add it "
        "again with a source account.",
        command="aws lambda remove-permission --region {region} --function-name {resource.arn} "
        "--statement-id STATEMENT_ID",
        preventive="Deny lambda:AddPermission where lambda:Principal is * with a service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def lambda_function_policy_restricted(_function: Function, policy: Observed[FunctionPolicy]) -> Verdict:
    """Lambda function policies do not allow public access.

    An invocation uses the permissions of the function's role, at the owner's cost. A permission for an AWS service
    without a source account can be used on behalf of any customer of that service, and a function URL without a named
    principal is public.
    """
    return judge_policy(policy.value)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Plan the upgrade of runtimes in each quarter, before AWS deprecates them.",
        asset="Test function {resource.name} on a supported runtime of its language, then change its runtime.",
        command="aws lambda update-function-configuration --region {region} --function-name {resource.arn} "
        "--runtime RUNTIME",
        preventive="Accept only supported runtimes in the pipeline that deploys functions.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def lambda_function_runtime_supported(function: Function, account: AccountFacts) -> Verdict:
    """Lambda functions run on a runtime that AWS supports.

    A deprecated runtime gets no security updates, and AWS later blocks changes to functions on it. A runtime that is
    not known to be supported fails.
    """
    runtime = function.runtime.value
    if runtime is None:
        return not_applicable("a container image, which brings its own runtime")
    if runtime in OS_ONLY:
        return not_applicable(f"{runtime} is an operating system without a language", runtime=runtime)
    until = DEPRECATED_ON.get(runtime)
    said = f"since {until}" if until else "or not known to be supported"
    return require(
        is_supported(runtime, account.now.date()),
        then=f"{runtime} is supported until {until}",
        otherwise=f"{runtime} is deprecated {said}",
        runtime=runtime,
        deprecated_on=until.isoformat() if until else None,
    )
