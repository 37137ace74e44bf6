"""Custom endpoints, such as an emulator's or a proxy's, for the service whose host names the SDK alters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiobotocore.session import AioSession

ACCOUNT_ID_LENGTH = 12


def keep_custom_hosts(core: AioSession) -> None:
    """Make the session's s3control clients keep the host of a custom endpoint; AWS's own hosts stay as they are.

    The SDK prepends the account's id to every host of s3control. AWS has such host names, a custom endpoint has not.
    """
    partitions = core.get_component("data_loader").load_data("partitions")["partitions"]
    suffixes = tuple(f".{part['outputs'][name]}" for part in partitions for name in ("dnsSuffix", "dualStackDnsSuffix"))

    def keep(request: Any, **_event: Any) -> None:  # noqa: ANN401 - the SDK's request, and what else the event carries
        url = urlsplit(str(request.url))
        account_id, _, host = url.netloc.partition(".")
        is_id = account_id.isdecimal() and len(account_id) == ACCOUNT_ID_LENGTH
        if is_id and not (url.hostname or "").endswith(suffixes):
            request.url = urlunsplit(url._replace(netloc=host))

    core.register("before-sign.s3-control", keep)
