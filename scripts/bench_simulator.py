"""How many answers the simulator of scripts/simulator gives a second of its own CPU time, beside the bar of 3,000.

    python scripts/bench_simulator.py --accounts 20 --regions 3 --rounds 5

The requests are those of an audit with every control, recorded of one run and sent again over open connections; what
sending them costs is not counted. Latency, rates and faults are off, then on.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_calls import audit, environment
from scripts.bench_history import figure
from scripts.simulator.inside import RECORD
from scripts.simulator.inside import environment as inside
from scripts.simulator.server import Served, serve

BAR = 3000
"""The answers a second of one core that the simulator has to give."""
CONNECTIONS = 32
LATENCY = ("--latency-ms=2", "--rates", "--faults=5")


def recorded(accounts: int, regions: int, options: Sequence[str] = ("--framework", "all")) -> list[bytes]:
    """Return the requests of an audit, each as the bytes that a connection carries."""
    with TemporaryDirectory() as directory:
        out, file = Path(directory), Path(directory) / "requests.ndjson"
        command = [sys.executable, "-m", "orgaudit", *audit(out, "recorded", [*options, "--format", "json"])]
        given = inside([f"--accounts={accounts}", f"--regions={regions}"])
        subprocess.run(command, env=environment("") | given | {RECORD: str(file)}, check=False, capture_output=True)
        lines = [msgspec.json.decode(line, type=tuple[str, str]) for line in file.read_bytes().splitlines()]
    return [_request(head, body.encode()) for head, body in lines]


def _request(head: str, body: bytes) -> bytes:
    given = [line for line in head.split("\r\n") if not line.lower().startswith("content-length:")]
    return "\r\n".join([*given, f"Content-Length: {len(body)}", "", ""]).encode() + body


def send(served: Served, requests: Sequence[bytes]) -> int:
    """Send requests over open connections, each after the answer to the one before; return how many were answered."""
    port = int(served.url.rpartition(":")[2])
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(lambda part: _converse(port, part), _parts(requests)))


def _parts(requests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (requests[start::CONNECTIONS] for start in range(CONNECTIONS))


def _converse(port: int, requests: Sequence[bytes]) -> int:
    answered = 0
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    for request in requests:
        try:
            connection.sendall(request)
            received = _receive(connection, is_head=request.startswith(b"HEAD"))
        except ConnectionError:
            received = False
        answered += 1  # a connection that breaks is an answer too: a fault
        if not received:
            connection.close()
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.close()
    return answered


def _receive(connection: socket.socket, *, is_head: bool) -> bool:
    """Read one answer; return whether it was whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0 if is_head else int(head.rpartition(b"Content-Length: ")[2])
    left = length - len(body)
    while left > 0:
        if not (more := connection.recv(65536)):
            return False
        left -= len(more)
    return True


def measure(requests: Sequence[bytes], accounts: int, regions: int, rounds: int, options: Sequence[str] = ()) -> float:
    """Return the answers a second of the simulator's CPU time; the first round only warms up."""
    with serve(*options, accounts=accounts, regions=regions) as served:
        send(served, requests)
        before = served.cpu()
        answered = sum(send(served, requests) for _ in range(rounds))
        return answered / (served.cpu() - before)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description="Measure the answers a second of the simulator's own CPU time.")
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    requests = recorded(options.accounts, options.regions)
    print(f"{len(requests)} requests of an audit with every control, {os.cpu_count()} cores")
    for name, behaviour in (("answers", ()), ("with latency, rates and faults", LATENCY)):
        rate = measure(requests, options.accounts, options.regions, options.rounds, behaviour)
        print(f"{name:<32}{rate:8.0f} a second of CPU, bar {BAR}")
        print(figure(f"{name} a CPU second", rate))


if __name__ == "__main__":
    main()
