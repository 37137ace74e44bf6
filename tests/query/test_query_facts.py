"""Facts as tables: one row a resource, and nothing that was not read looks like an answer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.errors import ConfigError
from orgaudit.facts.declare import load
from orgaudit.query import facts
from orgaudit.query.tables import RunTables
from orgaudit.store.manifest import FactRecord
from orgaudit.store.query import query
from orgaudit.store.run import Run
from tests.query.answering import forked_answers
from tests.query.shards import FIRST, REGION, SECOND, THIRD, arn, write_shards
from tests.report.small import REGISTER, store
from tests.synthetic_run import account_id, build

__all__ = ["forked_answers"]

pytestmark = pytest.mark.usefixtures("forked_answers")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with facts, which tests only read."""
    run = build(tmp_path_factory.mktemp("facts") / "run")
    store(run, REGISTER)
    write_shards(run)
    return run


def answered(run: Run, sql: str) -> list[tuple[Any, ...]]:
    with query(run, sql, RunTables(run).prepare) as answer:
        return list(answer.rows)


def noted(run: Run, sql: str) -> list[str]:
    tables = RunTables(run)
    with query(run, sql, tables.prepare) as answer:
        list(answer.rows)
    return tables.notes


def test_a_resource_has_one_row_of_the_account_where_it_lives(run: Run) -> None:
    sql = "SELECT arn, account_id, region, seen_from, not_read FROM facts_bucket ORDER BY arn"
    assert answered(run, sql) == [
        (arn("alpha"), FIRST, REGION, FIRST, None),
        (arn("beta"), FIRST, REGION, FIRST, None),
        (arn("foreign"), "999999999999", REGION, SECOND, None),
    ]


def test_fields_have_their_types(run: Run) -> None:
    assert answered(run, "SELECT tags['owner'], tags FROM facts_bucket WHERE arn LIKE '%alpha'") == [
        ("Ann, Bob & Co", {"owner": "Ann, Bob & Co", "team": '=1+"'})
    ]
    assert answered(run, "SELECT arn FROM facts_bucket_versioning WHERE enabled AND NOT mfa_delete") == [
        (arn("alpha"),)
    ]


def test_a_detail_that_was_refused_is_a_row_that_says_so(run: Run) -> None:
    sql = "SELECT arn, account_id, enabled, not_read FROM facts_bucket_versioning ORDER BY arn"
    assert answered(run, sql) == [
        (arn("alpha"), FIRST, True, None),
        (arn("beta"), FIRST, None, "DENIED: s3:GetBucketVersioning"),
    ]


def test_a_part_that_was_refused_says_so_beside_its_value(run: Run) -> None:
    sql = "SELECT arn, owner, owner_not_read, not_read FROM facts_bucket_acl ORDER BY arn"
    assert answered(run, sql) == [
        (arn("alpha"), "canonical", None, None),
        (arn("beta"), None, "DENIED: s3:GetBucketAcl", None),
    ]
    sql = "SELECT region, permission, permission_not_read FROM facts_document_sharing ORDER BY region"
    assert answered(run, sql) == [
        (REGION, "Disable", None),
        ("eu-west-1", None, "DENIED: ssm:GetServiceSetting"),
    ]


def test_a_field_that_an_earlier_version_did_not_read_is_not_read(run: Run, tmp_path: Path) -> None:
    old = Run(tmp_path / "old")
    build(old.path)
    store(old, REGISTER)
    write_shards(old)
    from orgaudit.store.run import read_lines, write_encoded  # noqa: PLC0415

    lines = list(map(bytes, read_lines(old.shard_path(FIRST), msgspec.json.Decoder(msgspec.Raw))))
    kept = [line.replace(b',"owner":{"type":"seen","value":"canonical"}', b"") for line in lines]
    assert kept != lines
    write_encoded(old.shard_path(FIRST), kept)
    assert answered(old, "SELECT owner, owner_not_read FROM facts_bucket_acl WHERE arn LIKE '%alpha'") == [
        (None, "DEFECT")
    ]


def test_what_could_not_be_listed_is_in_the_listings(run: Run) -> None:
    sql = (
        "SELECT account_id, region, resources, gap_reason, gap_action FROM listings "
        "WHERE table_name = 'facts_bucket' ORDER BY account_id"
    )
    assert answered(run, sql) == [
        (FIRST, "global", 2, None, None),
        (SECOND, "global", None, "DENIED", "s3:ListAllMyBuckets"),
        (THIRD, "global", 1, None, None),
        (account_id(3), "", None, "ACCOUNT_UNAVAILABLE", "sts:AssumeRole"),
    ]
    assert answered(run, "SELECT listed_at FROM listings WHERE resources = 2") == [(datetime(2026, 10, 1, 6, 5),)]  # noqa: DTZ001 - SQL has none


@pytest.mark.parametrize("table", ["facts_bucket", "facts_bucket_versioning"])
def test_an_answer_over_facts_notes_what_could_not_be_listed(run: Run, table: str) -> None:
    notes = noted(run, f"SELECT count(*) FROM {table}")  # noqa: S608 - its name
    assert notes[0] == (
        "2 listings of facts_bucket in 2 accounts could not be read, so resources may be missing; the table listings "
        "has the reasons"
    )
    assert len(notes) == (1 if table == "facts_bucket" else 2)


def test_an_answer_over_facts_notes_what_could_not_be_read(run: Run) -> None:
    assert noted(run, "SELECT 1 FROM facts_bucket_acl")[-1].startswith("1 row of facts_bucket_acl could not be read")
    assert noted(run, "SELECT 1 FROM findings_flat") == []


def test_only_the_facts_that_a_statement_names_are_prepared(run: Run) -> None:
    written: list[str] = []
    tables = RunTables(run)

    def prepare(named: Any, scratch: Path) -> Any:
        prepared = tables.prepare(named, scratch)
        written.extend(path.name for path in scratch.iterdir())
        return prepared

    with query(run, "SELECT count(*) FROM facts_bucket", prepare) as answer:
        assert list(answer.rows) == [(3,)]
    assert sorted(written) == ["facts_bucket.ndjson.zst", "facts_bucket.own.ndjson.zst", "listings.ndjson.zst"]


def test_a_type_that_the_run_did_not_collect_is_no_table(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "run")
    build(other.path)
    store(other, REGISTER)
    record = FactRecord(name="Bucket", scope="account", actions=(), operations=())
    other.write_manifest(msgspec.structs.replace(other.read_manifest(), facts=(record,)))
    with pytest.raises(ConfigError, match="no table 'facts_trail'"):
        answered(other, "SELECT count(*) FROM facts_trail")
    assert answered(other, "SELECT count(*) FROM facts_bucket") == [(0,)]
    assert noted(other, "SELECT count(*) FROM facts_bucket")


def test_facts_of_a_package_that_is_not_installed_are_json(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "run")
    build(other.path)
    store(other, REGISTER)
    write_shards(other)

    class Thing(msgspec.Struct, tag=True):
        arn: str
        account_id: str
        region: str
        condition: dict[str, str]

    manifest = other.read_manifest()
    record = FactRecord(name="Thing", scope="account", actions=(), operations=())
    other.write_manifest(msgspec.structs.replace(manifest, facts=(record,)))
    from orgaudit.facts.shard import header_of  # noqa: PLC0415
    from orgaudit.store.run import write_lines  # noqa: PLC0415

    header = header_of(manifest.accounts[0], manifest.records[0])
    thing = Thing("arn:x", FIRST, REGION, {"sts:ExternalId": "hidden", "other": "seen"})
    write_lines(other.shard_path(FIRST), [header, thing])
    found = answered(other, "SELECT account_id, fact->>'$.condition' FROM facts_thing")
    assert found == [(FIRST, '{"sts:ExternalId":"***","other":"seen"}')]


def test_every_installed_type_makes_a_table_of_its_own() -> None:
    names = {facts.table_name(kind.__name__) for kind in load()}
    assert len(names) == len(load()) > 100
    assert {"facts_bucket", "facts_bucket_public_access_block", "facts_eks_cluster"} <= names


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (str, "VARCHAR"),
        (str | None, "VARCHAR"),
        (bool, "BOOLEAN"),
        (int | None, "BIGINT"),
        (datetime | None, "TIMESTAMP"),
        (tuple[str, ...], "VARCHAR[]"),
        (frozenset[str], "VARCHAR[]"),
        (dict[str, bool], "MAP(VARCHAR, BOOLEAN)"),
        (dict[str, tuple[str, ...]], "JSON"),
        (tuple[str, int], "JSON"),
        (str | int, "JSON"),
        (Any, "JSON"),
    ],
)
def test_types_of_values(annotation: object, kind: str) -> None:
    assert facts._sql(annotation) == kind
