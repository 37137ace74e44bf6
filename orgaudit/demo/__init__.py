"""The embedded AWS organization: an emulated AWS in a child process, on 127.0.0.1, for demonstrations and tests."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, ROLE_NAME, DemoAccount
from orgaudit.errors import AccessError

__all__ = ["Content", "Demo", "DemoAccount", "running"]

Content = Literal["organization", "empty", "stock"]
"""The seeded organization; the same emulation without content; or unchanged moto without content."""

_UNSEEDED_ACCOUNT_ID = "123456789012"
_SECONDS_TO_END = 5


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo.

    `environment` is what a program needs in addition to its own environment to call the demo and nothing else;
    AWS_PROFILE must be removed, because the SDK refuses a profile that it cannot find.
    """

    endpoint_url: str
    environment: dict[str, str]
    management_account_id: str
    role_name: str
    accounts: tuple[DemoAccount, ...]
    pid: int


@contextmanager
def running(content: Content = "organization") -> Iterator[Demo]:
    """Yield a demo that can be called; its process has ended when the block is left.

    Without the organization the caller is account 123456789012 and `accounts` is empty. Raises AccessError where the
    server does not start.
    """
    if importlib.util.find_spec("moto") is None:
        raise AccessError("the demo needs the package moto; pip install 'orgaudit[demo]'")
    with tempfile.TemporaryFile() as log, _started(content, log) as process:
        yield _demo(content, process, _ready(process, log))


@contextmanager
def _started(content: Content, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "orgaudit.demo.server"]
    if content != "organization":
        command.append(f"--{content}")
    process = subprocess.Popen(  # noqa: S603 - this program's own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=_child_environment()
    )
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the server's input, which ends it; kill it where it has not ended in time."""
    try:
        process.communicate(timeout=_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()


def _child_environment() -> dict[str, str]:
    """Return this process's environment without settings of moto, and with the path of this package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    images = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}  # moto would load them for each account and region
    return kept | images | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def _ready(process: subprocess.Popen[bytes], log: IO[bytes]) -> dict[str, str]:
    """Return the server's first line, which it prints when it can be called."""
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        log.seek(0)
        raise AccessError(f"the demo server did not start: {log.read().decode(errors='replace').strip()}")
    ready: dict[str, str] = json.loads(line)
    return ready


def _demo(content: Content, process: subprocess.Popen[bytes], ready: dict[str, str]) -> Demo:
    seeded = content == "organization"
    return Demo(
        endpoint_url=ready["endpoint_url"],
        environment={
            "AWS_ENDPOINT_URL": ready["endpoint_url"],
            "AWS_ACCESS_KEY_ID": ready.get("access_key_id", "testing"),
            "AWS_SECRET_ACCESS_KEY": ready.get("secret_access_key", "testing"),
            "AWS_SESSION_TOKEN": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        },
        management_account_id=MANAGEMENT.id if seeded else _UNSEEDED_ACCOUNT_ID,
        role_name=ROLE_NAME,
        accounts=ACCOUNTS if seeded else (),
        pid=process.pid,
    )
