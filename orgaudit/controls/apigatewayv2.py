"""Controls on HTTP and WebSocket APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.model import Severity, Verdict, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Let the stages of all APIs log to log groups that the log archive subscribes to.",
        asset="Let stage {resource.name} of API {resource.api_id} write access logs to a log group.",
        command="aws apigatewayv2 update-stage --region {region} --api-id {resource.api_id} "
        "--stage-name {resource.stage} --access-log-settings DestinationArn=LOG_GROUP_ARN,Format=FORMAT",
        preventive="Create APIs only from a template that sets where each stage logs.",
    ),
)
def apigatewayv2_stage_access_logging_enabled(stage: ApiStage) -> Verdict:
    """Stages of HTTP and WebSocket APIs write access logs.

    Who called which method, and what the answer was, is known afterwards only where it was written down.
    """
    return require(
        stage.logs_to is not None,
        then=f"access logs go to {stage.logs_to}",
        otherwise="no access logs are written",
        api=stage.api_name,
        protocol=stage.protocol,
        logs_to=stage.logs_to,
    )
