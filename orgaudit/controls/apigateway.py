"""Controls on REST APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.apigateway import RestApi, RestApiPolicy, RestApiStage
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Send the access logs of all API stages to log groups that the log archive subscribes to.",
        asset="Enable access logging to a log group for stage {resource.name} of REST API {resource.api_id}.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} "
        "--stage-name {resource.stage} --patch-operations "
        "op=replace,path=/accessLogSettings/destinationArn,value=LOG_GROUP_ARN",
        preventive="Create APIs only from a template that sets the log destination of each stage.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_access_logging_enabled(stage: RestApiStage) -> Verdict:
    """Stages of public REST APIs have access logging.

    Access logs show who called which method, and with which result. APIs that have private endpoints only cannot be
    called from the internet and are not judged.
    """
    if stage.private.value:
        return not_applicable("the API has private endpoints only", api=stage.api_name, logs_to=stage.logs_to)
    return judge_access_logs(stage.logs_to, api=stage.api_name, logs_to=stage.logs_to)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Restrict the policies of REST APIs to accounts, networks or VPC endpoints, and deploy the APIs "
        "again.",
        asset="Name the permitted principals in the policy of REST API {resource.api_id}, and deploy its stages again.",
        command="aws apigateway update-rest-api --region {region} --rest-api-id {resource.api_id} "
        "--patch-operations file://api-policy-patch.json",
        preventive="Create APIs only from a template that sets their policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_rest_api_policy_restricted(_api: RestApi, policy: Observed[RestApiPolicy]) -> Verdict:
    """REST API policies do not allow public access.

    A policy that allows every principal restricts nothing: access then depends on the authorization of each method, and
    a method without one is public. An API that is intended to be public belongs in the exception register.
    """
    absent = "no resource policy: access depends on the authorization of each method"
    return judge_policy(policy.value, absent=absent)
