"""Controls on HTTP and WebSocket APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs, judge_execution_logs
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.model import Disruption, Effort, Severity, Verdict, not_applicable


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Send the access logs of all API stages to log groups that the log archive subscribes to.",
        asset="Enable access logging to a log group for stage {resource.name} of API {resource.api_id}.",
        command="aws apigatewayv2 update-stage --region {region} --api-id {resource.api_id} "
        "--stage-name {resource.stage} --access-log-settings DestinationArn=LOG_GROUP_ARN,Format=FORMAT",
        preventive="Create APIs only from a template that sets the log destination of each stage.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigatewayv2_stage_access_logging_enabled(stage: ApiStage) -> Verdict:
    """Stages of HTTP and WebSocket APIs have access logging.

    Access logs show who called which method, and with which result.
    """
    return judge_access_logs(stage.logs_to, api=stage.api_name, protocol=stage.protocol, logs_to=stage.logs_to)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set an execution log level for all stages of WebSocket APIs.",
        asset="Set the log level ERROR or INFO for stage {resource.name} of API {resource.api_id}, and for its routes.",
        command="aws apigatewayv2 update-stage --region {region} --api-id {resource.api_id} --stage-name "
        "{resource.stage} --default-route-settings LoggingLevel=ERROR",
        preventive="Create APIs only from a template that sets the log level of each stage.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigatewayv2_websocket_stage_execution_logging_enabled(stage: ApiStage) -> Verdict:
    """Stages of WebSocket APIs write execution logs.

    Execution logs show why a request failed: what an authorizer or a backend answered. HTTP APIs have none.
    """
    if stage.protocol == "HTTP":
        return not_applicable("HTTP APIs do not support execution logs", api=stage.api_name)
    return judge_execution_logs(stage.log_levels.value, default="*", api=stage.api_name)
