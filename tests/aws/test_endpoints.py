"""Hosts of s3control: AWS's carry the account's id, a custom endpoint's do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiobotocore.session import AioSession
from botocore.awsrequest import AWSRequest

from orgaudit.aws.endpoints import keep_custom_hosts

ACCOUNT = "123456789012"


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AioSession:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    session = AioSession()
    keep_custom_hosts(session)
    return session


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (f"http://{ACCOUNT}.127.0.0.1:5000/v20180820/x?a=1", "http://127.0.0.1:5000/v20180820/x?a=1"),
        (f"http://{ACCOUNT}.localhost:5000/", "http://localhost:5000/"),
        (f"https://{ACCOUNT}.emulator.example.com/", "https://emulator.example.com/"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
        ("http://10.example.com/", "http://10.example.com/"),
        (f"https://{ACCOUNT}.s3-control.eu-west-1.amazonaws.com/", None),
        (f"https://{ACCOUNT}.s3-control.cn-north-1.amazonaws.com.cn/", None),
        (f"https://{ACCOUNT}.s3-control.dualstack.us-gov-west-1.amazonaws.com/", None),
        (f"https://{ACCOUNT}.control.vpce-1.s3.eu-west-1.vpce.amazonaws.com/", None),
        (f"https://{ACCOUNT}.s3-control.us-iso-east-1.c2s.ic.gov/", None),
    ],
)
async def test_host(core: AioSession, url: str, sent: str | None) -> None:
    request = AWSRequest(method="GET", url=url)
    await core.get_component("event_emitter").emit("before-sign.s3-control.GetPublicAccessBlock", request=request)
    assert request.url == (sent or url)


async def test_other_services_are_left_alone(core: AioSession) -> None:
    request = AWSRequest(method="GET", url=f"http://{ACCOUNT}.localhost/")
    await core.get_component("event_emitter").emit(
        "before-sign.s3.GetObject", request=request, signature_version="s3v4"
    )
    assert request.url == f"http://{ACCOUNT}.localhost/"
