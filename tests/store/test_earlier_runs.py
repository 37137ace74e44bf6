"""Runs that an earlier version made, which lack what was added since, and shards of another form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from orgaudit import __version__
from orgaudit.errors import ConfigError
from orgaudit.evaluate.shards import Shards
from orgaudit.facts import shard
from orgaudit.facts.shard import AccountHeader, header_of
from orgaudit.model import Finding, Severity
from orgaudit.store.consolidation import consolidate
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.run import Run, read_lines, write_encoded
from orgaudit.store.tables import LATER_COLUMNS, findings_table, opened
from tests.factories import MEMBER, an_account, facts_of
from tests.synthetic_run import build

LATER_OF_CONTROLS = {
    *("family", "digest", "effort", "per_resource", "disruption", "reversible"),
    *("facts", "account_facts", "uses_organization"),
}
LATER_OF_RECORDS = {"began_at", "session"}


def without(record: msgspec.Struct, names: set[str]) -> dict[str, Any]:
    """What an earlier version wrote of a record."""
    whole: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in whole.items() if name not in names}


@pytest.fixture
def earlier(tmp_path: Path) -> Run:
    """An evaluated run whose findings and manifest have no field that was added later."""
    run = build(tmp_path / "run")
    manifest = msgspec.json.decode(run.manifest_path.read_bytes())
    for control in manifest["controls"]:
        for name in LATER_OF_CONTROLS:
            control.pop(name)
    manifest.pop("facts")
    for record in manifest["records"]:
        for name in LATER_OF_RECORDS:
            record.pop(name)
    run.manifest_path.write_bytes(msgspec.json.encode(manifest))
    for account in manifest["accounts"]:
        path = run.findings_path(account["id"])
        found = list(read_lines(path, msgspec.json.Decoder(Finding)))
        write_encoded(path, [msgspec.json.encode(without(each, set(LATER_COLUMNS))) for each in found])
    return run


@contextmanager
def rows(run: Run, query: str) -> Iterator[list[tuple[Any, ...]]]:
    with opened(run) as connection:
        yield connection.execute(query).fetchall()


def test_the_manifest_of_an_earlier_run_opens(earlier: Run) -> None:
    controls = earlier.read_manifest().controls
    assert controls
    for control in controls:
        assert (control.family, control.digest, control.judged_by, control.effort) == ("", "", "", "")
        assert (control.per_resource, control.disruption, control.reversible) == (False, "", True)
        assert (control.facts, control.account_facts, control.uses_organization) == ((), (), False)
    assert earlier.read_manifest().facts == ()
    assert {(record.began_at, record.session) for record in earlier.read_manifest().records} == {(None, "")}


def test_findings_of_an_earlier_run_are_each_a_family_of_their_control(earlier: Run) -> None:
    consolidate(earlier, lambda _: (iter, None))
    with rows(earlier, "SELECT family = control, owner, reopened, first_seen, due_on FROM findings") as found:
        assert set(found) == {(True, "", 0, None, None)}


def test_tables_of_an_earlier_version_open_with_the_later_columns(tmp_path: Path) -> None:
    run = build(tmp_path / "run")
    consolidate(run, lambda _: (iter, None))
    path = findings_table(run)
    old = path.with_suffix(".old")
    duckdb.read_parquet(str(path)).select(duckdb.StarExpression(exclude=list(LATER_COLUMNS))).write_parquet(str(old))
    old.replace(path)
    with rows(run, "SELECT family = control, owner, first_seen, reopened, due_on FROM findings") as found:
        assert set(found) == {(True, "", None, 0, None)}


def test_the_digest_has_two_parts_of_which_one_decides_verdicts() -> None:
    record = ControlRecord(
        id="a_b",
        service="a",
        severity=Severity.LOW,
        scope="regional",
        title="A",
        rationale="B",
        actions=(),
        digest="12-34",
    )
    assert record.judged_by == "12"


HEADER = header_of(an_account(MEMBER), facts_of(MEMBER).record)


def written(path: Path, header: dict[str, Any]) -> Run:
    run = Run(path)
    run.shard_path(MEMBER).parent.mkdir(parents=True)
    write_encoded(run.shard_path(MEMBER), [msgspec.json.encode(header)])
    return run


def test_a_shard_says_in_which_form_it_is_and_who_wrote_it() -> None:
    line = msgspec.json.decode(msgspec.json.encode(HEADER))
    assert (line["schema_version"], line["tool_version"]) == (shard.SCHEMA_VERSION, __version__)


def test_a_shard_of_an_earlier_version_has_the_first_form(tmp_path: Path) -> None:
    run = written(tmp_path, without(HEADER, {"schema_version", "tool_version"}))
    found = Shards(run).load(MEMBER)
    assert found is not None
    assert found.account_id == MEMBER


@pytest.mark.parametrize(
    ("tool", "use"), [("9.8.7", "use orgaudit 9.8.7, or audit again"), ("", "use the version in run.json, or audit")]
)
@pytest.mark.parametrize("version", [0, 2, 17])
def test_a_shard_of_another_form_names_the_version_that_reads_it(
    tmp_path: Path, version: int, tool: str, use: str
) -> None:
    run = written(tmp_path, without(HEADER, set()) | {"schema_version": version, "tool_version": tool})
    with pytest.raises(ConfigError) as failed:
        Shards(run).load(MEMBER)
    assert failed.value.file == str(run.shard_path(MEMBER))
    reads = f"holds facts in form {version}, and orgaudit {__version__} reads form {shard.SCHEMA_VERSION}"
    assert reads in str(failed.value)
    assert use in str(failed.value)


def test_a_later_version_refuses_the_shards_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = written(tmp_path, without(HEADER, set()))
    monkeypatch.setattr(shard, "SCHEMA_VERSION", 2)
    with pytest.raises(ConfigError, match=f"use orgaudit {__version__}, or audit again"):
        list(read_lines(run.shard_path(MEMBER), msgspec.json.Decoder(AccountHeader)))
