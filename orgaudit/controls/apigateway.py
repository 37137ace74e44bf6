"""Controls on REST APIs in API Gateway."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs, judge_execution_logs
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.apigateway import RestApi, RestApiPolicy, RestApiStage, StageIntegrations
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, require, shown


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


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set an execution log level for all stages of REST APIs.",
        asset="Set the log level ERROR or INFO for stage {resource.name} of REST API {resource.api_id}, and for its "
        "methods.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} --stage-name "
        "{resource.stage} --patch-operations op=replace,path=/*/*/logging/loglevel,value=ERROR",
        preventive="Create APIs only from a template that sets the log level of each stage.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_execution_logging_enabled(stage: RestApiStage) -> Verdict:
    """Stages of REST APIs write execution logs.

    Execution logs show why a request failed: what an authorizer or a backend answered. A method with settings of its
    own can be excluded from the stage's logging, so each is judged.
    """
    return judge_execution_logs(stage.log_levels.value, default="*/*", api=stage.api_name)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Give each stage with HTTP backends a client certificate that the backends require.",
        asset="Generate a client certificate, have the backends require it, and set it for stage {resource.name} of "
        "REST API {resource.api_id}.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} --stage-name "
        "{resource.stage} --patch-operations op=replace,path=/clientCertificateId,value=CERTIFICATE_ID",
        preventive="Create APIs only from a template that sets a client certificate.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_client_certificate_used(stage: RestApiStage, integrations: Observed[StageIntegrations]) -> Verdict:
    """Stages of REST APIs authenticate to HTTP backends with a certificate.

    Without one a backend cannot distinguish the API from any other client, and whoever finds its address bypasses the
    API's authorization and throttling.
    """
    types = integrations.value.types
    if "HTTP" not in types:
        return not_applicable("no integration of the API is of type HTTP", api=stage.api_name, integrations=list(types))
    return require(
        bool(stage.client_certificate.value),
        then=f"client certificate {stage.client_certificate.value} is used",
        otherwise="no client certificate is used",
        api=stage.api_name,
        integrations=list(types),
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Trace the requests of all stages.",
        asset="Enable tracing for stage {resource.name} of REST API {resource.api_id}.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} --stage-name "
        "{resource.stage} --patch-operations op=replace,path=/tracingEnabled,value=true",
        preventive="Create APIs only from a template that enables tracing.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_tracing_enabled(stage: RestApiStage) -> Verdict:
    """Stages of REST APIs trace requests with X-Ray.

    A trace shows which services a request passed through, and where it failed or became slow.
    """
    return require(
        stage.traced.value, then="tracing is enabled", otherwise="tracing is not enabled", api=stage.api_name
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Associate web ACLs with all stages through a policy of Firewall Manager.",
        asset="Associate a web ACL with stage {resource.name} of REST API {resource.api_id}.",
        command="aws wafv2 associate-web-acl --region {region} --web-acl-arn WEB_ACL_ARN --resource-arn {resource.arn}",
        preventive="Cover the stages of REST APIs with a policy of Firewall Manager.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_waf_attached(stage: RestApiStage) -> Verdict:
    """Stages of REST APIs have a web ACL.

    A web ACL filters injection attempts and floods of requests before they reach the API. It may belong to the
    administrator account of Firewall Manager.
    """
    return require(
        bool(stage.web_acl.value),
        then=f"web ACL {stage.web_acl.value} is associated",
        otherwise="no web ACL is associated",
        api=stage.api_name,
        private=shown(stage.private),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Encrypt the caches of all stages.",
        asset="Encrypt the cache of stage {resource.name} of REST API {resource.api_id}, for all methods that use it.",
        command="aws apigateway update-stage --region {region} --rest-api-id {resource.api_id} --stage-name "
        "{resource.stage} --patch-operations op=replace,path=/*/*/caching/dataEncrypted,value=true",
        preventive="Create APIs only from a template that encrypts the cache.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def apigateway_stage_cache_encrypted(stage: RestApiStage) -> Verdict:
    """Caches of REST API stages are encrypted.

    A cache stores the answers of the API, with the personal data that they contain.
    """
    if not stage.has_cache.value:
        return not_applicable("the stage has no cache", api=stage.api_name)
    caches = stage.caches.value
    if not caches:
        return not_applicable("no method of the stage uses the cache", api=stage.api_name)
    plain = sorted(method for method, encrypted in caches.items() if not encrypted)
    return require(
        not plain,
        then="the cache is encrypted for all methods that use it",
        otherwise=f"the cache is not encrypted for {', '.join(plain)}",
        api=stage.api_name,
    )
