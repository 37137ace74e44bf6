"""SQL that people ask of a run: one SELECT over tables that are prepared for it, answered by a process with limits."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.store.run import Run
from orgaudit.store.tables import connected, scratch_of

Row: TypeAlias = tuple[Any, ...]

SECONDS = 60.0
"""The time that a query has, unless the caller says otherwise."""
STARTING = 60.0
"""The time that the process has to start and to analyse the statement, which a busy machine makes long."""
PROCESS_MEMORY = 1536 << 20
"""The address space of the process that answers, in bytes: DuckDB's own limit does not cover what functions build up,
such as repeat(). macOS does not enforce it."""
SPILL = "4GB"
"""What a query may put on the disk, in the run's directory, while it runs."""
FILE = 4 << 30
"""The size of a file that it may write: the answer, or what it spills."""
BATCH = 1000
"""Rows that are handed over at once."""
READING = frozenset({"CTE_NODE", "RECURSIVE_CTE_NODE", "SELECT_NODE", "SET_OPERATION_NODE"})
"""The kinds of DuckDB's query nodes that only read; a WITH clause may also hold INSERT, UPDATE, DELETE and COPY."""
TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
"""The functions that may stand in a FROM clause: they make rows of values, and reach no file and no setting."""

ANSWER_AS_ROWS, ANSWER_AS_PARQUET = "", "answer.parquet"
GROUP = 10 * 2048
"""Rows in a group of the Parquet file of an answer."""

_ONE_SELECT = "a query is one SELECT statement and only reads"


@dataclass(frozen=True, slots=True)
class Named:
    """The tables that a statement names, in lower case, and those of them that it makes itself in a WITH clause."""

    tables: frozenset[str]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a statement may read: files by the names of consolidated tables, and statements that make other tables.

    `files` are the files that those read.
    """

    tables: dict[str, Path]
    statements: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def add(self, name: str, select: str, files: Iterable[Path]) -> None:
        """Add a table: a query over these files."""
        self.statements.append(f"CREATE VIEW {name} AS {select}")
        self.files.extend(files)

    @property
    def allowed(self) -> list[Path]:
        """All files that are read."""
        return [*self.tables.values(), *self.files]


Prepare: TypeAlias = Callable[[Named, Path], Prepared]
"""Prepares the tables that a statement names, in files of a directory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's columns and its rows, which are computed while they are read; reading them raises ConfigError."""

    columns: list[str]
    rows: Iterator[Row]


@contextmanager
def query(run: Run, sql: str, prepare: Prepare, *, seconds: float = SECONDS) -> Iterator[Answer]:
    """Answer one SELECT over the tables that `prepare` prepares of those that it names.

    A process of its own answers from copies of the run's tables, without access to any other file, so that nothing in
    the statement can change the evidence. It is ended after `seconds` of computing; time for which the caller leaves
    rows unread does not count. Raises ConfigError for anything but a single SELECT, and for one that
    fails or needs more time or memory.
    """
    with _asked(run, sql, prepare, seconds, ANSWER_AS_ROWS) as (answers, _):
        yield Answer(list(next(answers)), (row for batch in answers for row in batch))


@contextmanager
def query_to_parquet(run: Run, sql: str, prepare: Prepare, *, seconds: float = SECONDS) -> Iterator[Path]:
    """Answer one SELECT as `query` does, as a Parquet file that is there until the block ends."""
    with _asked(run, sql, prepare, seconds, ANSWER_AS_PARQUET) as (answers, scratch):
        for _ in answers:
            pass
        yield scratch / ANSWER_AS_PARQUET


@contextmanager
def _asked(
    run: Run, sql: str, prepare: Prepare, seconds: float, form: str
) -> Iterator[tuple[Iterator[list[Any]], Path]]:
    """Start the process that answers, and give what it sends: the columns, and batches of rows."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    with scratch_of(run) as scratch, ours:
        process = context.Process(
            target=_serve, args=(theirs, _Question(run.path, scratch, sql, seconds, form)), daemon=True
        )
        process.start()
        theirs.close()
        try:
            (named,) = next(_received(ours, STARTING))
            answers = _received(ours, seconds)
            with suppress(BrokenPipeError):  # the process has ended, which is found out when its answer is read
                ours.send(prepare(named, scratch))
            yield answers, scratch
        finally:
            process.kill()
            process.join()


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
    """What the process that answers is given: the run, a directory for spilling, the statement and its limit.

    `form` is the name of the file in that directory which the answer is written to, empty where rows are sent.
    """

    run: Path
    scratch: Path
    sql: str
    seconds: float
    form: str


def _serve(channel: Connection, asked: _Question) -> None:
    """Send what the statement names, take what was prepared, and send the answer; what the process runs.

    The answer is the columns, batches of rows and None at the end, or the text of an error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends this process
    _limit(asked.seconds)
    try:
        channel.send([check(asked.sql)])
        prepared: Prepared = channel.recv()
        with connected(Run(asked.run), prepared.tables, asked.scratch) as connection:
            for statement in prepared.statements:
                connection.execute(statement)
            _answer(channel, connection, prepared, asked)
    except EOFError:
        return  # the parent could not prepare the tables
    except (MemoryError, duckdb.OutOfMemoryException):
        channel.send("the query needs more memory than it may have; select fewer columns or rows, or group them")
    except (duckdb.Error, RecursionError) as error:
        channel.send(str(error))
    except ConfigError as error:
        channel.send(str(error))


def _answer(channel: Connection, connection: duckdb.DuckDBPyConnection, prepared: Prepared, asked: _Question) -> None:
    if asked.form:
        target = asked.scratch / asked.form
        close(connection, [*prepared.allowed, target])
        connection.sql(asked.sql).write_parquet(str(target), compression="zstd", row_group_size=GROUP)
    else:
        close(connection, prepared.allowed)
        cursor = connection.execute(asked.sql)
        channel.send([column[0] for column in cursor.description or ()])
        while rows := cursor.fetchmany(BATCH):
            channel.send(rows)
    channel.send(None)


def _limit(seconds: float) -> None:
    """Bound what this process can take, also where the parent no longer exists to end it."""
    for kind, most in (
        (resource.RLIMIT_AS, PROCESS_MEMORY),
        (resource.RLIMIT_CPU, int(seconds) + 30),
        (resource.RLIMIT_FSIZE, FILE),
    ):
        with suppress(ValueError, OSError):  # a system that has no such limit, or a lower one already
            resource.setrlimit(kind, (most, most))


def check(sql: str) -> Named:
    """Return the tables that a statement names; raises ConfigError for all but one SELECT that only reads.

    DuckDB counts one with COPY in a WITH clause as a SELECT too.
    """
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        raise ConfigError(_ONE_SELECT)
    with duckdb.connect(":memory:") as connection:
        (text,) = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()[0]
    tree = msgspec.json.decode(text)
    if tree.get("error"):
        raise ConfigError(f"{_ONE_SELECT}: {tree.get('error_message', 'it cannot be analysed')}")
    tables, own = set(), set()
    for node in _nodes(tree):
        _check_node(node)
        if node.get("type") == "BASE_TABLE" and node["schema_name"].casefold() in {"", "main"}:
            tables.add(node["table_name"].casefold())
        own |= {each["key"].casefold() for each in node.get("cte_map", {}).get("map", ())}
    return Named(frozenset(tables), frozenset(own))


def _check_node(node: dict[str, Any]) -> None:
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


def close(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> None:
    """Shut the connection off from all files but these, from the network, and from its own settings."""
    connection.execute("SET max_temp_directory_size = $1", [SPILL])
    connection.execute("SET allowed_paths = $1", [[str(path) for path in files]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
