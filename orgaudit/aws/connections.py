"""The HTTP sessions under the SDK's clients, which share one store of trusted certificates."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import create_urllib3_context, get_cert_path


class TrustingSession(AIOHTTPSession):
    """The SDK's HTTP session, with two differences.

    All sessions share one store of trusted certificates: reading it takes as long as 25 calls, and there is one client
    for each service and region. Certificates are also checked behind a proxy, where aiobotocore 2.25 checks none:
    https://github.com/aio-libs/aiobotocore/blob/2.25.1/aiobotocore/httpsession.py
    """

    def __init__(
        self,
        *,
        verify: bool | str,
        max_pool_connections: int,
        connector_args: dict[str, Any],
        **given: Any,  # noqa: ANN401 - whatever else the SDK gives its sessions
    ) -> None:
        self._limit, self._trusted, self._options = max_pool_connections, verify, connector_args
        super().__init__(
            verify=bool(verify), max_pool_connections=max_pool_connections, connector_args=connector_args, **given
        )

    def _create_connector(self, _proxy_url: str | None) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self._limit, ssl=_trust(self._trusted), **self._options)


class TrustingConfig(AioConfig):
    """A configuration whose clients use TrustingSession, also after another configuration was merged into it.

    aiobotocore's own loses the class of its sessions when it is merged, and the clients with which the SDK fetches the
    caller's credentials (single sign-on, roles of a profile) have configurations of their own.
    """

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - the SDK's options
        super().__init__(http_session_cls=TrustingSession, **given)

    def merge(self, other_config: Any) -> Any:  # noqa: ANN401 - any of the SDK's configurations
        """Return both as one; the other one's values win."""
        merged: Any = super().merge(other_config)
        merged.http_session_cls = TrustingSession
        return merged


@cache
def _trust(verify: bool | str) -> ssl.SSLContext:
    """Return a context that trusts the certificates in a file, or for True those that come with the SDK."""
    context: ssl.SSLContext = create_urllib3_context()
    context.load_verify_locations(verify if isinstance(verify, str) else get_cert_path(verify=True))
    return context
