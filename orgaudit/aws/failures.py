"""What an error of the SDK means: whether to try again, and as which gap it is reported.

The codes are those of the services' own models and of AWS's lists of common errors:
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from enum import Enum

from aiohttp import ClientConnectorError
from aiohttp import ClientError as HttpError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PaginationError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
    UnknownEndpointError,
    UnknownRegionError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError

from orgaudit.aws.answers import UnreadableAnswerError
from orgaudit.aws.masking import masked
from orgaudit.model import GapReason


class Kind(Enum):
    """How a failed call is handled."""

    THROTTLED = "slow down and try again"
    TRANSIENT = "try again"
    NO_CONNECTION = "try once more, then give up the endpoint"
    EXPIRED = "renew the credentials and try once more"
    FINAL = "do not try again"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call: how it is handled, and the reason and message of the gap if it fails for good."""

    kind: Kind
    reason: GapReason
    message: str
    code: str = ""


THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "Throttled", "RequestThrottled"),
        *("RequestThrottledException", "TooManyRequestsException", "TooManyRequests", "RequestLimitExceeded"),
        *("BandwidthLimitExceeded", "SlowDown", "Busy", "EC2ThrottledException", "DependencyThrottle"),
        *("KMSThrottling", "ProvisionedThroughputExceededException"),
        # Elsewhere quotas on creation; only reads are sent here, and their only limit is the rate.
        *("LimitExceeded", "LimitExceededException"),
    }
)
"""Codes of throttled calls; SNS, KMS, EFS and Elastic Load Balancing have names of their own."""
TRANSIENT = frozenset(
    {
        *("InternalError", "InternalFailure", "InternalServerError", "InternalServiceError"),
        *("InternalServerException", "ServiceException", "ServiceUnavailable", "ServiceUnavailableException"),
        *("Unavailable", "RequestTimeout", "RequestTimeoutException", "RequestAbortedException"),
        *("PriorRequestNotComplete", "TransactionInProgressException", "IDPCommunicationError"),
    }
)
TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
_RETRIED_STATUS = TRANSIENT_STATUS | {429}
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN_TOKEN = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "AuthFailure",
        "InvalidToken",
        "IllegalLocationConstraintException",
    }
)
"""Codes of a region that the account has not enabled, to which its keys are not distributed, and of invalid keys:
https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html"""
DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
        *("AuthorizationErrorException", "NotAuthorized", "UnauthorizedException", "Forbidden", "403"),
        *("OrganizationAccessDeniedException", "AccessDeniedForDependencyException", "KMSAccessDenied"),
        "UnauthorizedAccess",
    }
)
NOT_OFFERED = frozenset(
    {
        *("UnknownOperationException", "InvalidAction", "UnsupportedOperation"),
        *("UnsupportedOperationException", "UnknownRegionError", "InvalidRegionError"),
    }
)
CLOCK = frozenset({"RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"})
LONGEST_MESSAGE = 500
"""The most characters of an error that a gap keeps."""
UNREADABLE = "the answer could not be parsed"
"""The message for errors of the SDK's parsers: these quote the answer, and that of sts:AssumeRole is a secret."""
PAGE = "an HTML page was returned"
_PAGE = re.compile(r"<\s*(?:!doctype\s+html|html|head|body|title)\b", re.IGNORECASE)
SCP = re.compile(r"service control policy", re.IGNORECASE)


class IncompleteAnswerError(BotoCoreError):
    """An answer that was not whole in time, although the endpoint may still have sent some of it."""

    fmt = "the answer was not complete after {seconds:g} seconds"


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a call's account, region and service: whether a refusal there may mean that nothing exists.

    `may_be_disabled`: the account may not have enabled the region, which an unknown token may show. `may_lack_service`:
    the region may not offer the service, which an unknown operation or endpoint may show. `lists_service`: the SDK
    lists the service in the region, so an unknown host name does not mean that it is absent.
    """

    may_be_disabled: bool
    may_lack_service: bool
    lists_service: bool


def classify(error: Exception, place: Place) -> Failure:
    """Return what an exception of the SDK means for a call to a place.

    Raises TypeError for an exception that is neither the SDK's nor its HTTP client's.
    """
    if isinstance(error, ClientError):
        return _cut_short(error) or _answered(error, place)
    quotes = isinstance(error, ResponseParserError) and not isinstance(error, UnreadableAnswerError)
    text = _in_short(str(error))
    message = UNREADABLE if quotes and text != PAGE else masked(text) or type(error).__name__
    if isinstance(error, EndpointConnectionError):
        return _unconnected(error, message, place)
    if isinstance(error, _WITHOUT_ENDPOINT):
        absent = GapReason.NOT_OFFERED if place.may_lack_service else GapReason.UNREACHABLE
        return Failure(Kind.FINAL, absent, message)
    for types, kind, reason in _WITHOUT_ANSWER:
        if isinstance(error, types):
            return Failure(kind, reason, message)
    raise TypeError(f"not an error of the SDK: {error!r}")


def _in_short(text: str) -> str:
    """Return a message in one line, cut at LONGEST_MESSAGE; an HTML page is only named as such."""
    if _PAGE.search(text):
        return PAGE
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


_WITHOUT_ENDPOINT = (UnknownEndpointError, UnknownRegionError, UnknownServiceError)


# In this order: the SDK's errors of time-outs, TLS and proxies are OSErrors as well.
_WITHOUT_ANSWER: tuple[tuple[tuple[type[Exception], ...], Kind, GapReason], ...] = (
    ((ResponseParserError,), Kind.TRANSIENT, GapReason.MALFORMED),
    ((PaginationError,), Kind.FINAL, GapReason.MALFORMED),
    ((ConnectTimeoutError, ReadTimeoutError, IncompleteAnswerError), Kind.NO_CONNECTION, GapReason.UNREACHABLE),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError, TokenRetrievalError),
        Kind.FINAL,
        GapReason.ACCOUNT_UNAVAILABLE,
    ),
    ((ParamValidationError,), Kind.FINAL, GapReason.DEFECT),
    ((HTTPClientError,), Kind.TRANSIENT, GapReason.UNREACHABLE),
    ((BotoCoreError,), Kind.FINAL, GapReason.UNREACHABLE),
    ((HttpError, OSError), Kind.TRANSIENT, GapReason.UNREACHABLE),
)


def _unconnected(error: EndpointConnectionError, message: str, place: Place) -> Failure:
    if _no_such_host(error):
        # Without a network every host name is unknown, so an unknown name alone proves nothing.
        proven = place.may_lack_service and not place.lists_service
        absent = GapReason.NOT_OFFERED if proven else GapReason.UNREACHABLE
        return Failure(Kind.FINAL, absent, f"no such endpoint: {message}")
    if isinstance(error.kwargs.get("error"), ClientConnectorError):
        return Failure(Kind.NO_CONNECTION, GapReason.UNREACHABLE, message)
    # The SDK raises the same error for an open connection that broke, such as a reset of an idle one.
    return Failure(Kind.TRANSIENT, GapReason.UNREACHABLE, message)


def _cut_short(error: ClientError) -> Failure | None:
    """Return what a refusal means whose body does not parse, or None for any other.

    The SDK then gives the HTTP status as the code, and as the message the body of JSON, or for S3 the status in words.
    What such an answer says is not known: it is neither an absence nor a denial, and the next attempt may say it.
    """
    answer, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, headers = str(answer.get("Code", "")), metadata.get("HTTPHeaders", {})
    has_xml = "xml" in headers.get("content-type", "") and headers.get("content-length", "0") != "0"
    is_unread = has_xml or str(answer.get("Message", "")).lstrip().startswith("{")
    if not code.isdecimal() or int(code) in _RETRIED_STATUS or not is_unread:
        return None
    message = f"{UNREADABLE}: an error with the HTTP status {code}"
    return Failure(Kind.TRANSIENT, GapReason.MALFORMED, message, code)


def _answered(error: ClientError, place: Place) -> Failure:  # noqa: PLR0911 - a table of cases
    answer = error.response.get("Error", {})
    code, text = str(answer.get("Code", "")), str(answer.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = masked(f"{code}: {_summed_up(code, text)}" if text else code)

    def failure(kind: Kind, reason: GapReason) -> Failure:
        return Failure(kind, reason, message, code)

    if code in THROTTLED or status == 429 or "Rate exceeded" in text:  # noqa: PLR2004 - HTTP's Too Many Requests
        return failure(Kind.THROTTLED, GapReason.THROTTLED)
    if code in EXPIRED:
        return failure(Kind.EXPIRED, GapReason.ACCOUNT_UNAVAILABLE)
    if code in UNKNOWN_TOKEN and place.may_be_disabled:
        return failure(Kind.EXPIRED, GapReason.REGION_DISABLED)
    if code in UNKNOWN_TOKEN:
        return Failure(
            Kind.EXPIRED, GapReason.DENIED, f"{message} (AWS rejected the session's keys in this region)", code
        )
    if code in DENIED:
        return failure(Kind.FINAL, GapReason.SCP_DENIED if SCP.search(text) else GapReason.DENIED)
    if code in TRANSIENT or status in TRANSIENT_STATUS:
        return failure(Kind.TRANSIENT, GapReason.UNREACHABLE)
    if code in NOT_OFFERED and place.may_lack_service:
        return failure(Kind.FINAL, GapReason.NOT_OFFERED)
    if code in CLOCK:
        return Failure(Kind.FINAL, GapReason.DENIED, f"{message} (this machine's clock may be wrong)", code)
    return failure(Kind.FINAL, GapReason.DENIED if status in {401, 403} else GapReason.DEFECT)


def _summed_up(code: str, text: str) -> str:
    """Return an error's message in short; where the code is an HTTP status, the message is the whole body."""
    if code.isdecimal() and len(text) > LONGEST_MESSAGE:
        return PAGE if _PAGE.search(text) else f"a body of {len(text)} characters"
    return _in_short(text)


def _no_such_host(error: EndpointConnectionError) -> bool:
    seen: BaseException | None = error.kwargs.get("error")
    while seen is not None:
        reason = getattr(seen, "os_error", seen)
        if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
