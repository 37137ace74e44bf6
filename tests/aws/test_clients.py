import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiobotocore.paginate import AioPaginator
from aiobotocore.session import AioSession
from aiobotocore.signers import AioRequestSigner
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from orgaudit.aws.clients import Clients
from orgaudit.aws.credentials import CURRENT
from orgaudit.errors import AccessError, ConfigError
from tests.faults import FaultProxy, ServerError, Throttle

KEYS = ReadOnlyCredentials("AKIACALLER", "secret", "", None)


def clients(profile: str | None = None) -> Clients:
    return Clients(profile=profile, connect_timeout=1, read_timeout=2, connections=100)


@pytest.fixture(autouse=True)
def signed(environment: pytest.MonkeyPatch) -> Iterator[None]:
    token = CURRENT.set(KEYS)
    yield
    CURRENT.reset(token)


async def test_one_client_for_each_service_and_region() -> None:
    async with clients() as shared:
        wanted = [
            (service, region) for service in ("sts", "iam") for region in ("us-east-1", "eu-west-1") for _ in range(20)
        ]
        names = {"sts": "GetCallerIdentity", "iam": "GetRole"}
        methods = await asyncio.gather(
            *(shared.operation(service, region, names[service]) for service, region in wanted)
        )
        assert len(shared._clients) == 4
        assert len({id(getattr(method, "__self__", None)) for method in methods}) == 4


async def test_clients_of_a_service_share_its_methods_and_call_their_own_region(proxy: FaultProxy) -> None:
    async with clients() as shared:
        regions = ("us-east-1", "eu-west-1")
        identify = [await shared.operation("sts", region, "GetCallerIdentity") for region in regions]
        role = await shared.operation("iam", "us-east-1", "GetRole")
        for each in identify:
            await each()
    first, second = (each.__func__ for each in identify)  # type: ignore[attr-defined]
    assert first is second is not role.__func__  # type: ignore[attr-defined]
    assert [(call.action, call.region) for call in proxy.calls] == [("GetCallerIdentity", each) for each in regions]


@pytest.mark.parametrize("rule", [Throttle(), ServerError()])
async def test_the_sdk_tries_once(proxy: FaultProxy, rule: Throttle | ServerError) -> None:
    proxy.rules.append(rule)
    async with clients() as shared:
        identify = await shared.operation("sts", "us-east-1", "GetCallerIdentity")
        with pytest.raises(ClientError):
            await identify()
    assert len(proxy.calls) == 1


async def test_fifty_accounts_sign_with_their_own_keys_through_one_client(proxy: FaultProxy) -> None:
    keys = [
        ReadOnlyCredentials(f"ASIAORGA{100000000000 + number}", "secret", f"t{number}", None) for number in range(50)
    ]
    async with clients() as shared:

        async def who(each: ReadOnlyCredentials) -> str:
            CURRENT.set(each)
            method = await shared.operation("sts", "us-east-1", "GetCallerIdentity")
            answers = [await method() for _ in range(3)]
            return "".join({answer["Account"] for answer in answers})

        accounts = await asyncio.gather(*(who(each) for each in keys))
        assert len(shared._clients) == 1
    assert accounts == [str(each.access_key).removeprefix("ASIAORGA") for each in keys]
    assert sorted(call.access_key for call in proxy.calls) == sorted(
        str(each.access_key) for each in keys for _ in range(3)
    )


async def test_the_endpoint_of_the_environment_is_called(proxy: FaultProxy) -> None:
    async with clients() as shared:
        await (await shared.operation("sts", "eu-west-1", "GetCallerIdentity"))()
    assert [(call.service, call.region) for call in proxy.calls] == [("sts", "eu-west-1")]


async def test_without_credentials_it_says_what_to_do(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("AWS_ACCESS_KEY_ID")
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessError, match="no AWS credentials found; set AWS_PROFILE"):
        await clients().__aenter__()


async def test_half_credentials_are_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessError, match="AWS_SECRET_ACCESS_KEY"):
        await clients().__aenter__()


@pytest.mark.parametrize("by_option", [True, False])
async def test_an_unknown_profile_is_named(environment: pytest.MonkeyPatch, by_option: bool) -> None:
    if not by_option:
        environment.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"nobody.*--profile"):
        async with clients("nobody" if by_option else None):
            pass


async def test_a_profile_brings_region_and_keys(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("AWS_ACCESS_KEY_ID")
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path / "config"
    file.write_text("[profile audit]\nregion = eu-west-3\naws_access_key_id = AKIAFILE\naws_secret_access_key = x\n")
    environment.setenv("AWS_CONFIG_FILE", str(file))
    async with clients("audit") as shared:
        assert shared.home_region == "eu-west-3"
        assert (await shared.caller.frozen("sts:GetCallerIdentity")).access_key == "AKIAFILE"


async def test_a_broken_configuration_file_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("this is no configuration\n")
    environment.setenv("AWS_CONFIG_FILE", str(file))
    with pytest.raises((AccessError, ConfigError), match=r"config"):
        async with clients():
            pass


async def test_what_the_sdk_lists_and_defaults() -> None:
    async with clients() as shared:
        assert "eu-west-1" in await shared.regions_of("cloudtrail")
        assert "mars-north-1" not in await shared.regions_of("cloudtrail")
        for once in ("iam", "organizations", "account", "cloudfront"):
            assert not await shared.regions_of(once)
        assert {"us-east-1", "eu-west-1"} <= set(await shared.default_regions("aws"))
        assert "us-east-1" not in await shared.default_regions("aws-cn")


def test_the_parts_of_the_sdk_that_are_not_public_are_still_there() -> None:
    session = AioSession()
    assert "_credentials" in vars(session)
    assert "self._credentials" in inspect.getsource(AioSession.get_credentials)
    assert "get_frozen_credentials" in inspect.getsource(AioRequestSigner)
    assert list(inspect.signature(AioPaginator).parameters) == ["method", "pagination_config", "model"]
    assert "before-parse" in inspect.getsource(__import__("aiobotocore.endpoint").endpoint)
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1")
