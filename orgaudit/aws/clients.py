"""One SDK client per service and region, shared by all accounts: creating one takes as long as many calls."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import aioboto3
import aiobotocore
from aiobotocore.client import AioBaseClient
from aiobotocore.paginate import AioPaginator
from aiobotocore.session import AioSession
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.model import OperationModel

from orgaudit import __version__
from orgaudit.aws import signing
from orgaudit.aws.answers import check_body, read_time
from orgaudit.aws.connections import TrustingConfig
from orgaudit.aws.credentials import CallerCredentials, CurrentCredentials
from orgaudit.aws.endpoints import keep_custom_hosts
from orgaudit.aws.masking import masked
from orgaudit.errors import AccessError, ConfigError


@contextmanager
def _explained() -> Iterator[None]:
    """Raise the SDK's errors about the caller's files and environment as ConfigError and AccessError."""
    try:
        yield
    except ProfileNotFound as error:
        raise ConfigError(f"{error}; name one of your profiles with --profile or AWS_PROFILE") from error
    except BotoCoreError as error:
        raise AccessError(
            f"no usable AWS credentials ({masked(str(error))}); sign in again, or choose another --profile"
        ) from error


class Clients:
    """The session and its clients. The SDK's environment is honoured: profile, endpoint, region, CA bundle, proxies.

    Raises ConfigError for an unknown profile and AccessError for files and an environment that give no credentials.

    The SDK retries nothing: its retry quota and rate limiter live in the client and would mix accounts.
    """

    def __init__(self, *, profile: str | None, connect_timeout: float, read_timeout: float, connections: int) -> None:
        with _explained():
            self._core = AioSession(profile=profile)
            self._core.user_agent_name, self._core.user_agent_version = "orgaudit", __version__
            # aioboto3 creates the clients: its session is the asynchronous one that boto3's users know.
            self._session = aioboto3.Session(botocore_session=self._core)
        self._core.set_default_client_config(TrustingConfig())
        self._config = TrustingConfig(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_pool_connections=connections,
            retries={"total_max_attempts": 1},
            # A client serves many accounts: https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
            account_id_endpoint_mode="disabled",
            # The SDK builds its own user agent anew for each call, an eighth of a call's CPU time.
            user_agent=f"orgaudit/{__version__} aiobotocore/{aiobotocore.__version__}",
        )
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str], Any] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listed: dict[str, frozenset[str]] = {}
        self._paging: dict[tuple[str, str], dict[str, Any]] = {}
        self._methods: dict[str, dict[str, Any]] = {}

    async def __aenter__(self) -> Self:
        with _explained():
            found = await self._core.get_credentials()
        if found is None:
            raise AccessError("no AWS credentials found; set AWS_PROFILE, use --profile, or sign in (aws sso login)")
        self.caller = CallerCredentials(found)
        # The session's public parameters are key strings; an object that chooses keys at each call has no other way in.
        vars(self._core)["_credentials"] = CurrentCredentials()
        self._core.register("before-parse", check_body)
        self._core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_time)
        self._core.register("creating-client-class", self._share_methods)
        keep_custom_hosts(self._core)
        signing.use()
        # aiobotocore logs at level INFO where it found credentials, which is the level of the audit's own progress.
        logging.getLogger("aiobotocore.credentials").setLevel(logging.WARNING)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _share_methods(self, class_attributes: dict[str, Any], event_name: str, **_event: Any) -> None:  # noqa: ANN401 - the event's rest
        """Give a service's clients of all regions the same methods; handles the event creating-client-class.

        The SDK makes methods for all operations of a service anew for each client, two thirds of a client's memory.
        """
        class_attributes.update(self._methods.setdefault(event_name, dict(class_attributes)))

    @property
    def home_region(self) -> str | None:
        """The region that the caller's environment or profile names."""
        region: str | None = self._core.get_config_variable("region")
        return region

    async def regions_of(self, service: str) -> frozenset[str]:
        """Return the regions in which the SDK's endpoint list has a service; it may lag behind AWS.

        Services that exist once in an account, such as IAM, are listed in none.
        """
        if service not in self._listed:
            parts = self._core.get_available_partitions()
            names = [await self._core.get_available_regions(service, part) for part in parts]
            self._listed[service] = frozenset(name for part in names for name in part)
        return self._listed[service]

    async def default_regions(self, partition: str) -> list[str]:
        """Return the regions that the SDK knows in a partition, for use where AWS did not list an account's."""
        return sorted(await self._core.get_available_regions("ec2", partition))

    async def operation(self, service: str, region: str, name: str) -> Callable[..., Any]:
        """Return the client's method for an operation, creating the client where there is none yet."""
        client = self._clients.get((service, region)) or await self._create(service, region)
        method: Callable[..., Any] = getattr(client, xform_name(name))
        return method

    def pages(
        self, method: Callable[..., Any], service: str, region: str, name: str, parameters: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """Return the SDK's paging over `method`, for an operation of a client that exists."""
        key = service, name
        operation = self._clients[service, region].meta.service_model.operation_model(name)
        if key not in self._paging:
            model = self._core.get_component("data_loader").load_service_model(service, "paginators-1")
            self._paging[key] = model["pagination"].get(name) or _usual_paging(operation)
        paging: Any = AioPaginator  # its stub declares an operation's name where the code takes the method
        pages: AsyncIterator[dict[str, Any]] = paging(method, self._paging[key], operation).paginate(**parameters)
        return pages

    async def _create(self, service: str, region: str) -> Any:  # noqa: ANN401 - clients are generated at run time
        key = service, region
        async with self._locks[key]:
            if key not in self._clients:
                context = self._session.client(service, region_name=region, config=self._config)
                client = await self._stack.enter_async_context(context)
                _never_retry(client)
                self._clients[key] = client
        return self._clients[key]


def _never_retry(client: AioBaseClient) -> None:
    """Take away what asks after each answer whether to send again, a thirtieth of a call's CPU time: it never is."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")


def _usual_paging(operation: OperationModel) -> dict[str, str]:
    """Return how an operation pages for which the SDK has no paginator, such as events:ListEventBuses."""
    members = operation.output_shape.members if operation.output_shape else {}
    lists = (name for name, member in members.items() if member.type_name == "list")
    return {"input_token": "NextToken", "output_token": "NextToken", "result_key": next(lists)}
