"""Which accounts the stored runs know: the newest run of an organization decides, and nothing else stops the answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec

from orgaudit.model import Account
from orgaudit.store.known import known_accounts
from orgaudit.store.manifest import Manifest
from tests.synthetic_run import STARTED, build

SHOP = Account(id="111122223333", name="shop", ou_path="Root/Shop", ou_ids=("r-abcd", "ou-abcd-shop1234"))


def store(out: Path, name: str, days: int, *accounts: Account, organization: str | None = "o-one") -> Manifest:
    run = build(out / name, accounts=1, regions=1, controls=1)
    manifest = run.read_manifest()
    assert manifest.organization is not None
    record = None if organization is None else msgspec.structs.replace(manifest.organization, id=organization)
    changed = msgspec.structs.replace(
        manifest, organization=record, accounts=accounts, started_at=STARTED + timedelta(days=days)
    )
    run.write_manifest(changed)
    return changed


def named(name: str, account: Account = SHOP) -> Account:
    return msgspec.structs.replace(account, name=name)


def test_without_a_run_nothing_is_known(tmp_path: Path) -> None:
    assert known_accounts(tmp_path / "reports") is None
    (tmp_path / "latest").mkdir()
    assert known_accounts(tmp_path) is None


def test_the_newest_run_of_an_organization_says_which_accounts_it_has(tmp_path: Path) -> None:
    left = Account(id="444455556666", name="left")
    store(tmp_path, "z-older", 1, named("old name"), left)
    store(tmp_path, "a-newer", 2, named("new name"))
    store(tmp_path, "oldest", 0, left)
    assert known_accounts(tmp_path) == {SHOP.id: named("new name")}


def test_accounts_out_of_scope_are_known_too(tmp_path: Path) -> None:
    manifest = store(tmp_path, "r", 0)
    run = tmp_path / "r" / "run.json"
    run.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, out_of_scope=(SHOP,))))
    assert known_accounts(tmp_path) == {SHOP.id: SHOP}


def test_another_organization_and_accounts_without_one_are_known_beside_it(tmp_path: Path) -> None:
    other = Account(id="444455556666", name="other")
    alone = Account(id="777788889999", name="")
    store(tmp_path, "one", 0, SHOP)
    store(tmp_path, "two", 1, other, organization="o-two")
    store(tmp_path, "three", 2, alone, named(""), organization=None)
    assert known_accounts(tmp_path) == {SHOP.id: SHOP, other.id: other, alone.id: alone}


def test_a_run_that_cannot_be_read_knows_nothing_and_stops_nothing(tmp_path: Path) -> None:
    for name, content in (("half", b'{"schema_version": 1, "sta'), ("other", b"[]"), ("binary", b"\xff\xfe")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_bytes(content)
    assert known_accounts(tmp_path) is None
    newer = store(tmp_path, "version", 5)
    encoded = msgspec.json.encode(msgspec.structs.replace(newer, schema_version=99))
    (tmp_path / "version" / "run.json").write_bytes(encoded)
    store(tmp_path, "good", 0, SHOP)
    assert known_accounts(tmp_path) == {SHOP.id: SHOP}


def test_the_name_of_the_last_run_is_not_a_second_run(tmp_path: Path) -> None:
    store(tmp_path / "elsewhere", "r", 0, SHOP)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "latest").symlink_to(tmp_path / "elsewhere" / "r")
    assert known_accounts(tmp_path / "reports") is None
