"""Controls on Lambda functions."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.lambda_ import Function, FunctionPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Give every permission of a service a source account, and every other one a principal.",
        asset="Take the open statement out of the policy of function {resource.name}, and add it again with a source.",
        command="aws lambda remove-permission --region {region} --function-name {resource.arn} "
        "--statement-id STATEMENT_ID",
        preventive="Deny lambda:AddPermission where lambda:Principal is * by service control policy.",
    ),
)
def lambda_function_policy_restricted(_function: Function, policy: Observed[FunctionPolicy]) -> Verdict:
    """Function policies name who may invoke the function.

    Whoever invokes a function acts with its role and at its owner's cost. A service that is let in without a source
    account brings along every customer that it works for; so does a function URL without a named principal.
    """
    return judge_policy(policy.value)
