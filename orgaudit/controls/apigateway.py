"""Controls on REST APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.apigateway import RestApi, RestApiPolicy, RestApiStage
from orgaudit.model import Observed, Severity, Verdict, not_applicable, passed, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Let the stages of all APIs log to log groups that the log archive subscribes to.",
        asset="Let stage {resource.name} of REST API {resource.api_id} write access logs to a log group.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} "
        "--stage-name {resource.stage} --patch-operations "
        "op=replace,path=/accessLogSettings/destinationArn,value=LOG_GROUP_ARN",
        preventive="Create APIs only from a template that sets where each stage logs.",
    ),
)
def apigateway_stage_access_logging_enabled(stage: RestApiStage) -> Verdict:
    """Stages of public REST APIs write access logs.

    Who called which method, and what the answer was, is known afterwards only where it was written down. An API with
    private endpoints only is not called from the internet.
    """
    if stage.private.value:
        return not_applicable("the API has private endpoints only", api=stage.api_name, logs_to=stage.logs_to)
    return require(
        stage.logs_to is not None,
        then=f"access logs go to {stage.logs_to}",
        otherwise="no access logs are written",
        api=stage.api_name,
        logs_to=stage.logs_to,
    )


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Give REST APIs policies that name accounts, networks or VPC endpoints, and deploy them again.",
        asset="Name in the policy of REST API {resource.api_id} who may invoke it, then deploy its stages again.",
        command="aws apigateway update-rest-api --region {region} --rest-api-id {resource.api_id} "
        "--patch-operations file://api-policy-patch.json",
        preventive="Create APIs only from a template that sets their policy.",
    ),
)
def apigateway_rest_api_policy_restricted(_api: RestApi, policy: Observed[RestApiPolicy]) -> Verdict:
    """REST API policies name who may invoke the API.

    A policy that allows every principal limits nothing: only the authorization of each method is left, and a method
    without one is open to everyone. An API that is meant for the public belongs in the exception register.
    """
    found = policy.value
    if found.document is None:
        return passed("there is no policy: the authorization of each method decides who may invoke it")
    return judge_policy(found)
