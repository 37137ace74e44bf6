"""Amazon Inspector in each region of an account: what it scans."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import Row
from orgaudit.model import Gap, GapReason, NotSeenError, Observed, Scope

ACTION = "inspector2:BatchGetAccountStatus"


class InspectorAccount(Resource, frozen=True, kw_only=True):
    """Inspector in one region of an account: the status of each kind of scan, such as ENABLED or SUSPENDED.

    A member shows what its administrator account has enabled for it.
    """

    ec2: Observed[str]
    ecr: Observed[str]
    functions: Observed[str]
    function_code: Observed[str]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def inspector_accounts(aws: Aws) -> AsyncIterator[InspectorAccount]:
    """Yield what Inspector scans in the region: one item; raises NotSeenError where it has no status of the account."""
    answer = await aws.call("inspector2", "BatchGetAccountStatus", accountIds=[aws.account_id])
    found = next((each for each in answer["accounts"] if each["accountId"] == aws.account_id), None)
    if found is None:
        refused = [f"{each.get('errorCode')}: {each.get('errorMessage')}" for each in answer.get("failedAccounts", ())]
        message = "; ".join(refused) or "the answer has no status of this account"
        raise NotSeenError(Gap(aws.account_id, aws.region, ACTION, GapReason.MALFORMED, message))
    row = Row(aws, ACTION, found)
    yield InspectorAccount(
        arn=f"arn:{aws.partition}:inspector2:{aws.region}:{aws.account_id}:account",
        **here(aws),
        ec2=row.member("resourceState.ec2.status", str),
        ecr=row.member("resourceState.ecr.status", str),
        functions=row.member("resourceState.lambda.status", str),
        function_code=row.member("resourceState.lambdaCode.status", str),
    )
