"""What the collector of file systems makes of answers."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.facts.efs import FileSystem, file_systems
from orgaudit.model import NotSeenError
from tests.factories import HOME, MEMBER, NOW
from tests.factories_efs import a_file_system
from tests.literal_aws import LiteralAws, World


def answer(name: str, **more: Any) -> dict[str, Any]:
    return {
        "OwnerId": MEMBER,
        "CreationToken": name,
        "FileSystemId": name,
        "FileSystemArn": a_file_system(name).arn,
        "CreationTime": NOW,
        "LifeCycleState": "available",
        "NumberOfMountTargets": 0,
        "SizeInBytes": {"Value": 0},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
        **more,
    }


def aws(*pages: list[dict[str, Any]]) -> LiteralAws:
    answers = [{"FileSystems": page} for page in pages]
    return LiteralAws(World({MEMBER: {("efs", "DescribeFileSystems"): answers}}), MEMBER, HOME)


async def found(at: LiteralAws) -> list[FileSystem]:
    return [system async for system in file_systems(at)]


async def test_file_systems_page_by_page() -> None:
    sealed = answer("fs-1", Encrypted=True, KmsKeyId="k", Tags=[{"Key": "stage", "Value": "prod"}])
    assert await found(aws([sealed], [answer("fs-2", Encrypted=False), answer("fs-3", Encrypted=False)])) == [
        a_file_system("fs-1", key_id="k", tags={"stage": "prod"}),
        a_file_system("fs-2", encrypted=False),
        a_file_system("fs-3", encrypted=False),
    ]


async def test_no_file_systems() -> None:
    assert await found(aws([])) == []


async def test_denied() -> None:
    with pytest.raises(NotSeenError) as raised:
        await found(LiteralAws(World({MEMBER: {}}), MEMBER, HOME))
    assert raised.value.gap.action == "elasticfilesystem:DescribeFileSystems"
