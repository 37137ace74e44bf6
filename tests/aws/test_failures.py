import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError, ResponseParserFactory
from botocore.session import get_session

from orgaudit.aws.failures import LONGEST_MESSAGE, UNREADABLE, Failure, Kind, Place, classify
from orgaudit.model import GapReason

DISABLED, UNREACHABLE, SCP = GapReason.REGION_DISABLED, GapReason.UNREACHABLE, GapReason.SCP_DENIED
DENIED, DEFECT, LOCKED = GapReason.DENIED, GapReason.DEFECT, GapReason.ACCOUNT_UNAVAILABLE
URL = "https://cloudtrail.eu-west-1.amazonaws.com/"


def client_error(code: str, status: int = 400, message: str = "") -> sdk.ClientError:
    metadata: Any = {"HTTPStatusCode": status, "RequestId": "1", "HostId": "", "HTTPHeaders": {}, "RetryAttempts": 0}
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return sdk.ClientError(response, "DescribeTrails")


def classified(error: Exception, *, enabled: bool = False, listed: bool = True, certain: bool = False) -> Failure:
    """The meaning of an error in a region that may be disabled, unless `enabled`; `certain`: the service is there."""
    return classify(error, Place(may_be_disabled=not enabled, may_lack_service=not certain, lists_service=listed))


def parsed(service: str, operation: str, status: int, body: bytes, **headers: str) -> sdk.ClientError:
    """The error that the SDK itself makes of this answer."""
    model: Any = get_session().get_service_model(service).operation_model(operation)
    parser = ResponseParserFactory().create_parser(model.service_model.resolved_protocol)
    response = {"status_code": status, "headers": headers, "body": body, "context": {}}
    return sdk.ClientError(parser.parse(response, model.output_shape), operation)


THROTTLES = (
    *("Throttling", "ThrottlingException", "ThrottledException", "Throttled", "RequestThrottled"),
    *("RequestThrottledException", "TooManyRequestsException", "TooManyRequests", "RequestLimitExceeded"),
    *("BandwidthLimitExceeded", "SlowDown", "Busy", "EC2ThrottledException", "DependencyThrottle", "KMSThrottling"),
    *("ProvisionedThroughputExceededException", "LimitExceeded", "LimitExceededException"),
)


@pytest.mark.parametrize("code", THROTTLES)
@pytest.mark.parametrize("status", [400, 403, 429, 503])
def test_throttles_under_all_their_names(code: str, status: int) -> None:
    failure = classified(client_error(code, status))
    assert (failure.kind, failure.reason, failure.code) == (Kind.THROTTLED, GapReason.THROTTLED, code)


@pytest.mark.parametrize(
    ("code", "status", "message", "kind", "reason"),
    [
        ("LimitExceededException", 429, "", Kind.THROTTLED, GapReason.THROTTLED),
        ("AnythingAtAll", 429, "", Kind.THROTTLED, GapReason.THROTTLED),
        ("ClientException", 400, "Rate exceeded", Kind.THROTTLED, GapReason.THROTTLED),
        *((code, 400, "", Kind.TRANSIENT, UNREACHABLE) for code in ("RequestTimeout", "IDPCommunicationError")),
        *((code, 500, "", Kind.TRANSIENT, UNREACHABLE) for code in ("InternalError", "InternalFailure", "500", "x")),
        ("ServiceUnavailable", 503, "", Kind.TRANSIENT, UNREACHABLE),
        ("ServiceException", 400, "", Kind.TRANSIENT, UNREACHABLE),
        *(("504", status, "", Kind.TRANSIENT, UNREACHABLE) for status in (502, 503, 504)),
        ("501", 501, "", Kind.FINAL, DEFECT),
        *((code, 400, "", Kind.EXPIRED, LOCKED) for code in ("ExpiredToken", "ExpiredTokenException")),
        *((code, 400, "", Kind.EXPIRED, LOCKED) for code in ("RequestExpired", "TokenRefreshRequired")),
        *((code, 403, "", Kind.FINAL, DENIED) for code in ("AccessDenied", "UnauthorizedOperation", "Forbidden")),
        ("AccessDeniedException", 400, "", Kind.FINAL, DENIED),
        ("AuthorizationError", 403, "", Kind.FINAL, DENIED),
        ("OrganizationAccessDeniedException", 400, "", Kind.FINAL, DENIED),
        ("RegionDisabledException", 403, "STS is not activated in this region", Kind.FINAL, DENIED),
        ("OptInRequired", 403, "", Kind.FINAL, DENIED),
        ("InvalidAccessException", 401, "", Kind.FINAL, DENIED),
        ("UnknownOperationException", 404, "", Kind.FINAL, GapReason.NOT_OFFERED),
        ("InvalidAction", 400, "", Kind.FINAL, GapReason.NOT_OFFERED),
        ("UnsupportedOperation", 400, "", Kind.FINAL, GapReason.NOT_OFFERED),
        ("404", 404, "Not Found", Kind.FINAL, DEFECT),
        ("ValidationError", 400, "", Kind.FINAL, DEFECT),
        ("NoSuchEntity", 404, "", Kind.FINAL, DEFECT),
        ("", 0, "", Kind.FINAL, DEFECT),
    ],
)
def test_answers_with_an_error(code: str, status: int, message: str, kind: Kind, reason: GapReason) -> None:
    failure = classified(client_error(code, status, message))
    assert (failure.kind, failure.reason, failure.code) == (kind, reason, code)


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"])
def test_a_wrong_clock_is_suspected_aloud(code: str) -> None:
    failure = classified(client_error(code, 403, "Signature not yet current"))
    assert (failure.kind, failure.reason) == (Kind.FINAL, DENIED)
    assert "clock" in failure.message
    assert "Signature not yet current" in failure.message


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("with an explicit deny in a service control policy", SCP),
        ("with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1", SCP),
        ("because no service control policy allows the cloudtrail:DescribeTrails action", SCP),
        ("because no identity-based policy allows the cloudtrail:DescribeTrails action", DENIED),
        ("with an explicit deny in an identity-based policy", DENIED),
        ("because no resource-based policy allows the action", DENIED),
        ("because no permissions boundary allows the action", DENIED),
        ("because no session policy allows the action", DENIED),
        ("with an explicit deny in a resource control policy", DENIED),
        ("because no VPC endpoint policy allows the action", DENIED),
        ("", DENIED),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_denials_by_the_kind_of_policy(code: str, cause: str, reason: GapReason) -> None:
    message = f"User: arn:aws:iam::1:user/x is not authorized to perform: cloudtrail:DescribeTrails {cause}"
    failure = classified(client_error(code, 403, message))
    assert (failure.kind, failure.reason) == (Kind.FINAL, reason)
    assert failure.message == f"{code}: {message}".rstrip()


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidToken"])
@pytest.mark.parametrize(("enabled", "reason"), [(True, DENIED), (False, DISABLED)])
def test_an_unknown_token_is_a_disabled_region_unless_it_is_enabled(
    code: str, enabled: bool, reason: GapReason
) -> None:
    failure = classified(client_error(code, 403), enabled=enabled)
    assert (failure.kind, failure.reason) == (Kind.EXPIRED, reason)


@pytest.mark.parametrize(
    ("answer", "code", "kind", "reason"),
    [
        (
            ("cloudtrail", "DescribeTrails", 400, b'{"__type":"a.b#ThrottlingException","message":"Rate exceeded"}'),
            *("ThrottlingException", Kind.THROTTLED, GapReason.THROTTLED),
        ),
        (
            ("sns", "ListTopics", 429, b"<ErrorResponse><Error><Code>Throttled</Code></Error></ErrorResponse>"),
            *("Throttled", Kind.THROTTLED, GapReason.THROTTLED),
        ),
        (
            (
                *("ec2", "DescribeRegions", 401),
                b"<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>",
            ),
            *("AuthFailure", Kind.EXPIRED, DISABLED),
        ),
        (
            ("s3", "ListBuckets", 503, b"<Error><Code>SlowDown</Code></Error>"),
            *("SlowDown", Kind.THROTTLED, GapReason.THROTTLED),
        ),
        (
            ("cloudtrail", "DescribeTrails", 500, b"<html>Internal Server Error</html>"),
            *("500", Kind.TRANSIENT, UNREACHABLE),
        ),
        (
            ("cloudtrail", "DescribeTrails", 404, b"<!doctype html><title>404 Not Found</title>"),
            *("404", Kind.FINAL, DEFECT),
        ),
    ],
)
def test_errors_as_the_sdk_parses_them(answer: Any, code: str, kind: Kind, reason: GapReason) -> None:
    failure = classified(parsed(*answer))
    assert (failure.code, failure.kind, failure.reason) == (code, kind, reason)


XML = {"content-type": "application/xml"}


@pytest.mark.parametrize(
    ("service", "operation", "status", "body", "headers", "kind"),
    [
        ("lambda", "GetPolicy", 404, b'{"Message":"The resource', {}, Kind.TRANSIENT),
        ("macie2", "GetMacieSession", 403, b'{"message":"Macie is', {}, Kind.TRANSIENT),
        ("cloudtrail", "DescribeTrails", 400, b'{"__type":"Unsupp', {}, Kind.TRANSIENT),
        ("s3", "GetBucketPolicy", 404, b"<Error><Code>NoSuchBuc", XML | {"content-length": "22"}, Kind.TRANSIENT),
        ("s3", "HeadBucket", 404, b"", XML | {"content-length": "0"}, Kind.FINAL),
        ("s3", "HeadBucket", 403, b"", XML, Kind.FINAL),
        ("s3", "GetBucketPolicy", 404, b"<html>Not Found", {"content-type": "text/html"}, Kind.FINAL),
        ("lambda", "GetPolicy", 403, b'{"message":"Forbidden"}', {}, Kind.FINAL),
    ],
)
def test_a_refusal_that_was_cut_short_is_asked_for_again(
    *, service: str, operation: str, status: int, body: bytes, headers: dict[str, str], kind: Kind
) -> None:
    failure = classified(parsed(service, operation, status, body, **headers))
    assert failure.kind is kind
    if kind is Kind.TRANSIENT:
        assert failure.reason is GapReason.MALFORMED
        assert failure.message == f"the answer could not be parsed: an error with the HTTP status {status}"


def test_html_for_a_query_service_is_malformed() -> None:
    with pytest.raises(ResponseParserError) as raised:
        parsed("sns", "ListTopics", 404, b"<!doctype html><title>404 Not Found</title>")
    failure = classified(raised.value)
    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, GapReason.MALFORMED)


def connector_error(error: OSError) -> aiohttp.ClientConnectorError:
    key: Any = type("Key", (), {"host": "nowhere", "port": 443, "ssl": True})()
    return aiohttp.ClientConnectorError(key, error)


def unconnected(error: Exception) -> sdk.EndpointConnectionError:
    return sdk.EndpointConnectionError(endpoint_url=URL, error=error)


NO_HOST = connector_error(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
NO_ANSWER_FROM_DNS = connector_error(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))


@pytest.mark.parametrize(
    ("error", "listed", "kind", "reason"),
    [
        (unconnected(NO_HOST), False, Kind.FINAL, GapReason.NOT_OFFERED),
        (unconnected(NO_HOST), True, Kind.FINAL, UNREACHABLE),
        (unconnected(NO_ANSWER_FROM_DNS), False, Kind.NO_CONNECTION, UNREACHABLE),
        (unconnected(connector_error(ConnectionRefusedError(111, "refused"))), False, Kind.NO_CONNECTION, UNREACHABLE),
        (unconnected(aiohttp.ClientOSError(104, "reset by peer")), False, Kind.TRANSIENT, UNREACHABLE),
        (sdk.ConnectTimeoutError(endpoint_url=URL), True, Kind.NO_CONNECTION, UNREACHABLE),
        (sdk.ReadTimeoutError(endpoint_url=URL), True, Kind.NO_CONNECTION, UNREACHABLE),
        (sdk.ConnectionClosedError(endpoint_url=URL), True, Kind.TRANSIENT, UNREACHABLE),
        (sdk.HTTPClientError(error=OSError("x")), True, Kind.TRANSIENT, UNREACHABLE),
        (sdk.SSLError(endpoint_url=URL, error=OSError("bad")), True, Kind.FINAL, UNREACHABLE),
        (sdk.ProxyConnectionError(proxy_url="http://p"), True, Kind.FINAL, UNREACHABLE),
        (sdk.UnknownEndpointError(service_name="x", region_name="y"), True, Kind.FINAL, GapReason.NOT_OFFERED),
        (sdk.UnknownRegionError(region_name="x", error_msg="y"), True, Kind.FINAL, GapReason.NOT_OFFERED),
        (sdk.NoCredentialsError(), True, Kind.FINAL, LOCKED),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), True, Kind.FINAL, LOCKED),
        (sdk.CredentialRetrievalError(provider="process", error_msg="no"), True, Kind.FINAL, LOCKED),
        (sdk.UnauthorizedSSOTokenError(), True, Kind.FINAL, LOCKED),
        (sdk.SSOTokenLoadError(error_msg="no"), True, Kind.FINAL, LOCKED),
        (sdk.TokenRetrievalError(provider="sso", error_msg="no"), True, Kind.FINAL, LOCKED),
        (sdk.ParamValidationError(report="x"), True, Kind.FINAL, DEFECT),
        (ResponseParserError("no XML"), True, Kind.TRANSIENT, GapReason.MALFORMED),
        (sdk.PaginationError(message="same token"), True, Kind.FINAL, GapReason.MALFORMED),
        (aiohttp.ClientPayloadError(), True, Kind.TRANSIENT, UNREACHABLE),
        (aiohttp.ServerDisconnectedError(), True, Kind.TRANSIENT, UNREACHABLE),
        (TimeoutError(), True, Kind.TRANSIENT, UNREACHABLE),
        (ConnectionResetError(104, "reset"), True, Kind.TRANSIENT, UNREACHABLE),
        (sdk.ConfigParseError(path="x"), True, Kind.FINAL, UNREACHABLE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_errors_without_an_answer(error: Exception, listed: bool, kind: Kind, reason: GapReason) -> None:
    failure = classified(error, listed=listed)
    assert (failure.kind, failure.reason, failure.code) == (kind, reason, "")
    assert failure.message


def test_a_message_is_one_line_and_not_the_whole_answer() -> None:
    message = classified(ResponseParserError("not parsed:\n" + "<x>\n" * 10_000)).message
    assert "\n" not in message
    assert len(message) <= LONGEST_MESSAGE


def test_a_page_that_the_sdk_took_for_a_message_is_summed_up() -> None:
    failure = classified(client_error("500", 500, "<!doctype html>\n<html>\n  <h1>Error</h1>"))
    assert failure.message == "500: an HTML page was returned"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (client_error("502", 502, "x" * 9000), "502: a body of 9000 characters"),
        (client_error("404", 404, "Not Found"), "404: Not Found"),
        (ResponseParserError("Unable to parse. Further retries may succeed:\nb'<wrong>'"), UNREADABLE),
        (ResponseParserError("Unable to parse, b'<HTML><title>Sign in</title>'"), "an HTML page was returned"),
    ],
)
def test_what_came_in_place_of_an_error_is_not_quoted(error: Exception, says: str) -> None:
    assert classified(error).message == says


def test_a_long_message_of_aws_keeps_its_beginning() -> None:
    message = classified(client_error("UnauthorizedOperation", 403, "You are not authorized. " + "x" * 9000)).message
    assert message.startswith("UnauthorizedOperation: You are not authorized. xxx")
    assert len(message) <= LONGEST_MESSAGE + len("UnauthorizedOperation: ")


def test_the_kind_of_policy_is_found_beyond_what_is_kept() -> None:
    text = "x" * 9000 + " with an explicit deny in a service control policy"
    assert classified(client_error("AccessDenied", 403, text)).reason is SCP


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (client_error("InvalidAction"), DEFECT),
        (client_error("UnknownOperationException", 404), DEFECT),
        (client_error("UnsupportedOperation"), DEFECT),
        (sdk.UnknownEndpointError(service_name="x", region_name="y"), UNREACHABLE),
        (sdk.UnknownRegionError(region_name="x", error_msg="y"), UNREACHABLE),
        (sdk.UnknownServiceError(service_name="x", known_service_names="y"), UNREACHABLE),
    ],
)
def test_what_is_always_there_is_never_taken_for_absent(error: Exception, reason: GapReason) -> None:
    assert classified(error).reason is GapReason.NOT_OFFERED
    assert classified(error, certain=True).reason is reason


def test_an_unknown_host_of_what_is_always_there_is_unreachable() -> None:
    assert classified(unconnected(NO_HOST), listed=False, certain=True).reason is UNREACHABLE


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError(), asyncio.InvalidStateError()])
def test_what_is_not_the_sdks_is_refused(error: Exception) -> None:
    with pytest.raises(TypeError, match="not an error of the SDK"):
        classified(error)
