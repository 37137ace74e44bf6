import os
from collections.abc import Iterator

import pytest

from scripts.simulator.server import Served, serve
from tests.faults import FaultProxy


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serve(accounts=60, regions=3) as running:
        yield running


@pytest.fixture
def proxy(served: Served) -> Iterator[FaultProxy]:
    served.reset()
    with FaultProxy(served.url) as running:
        yield running


@pytest.fixture
def environment(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a caller in the management account, who reaches nothing but the proxy."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "AKIACALLER",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
