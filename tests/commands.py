"""Commands as a user's shell runs them, each in a process of its own, without its second of imports.

A server per test process imports the program once and forks for each command: the fork has its own environment,
directory, descriptors and exit code, and no state of another command.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALSO = (
    *("_strptime", "aioboto3", "boto3.docs", "concurrent.futures.process", "concurrent.futures.thread", "jinja2"),
    *("multiprocessing.synchronize", "rich.live", "s3fs", "time_machine"),
)
"""What commands import of others when they need it."""


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    *,
    seconds: float = 600,
    now: datetime | None = None,
    first: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `orgaudit` with these arguments to its end, where the clock begins at `now` if that is given.

    `first` is Python that the command's process runs before the command. Raises subprocess.TimeoutExpired.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked = {"arguments": list(arguments), "environment": dict(environment), "directory": str(directory)}
        if now is not None:
            asked["now"] = now.isoformat()
        if first:
            asked["first"] = first
        with _connected() as connection:
            connection.settimeout(seconds)
            descriptors = array.array("i", [out.fileno(), err.fileno()])
            text = json.dumps(asked).encode()
            header = len(text).to_bytes(8, "big")
            connection.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
            connection.sendall(text)
            try:
                answer = connection.makefile("r").readline()
            except TimeoutError:
                raise subprocess.TimeoutExpired(list(arguments), seconds) from None
        assert answer, "the server of commands has ended"
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            list(arguments), int(answer), out.read().decode(), err.read().decode(errors="replace")
        )


def _connected() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_server())
    return connection


@cache
def _server() -> str:
    """Start the server of this process and return the path of its socket."""
    directory = tempfile.mkdtemp(prefix="orgaudit-commands-")
    path = f"{directory}/socket"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.commands", path],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    atexit.register(_end, process, Path(path))
    return path


def _end(process: subprocess.Popen[bytes], path: Path) -> None:
    process.terminate()
    process.wait()
    path.unlink(missing_ok=True)
    path.parent.rmdir()


def _serve(path: str) -> None:
    """Import the program, then fork for each connection."""
    for name in (*_modules("orgaudit"), *ALSO):
        importlib.import_module(name)
    importlib.import_module("orgaudit.settings.framework_files").load(ROOT)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(connection)
        connection.close()


def _modules(package: str) -> Iterator[str]:
    """Yield the modules of a package and of those in it, but for the emulator's, which takes a second to import."""
    yield package
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if found.ispkg and found.name != "orgaudit.demo":
            yield from _modules(found.name)
        elif not found.name.endswith(".__main__"):
            yield found.name


def _answer(connection: socket.socket) -> None:
    """Run one command in a fork of this process, send its exit code, and end."""
    header, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(8))
    descriptors = array.array("i", ancillary[0][2])
    stream = connection.makefile("rb")
    asked = json.loads(stream.read(int.from_bytes(header, "big")))
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    code = 1
    try:
        os.chdir(asked["directory"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        for source, target in zip(descriptors, (1, 2), strict=True):
            os.dup2(source, target)
        for opened in (connection.detach(), *descriptors):
            with contextlib.suppress(OSError):
                os.close(opened)
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - for the life of the process
        sys.stdout, sys.stderr = (
            open(number, "w", buffering=size, encoding="utf-8", closefd=False)  # noqa: SIM115
            for number, size in ((1, -1), (2, 1))
        )
        sys.argv = ["orgaudit", *asked["arguments"]]
        if "now" in asked:
            importlib.import_module("time_machine").travel(datetime.fromisoformat(asked["now"])).start()
        exec(asked.get("first", ""), {})  # noqa: S102 - what a test gave
        importlib.import_module("orgaudit.cli").main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what the interpreter prints of any error
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(int(code))


if __name__ == "__main__":
    _serve(sys.argv[1])
