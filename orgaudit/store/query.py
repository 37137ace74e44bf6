"""SQL that people ask of a run: one SELECT over its tables, answered by a process of its own that has limits."""

from __future__ import annotations

import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import msgspec

from orgaudit.errors import ConfigError, ReportError
from orgaudit.model import Json
from orgaudit.store.run import Run
from orgaudit.store.tables import connected, scratch_of, table_files

Row: TypeAlias = tuple[Any, ...]

SECONDS = 60.0
"""The time that a query has, unless the caller says otherwise."""
PROCESS_MEMORY = 1536 << 20
"""The address space of the process that answers, in bytes: DuckDB's own limit does not cover what functions build up,
such as repeat(). macOS does not enforce it."""
SPILL = "4GB"
"""What a query may put on the disk, in the run's directory, while it runs."""
BATCH = 1000
"""Rows that are handed over at once."""
READING = frozenset({"CTE_NODE", "RECURSIVE_CTE_NODE", "SELECT_NODE", "SET_OPERATION_NODE"})
"""The kinds of DuckDB's query nodes that only read; a WITH clause may also hold INSERT, UPDATE, DELETE and COPY."""
TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
"""The functions that may stand in a FROM clause: they make rows of values, and reach no file and no setting."""

_ONE_SELECT = "a query is one SELECT statement and only reads"


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's columns and its rows, which are computed while they are read; reading them raises ConfigError."""

    columns: list[str]
    rows: Iterator[Row]


@contextmanager
def query(run: Run, sql: str, *, seconds: float = SECONDS) -> Iterator[Answer]:
    """Answer one SELECT over the tables findings, coverage, accounts, account_regions, controls and requirements.

    A process of its own answers from copies of the run's tables, without access to any other file, so that nothing in
    the statement can change the evidence. It is ended after `seconds` of computing; time for which the caller leaves
    rows unread does not count. Raises ConfigError for anything but a single SELECT, and for one that
    fails or needs more time or memory.
    """
    tables = table_files(run)
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with scratch_of(run) as scratch, receiver:
        copies = {name: _copied(path, scratch) for name, path in tables.items()}
        asked = _Question(run.path, copies, scratch, sql, seconds)
        process = context.Process(target=_serve, args=(sender, asked), daemon=True)
        process.start()
        sender.close()
        try:
            answers = _received(receiver, seconds)
            yield Answer(list(next(answers)), (row for batch in answers for row in batch))
        finally:
            process.kill()
            process.join()


def _copied(path: Path, scratch: Path) -> Path:
    try:
        return Path(shutil.copyfile(path, scratch / path.name))
    except OSError as error:
        raise ReportError(f"cannot copy {path}: {error.strerror or error}; free space") from error


def _received(receiver: Connection, seconds: float) -> Iterator[list[Any]]:
    """Yield the columns and then each batch of rows; raises ConfigError for an error, and where the time is over."""
    left = seconds
    while True:
        started = time.monotonic()
        if not receiver.poll(left):
            raise ConfigError(f"the query took longer than {seconds:g} s; narrow it, or raise --timeout", key="SQL")
        try:
            received: list[Any] | str | None = receiver.recv()
        except EOFError as error:
            message = "the query's process was ended, probably because it needed too much memory; narrow the query"
            raise ConfigError(message, key="SQL") from error
        left = max(0.0, left - (time.monotonic() - started))
        if received is None:
            return
        if isinstance(received, str):
            raise ConfigError(received, key="SQL")
        yield received


@dataclass(frozen=True, slots=True)
class _Question:
    """What the process that answers is given: the run, copies of its tables by name, and a directory for spilling."""

    run: Path
    copies: dict[str, Path]
    scratch: Path
    sql: str
    seconds: float


def _serve(sender: Connection, asked: _Question) -> None:
    """Send the columns, batches of rows and None at the end, or the text of an error; what the process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends this process
    _limit(asked.seconds)
    try:
        with connected(Run(asked.run), asked.copies, asked.scratch) as connection:
            cursor = select(connection, asked.copies, asked.sql)
            sender.send([column[0] for column in cursor.description or ()])
            while rows := cursor.fetchmany(BATCH):
                sender.send(rows)
            sender.send(None)
    except (MemoryError, duckdb.OutOfMemoryException):
        sender.send("the query needs more memory than it may have; select fewer columns or rows, or group them")
    except (duckdb.Error, RecursionError) as error:
        sender.send(str(error))
    except ConfigError as error:
        sender.send(str(error))


def _limit(seconds: float) -> None:
    """Bound what this process can take, also where the parent no longer exists to end it."""
    for kind, most in ((resource.RLIMIT_AS, PROCESS_MEMORY), (resource.RLIMIT_CPU, int(seconds) + 30)):
        with suppress(ValueError, OSError):  # a system that has no such limit, or a lower one already
            resource.setrlimit(kind, (most, most))


def select(connection: duckdb.DuckDBPyConnection, copies: dict[str, Path], sql: str) -> duckdb.DuckDBPyConnection:
    """Execute one SELECT on a connection that is then shut off; raises ConfigError and DuckDB's errors."""
    _check(connection, sql)
    _close(connection, copies)
    return connection.execute(sql)


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise ConfigError for all but one SELECT that only reads: DuckDB counts one with COPY in a WITH clause too."""
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        raise ConfigError(_ONE_SELECT)
    (text,) = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()[0]
    tree = msgspec.json.decode(text)
    if tree.get("error"):
        raise ConfigError(f"{_ONE_SELECT}: {tree.get('error_message', 'it cannot be analysed')}")
    for node in _nodes(tree):
        if "cte_map" in node and node.get("type") not in READING:
            raise ConfigError(f"{_ONE_SELECT}, also in its WITH clauses")
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in TABLE_FUNCTIONS:
                allowed = ", ".join(sorted(TABLE_FUNCTIONS))
                raise ConfigError(f"{name} is not allowed in a FROM clause: tables and {allowed} are")


def _nodes(tree: Json) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a statement's tree, however deep."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _close(connection: duckdb.DuckDBPyConnection, copies: dict[str, Path]) -> None:
    """Shut the connection off from all files but the copies, from the network, and from its own settings."""
    connection.execute("SET max_temp_directory_size = $1", [SPILL])
    connection.execute("SET allowed_paths = $1", [[str(path) for path in copies.values()]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
