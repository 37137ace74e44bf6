"""Controls on Lambda functions."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.lambda_ import Function, FunctionPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


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
