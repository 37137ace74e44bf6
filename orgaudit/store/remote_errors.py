"""What a store at an address refuses, as an error of ours: which file, why, and what to do."""

from __future__ import annotations

from enum import StrEnum

from orgaudit.errors import AccessError, ConfigError, OrgauditError, ReportError
from orgaudit.settings.addresses import scheme_of


class Failure(StrEnum):
    """What was being done."""

    READ = "read"
    WRITE = "written"

    @staticmethod
    def code(error: BaseException) -> str:
        """Return the code of the answer of S3 that is behind an error, or ""."""
        response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
        return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


_SIGNED_OUT = frozenset(
    {
        *("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"),
        *("RequestTimeTooSkewed", "InvalidClientTokenId", "ExpiredTokenException", "UnrecognizedClientException"),
        # The names of the SDK's exceptions: only aws/ imports the SDK.
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
        *("SSOTokenLoadError", "TokenRetrievalError", "UnauthorizedSSOTokenError", "NoAuthTokenError"),
    }
)
"""Codes of answers and names of exceptions that are about who asks."""
_SILENT = frozenset(
    {
        *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
        *("ProxyConnectionError", "SSLError", "HTTPClientError", "FSTimeoutError", "ConnectionError"),
    }
)
"""Names of exceptions, and of those that they are kinds of, where nobody answers."""
_PACKAGES = {"s3": "'orgaudit[s3]'", "s3a": "'orgaudit[s3]'", "gs": "gcsfs", "gcs": "gcsfs"}
_PACKAGES |= dict.fromkeys(("abfs", "abfss", "adl", "az"), "adlfs") | dict.fromkeys(("sftp", "ssh"), "paramiko")
_PACKAGES |= {"oci": "ocifs", "oss": "ossfs", "smb": "smbprotocol", "webdav": "webdav4"}
"""What `pip install` takes for the addresses of a scheme."""


def missing_package(address: str, error: ImportError) -> ConfigError:
    """Return the error that names the package by which an address is opened."""
    package = _PACKAGES.get(scheme_of(address))
    remedy = f"pip install {package}" if package else str(error) if error.name != "fsspec" else "pip install fsspec"
    return ConfigError(f"needs a package that is not installed: {remedy}", file=address, key="--out")


def explained(error: Exception, failure: Failure, address: str, *, s3: bool) -> OrgauditError:
    """Return the error of ours for what a store's library raised when a file was read or written."""
    code = Failure.code(error)
    kinds = {code, *(kind.__name__ for kind in type(error).__mro__)}
    if code == "NoSuchBucket":
        bucket = "/".join(address.split("/")[:3])
        return ConfigError(f"there is no bucket {bucket}; make it first, or name another", key="--out")
    if kinds & _SIGNED_OUT:
        remedy = "sign in again, or check AWS_PROFILE and the other variables of the SDK"
        return AccessError(f"{address}: the store does not know who asks ({_text(error)}); {remedy}")
    if kinds & _SILENT or isinstance(error, TimeoutError):
        remedy = "check the address, AWS_ENDPOINT_URL, region and network"
        return AccessError(f"{address}: the store does not answer ({_text(error)}); {remedy}")
    if isinstance(error, PermissionError):
        return _denied(failure, address, error, s3=s3)
    if failure is Failure.WRITE:
        return ReportError(f"cannot write {address}: {_text(error)}; do this again, or name another --out")
    return ConfigError(f"cannot be read ({_text(error)})", file=address)


def _denied(failure: Failure, address: str, error: Exception, *, s3: bool) -> OrgauditError:
    if failure is Failure.WRITE:
        needed = "s3:PutObject, s3:GetObject, s3:DeleteObject and its key's kms:GenerateDataKey and kms:Decrypt"
        remedy = f"the caller needs {needed}" if s3 else "the caller must be allowed to write there"
        return ReportError(f"cannot write {address}: {_text(error)}; {remedy}, or name another --out")
    needed = "s3:GetObject there, and s3:ListBucket on the bucket" if s3 else "to be allowed to read there"
    return AccessError(f"{address}: cannot be read: {_text(error)}; the caller needs {needed}")


def _text(error: Exception) -> str:
    """Return what an error says, in one line without a full stop."""
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__
