"""Controls on REST APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.apigateway import RestApiStage
from orgaudit.model import Severity, Verdict, require


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
    """Stages of REST APIs write access logs.

    Who called which method, and what the answer was, is known afterwards only where it was written down.
    """
    return require(
        stage.logs_to is not None,
        then=f"access logs go to {stage.logs_to}",
        otherwise="no access logs are written",
        api=stage.api_name,
        logs_to=stage.logs_to,
    )
