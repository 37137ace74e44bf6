"""Notes every SDK call that an orgaudit command makes, and makes the same calls again with the bare SDK.

    python scripts/replay.py note calls.ndjson audit --control cloudtrail_trail_logging …
    python scripts/replay.py send calls.ndjson

`send` prints the CPU seconds that the calls took, without those of the process's start and of creating the clients.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiobotocore.client import AioBaseClient
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import xform_name
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.aws.credentials import CURRENT, CurrentCredentials

WIDTH = 64
"""Calls in flight."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the SDK, and the access key that signed it."""

    key: str
    region: str
    service: str
    operation: str
    parameters: dict[str, Any]


def note(file: Path, command: Sequence[str]) -> None:
    """Run an orgaudit command in this process and write its calls to `file`, a JSON document a line; ends the process.

    Raises SystemExit as the command does.
    """
    from orgaudit.cli import main as orgaudit  # noqa: PLC0415 - `send` is bare: it loads the SDK and little else

    make: Any = AioBaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - where every call passes
    with file.open("w", encoding="utf-8") as lines:

        async def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - any client
            keys, meta = CURRENT.get(), client.meta
            key = (keys.access_key if keys else None) or ""
            call = Call(key, meta.region_name, meta.service_model.service_name, operation, parameters)
            lines.write(json.dumps(asdict(call)) + "\n")
            return await make(client, operation, parameters)

        AioBaseClient._make_api_call = noted  # type: ignore[attr-defined]  # noqa: SLF001
        sys.argv[1:] = command
        orgaudit()


class Bare:
    """The bare SDK: one client for each service and region, created before anything is measured, and nothing else.

    It signs each call with the key that is noted with it.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._methods: dict[tuple[str, str, str], Any] = {}

    async def prepare(self, calls: Sequence[Call]) -> None:
        """Create the clients of these calls."""
        session: Any = AioSession()  # its stubs know no service that is named at run time
        vars(session)["_credentials"] = CurrentCredentials()
        config = AioConfig(retries={"total_max_attempts": 1}, max_pool_connections=WIDTH)
        clients: dict[tuple[str, str], Any] = {}
        for service, region, operation in {(each.service, each.region, each.operation): None for each in calls}:
            if (service, region) not in clients:
                context = session.create_client(service, region_name=region, config=config)
                clients[service, region] = await self._stack.enter_async_context(context)
            self._methods[service, region, operation] = getattr(clients[service, region], xform_name(operation))

    async def send(self, calls: Sequence[Call]) -> None:
        """Make all the calls in their order, WIDTH at a time; a refusal is an answer too."""
        waiting = iter(calls)

        async def work() -> None:
            for call in waiting:
                CURRENT.set(ReadOnlyCredentials(call.key, "synthetic", None, None))
                with suppress(ClientError, BotoCoreError):
                    await self._methods[call.service, call.region, call.operation](**call.parameters)

        await asyncio.gather(*(work() for _ in range(WIDTH)))

    async def close(self) -> None:
        """Close the clients."""
        await self._stack.aclose()


async def measure(bare: Bare, calls: Sequence[Call]) -> float:
    """Return the CPU seconds of this process that the calls take."""
    start = time.process_time()
    await bare.send(calls)
    return time.process_time() - start


async def send(file: Path) -> float:
    """Make the calls that are noted in `file` and return the CPU seconds that they took."""
    with file.open(encoding="utf-8") as lines:
        calls = [Call(**json.loads(line)) for line in lines]
    bare = Bare()
    await bare.prepare(calls)
    try:
        return await measure(bare, calls)
    finally:
        await bare.close()


def main(arguments: Sequence[str]) -> None:
    """Note or send, as the first argument says."""
    match arguments:
        case ["note", file, *command]:
            note(Path(file), command)
        case ["send", file]:
            print(f"{asyncio.run(send(Path(file))):.6f}")
        case _:
            raise SystemExit((__doc__ or "").strip())


if __name__ == "__main__":
    main(sys.argv[1:])
