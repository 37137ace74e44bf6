"""Who owns an account and a finding: the order of precedence, and how rows find their accounts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.errors import ConfigError
from orgaudit.model import Account, Finding, Severity, Status
from orgaudit.organization.owners import Ownership, check_owners, ownership_of, tag_of, with_owners
from orgaudit.settings.people import Owner, OwnershipRecord, People, identity
from orgaudit.settings.settings import Settings, load

SHOP, BANK, LOST = "011122223333", "111122224444", "111122225555"
IDS = ("r-abcd", "ou-abcd-work", "ou-abcd-shop")
UNITS = {"Root": IDS[:1], "Root/Work": IDS[:2], "Root/Work/Shop": IDS, "Root/Other": (IDS[0], "ou-abcd-othr")}


def account(name: str, account_id: str, path: str = "Root/Work/Shop", **tags: str) -> Account:
    return Account(id=account_id, name=name, ou_path=path, ou_ids=UNITS[path], tags=tags)


def finding(account_id: str = SHOP, inherited: str | None = None, **tags: str) -> Finding:
    return Finding(
        fingerprint="f",
        control="c",
        title="t",
        severity=Severity.LOW,
        status=Status.FAIL,
        reason="r",
        account_id=account_id,
        account_name="",
        ou_path="",
        region="global",
        resource="x",
        resource_type="X",
        resource_tags=tags,
        requirements=[],
        evidence={},
        remediation=None,
        inherited_from=inherited,
        assessed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def settings(directory: Path, rows: str = "", table: str = "") -> Settings:
    (directory / "orgaudit.toml").write_text(f"[ownership]\n{table}\n")
    (directory / "owners.csv").write_text(f"account,unit,owner,mail,environment\n{rows}")
    return load(directory / "orgaudit.toml", {}, {})


def owned(directory: Path, accounts: list[Account], rows: str = "", table: str = "") -> Ownership:
    record, unused = ownership_of(settings(directory, rows, table), accounts)
    assert unused == []
    return Ownership(record)


def test_the_first_that_exists_counts(tmp_path: Path) -> None:
    rows = f"{SHOP},,Row,,\n,Root,Top,,\n,Root/Work,Near,,\n"
    accounts = [account("shop", SHOP, owner="Tag"), account("bank", BANK, owner="Tag"), account("lost", LOST)]
    found = owned(tmp_path, accounts, rows)
    assert str(found.owner_of(finding(SHOP, owner="Resource"))) == "Resource"
    assert [str(found.owner_of(finding(each.id))) for each in accounts] == ["Row", "Tag", "Near"]
    assert not owned(tmp_path, [account("lost", LOST)]).owner_of(finding(LOST))


def test_an_inherited_finding_belongs_to_the_account_where_the_resource_lives(tmp_path: Path) -> None:
    accounts = [account("shop", SHOP, owner="Shop"), account("logs", BANK, owner="Logs")]
    found = owned(tmp_path, accounts)
    copied = finding(SHOP, inherited=BANK, owner="Of the copy")
    elsewhere = finding(SHOP, inherited=LOST)
    own = finding(SHOP)
    assert [each.owner for each in with_owners([copied, elsewhere, own], found)] == ["Logs", "", "Shop"]


def test_each_unit_gives_what_the_nearer_ones_leave_open(tmp_path: Path) -> None:
    rows = ",r-abcd,Top,top@example.com,all\n,Root/Work,,,work\n,ou-abcd-shop,Shop,,\n"
    found = owned(tmp_path, [account("shop", SHOP)], rows)
    assert str(found.account_owner(SHOP)) == "Shop"
    assert (found.contact_of(SHOP), found.environment_of(SHOP)) == ("top@example.com", "work")


def test_one_person_is_one_mail_in_lower_case(tmp_path: Path) -> None:
    rows = f"{SHOP},,Jo Okafor,Jo@Example.com,\n{BANK},,JO@example.com,,\n"
    accounts = [account("shop", SHOP), account("bank", BANK), account("lost", LOST, owner="jo okafor")]
    found = owned(tmp_path, accounts, rows)
    owners = [str(found.account_owner(each.id)) for each in accounts]
    owners.append(str(found.owner_of(finding(SHOP, owner="jO@EXAMPLE.com"))))
    assert owners == ["Jo Okafor <jo@example.com>"] * 4
    assert {identity(owner) for owner in owners} == {"jo@example.com"}


def test_a_name_that_two_addresses_have_is_not_completed() -> None:
    people = People({"jo@a.example": "Jo", "jo@b.example": "Jo"})
    assert people.complete(Owner("Jo")) == Owner("Jo")
    assert people.person("Jo") == "Jo"
    assert people.person("Jo <a@") == "Jo <a@"


def test_the_contact_beside_an_owner_is_the_mail_of_a_name_without_one(tmp_path: Path) -> None:
    shop = account("shop", SHOP, owner="Payments", contact="Pay@example.com", ENV="prod")
    found = owned(tmp_path, [shop, account("bank", BANK, contact="bank@example.com")])
    assert str(found.account_owner(SHOP)) == "Payments <pay@example.com>"
    assert (found.contact_of(SHOP), found.environment_of(SHOP)) == ("Pay@example.com", "prod")
    assert (
        str(found.owner_of(finding(BANK, Owner="Ledger", CONTACT="LEDGER@example.com")))
        == "Ledger <ledger@example.com>"
    )
    assert [each.owner for each in found.record.accounts] == ["Payments <pay@example.com>", ""]
    assert found.contact_of(BANK) == "bank@example.com"


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ({"owner": "a", "Owner": "b"}, "a"),
        ({"OWNER": "c", "Owner": "b"}, "c"),
        ({"owner": " ", "Owner": "b"}, "b"),
        ({"Team": "d"}, "d"),
        ({"team": "e", "OWNER": "c"}, "c"),
        ({"ownership": "f"}, ""),
        ({"owner": "two \n words"}, "two words"),
    ],
)
def test_keys_are_matched_as_written_and_then_in_any_case(tags: dict[str, str], value: str) -> None:
    assert tag_of(tags, ("owner", "team")) == value


def test_a_record_survives_without_the_file(tmp_path: Path) -> None:
    table = "audit_team = 'audit@example.com'\nowner_tags = ['team']"
    found = owned(tmp_path, [account("shop", SHOP)], f"{SHOP},,Jo,jo@example.com,prod\n", table)
    (tmp_path / "owners.csv").unlink()
    again = Ownership(found.record)
    assert str(again.owner_of(finding(SHOP))) == "Jo <jo@example.com>"
    assert str(again.owner_of(finding(SHOP, team="jo"))) == "Jo <jo@example.com>"
    assert (found.record.audit_team, found.record.file) == ("audit@example.com", "owners.csv")
    assert not Ownership(OwnershipRecord()).owner_of(finding(SHOP, owner="Jo"))


NAMED = [account("Shop", SHOP), account("Bank", BANK, "Root/Work"), account("Bank", LOST, "Root/Other")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Shpo,,Jo,,", "account: the organization has no account 'Shpo'; did you mean Shop?"),
        ("011122223334,,Jo,,", "account: the organization has no account '011122223334'; did you mean 011122223333?"),
        (",Root/Wrok,Jo,,", "unit: no account is in a unit 'Root/Wrok'; did you mean Root/Work?"),
        ("Shop,Root/Wrok,Jo,,", "unit: no account is in a unit 'Root/Wrok'"),
        ("bank,,Jo,,", f"account: 2 accounts are called 'bank'; write the id: {BANK}, {LOST}"),
        ("bank,Root/Work/Shop,Jo,,", "account: 2 accounts are called 'bank'"),
        (f"{SHOP},Root/Other,Jo,,", f"unit: account {SHOP} is in Root/Work/Shop and not in Root/Other; correct"),
    ],
)
def test_a_name_that_matches_nothing_is_refused(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_owners(settings(tmp_path, f"{row}\n"), NAMED)
    assert raised.value.line == 2
    assert words in str(raised.value)


def test_a_name_and_an_id_of_one_account_are_two_rows_for_it(tmp_path: Path) -> None:
    chosen = settings(tmp_path, f"shop,,Jo,,\n{SHOP},,Al,,\n,Root/Work,Jo,,\n,ou-abcd-work,Al,,\n,Roto,Jo,,\n")
    with pytest.raises(ConfigError) as raised:
        check_owners(chosen, NAMED[:1])
    lines = str(raised.value).splitlines()
    assert ["owners.csv:3: account: is there twice, first on line 2" in lines[0], len(lines)] == [True, 3]
    assert "owners.csv:5: unit: is there twice, first on line 4" in lines[1]
    assert "owners.csv:6: unit: no account is in a unit 'Roto'" in lines[2]


def test_a_unit_tells_accounts_of_one_name_apart(tmp_path: Path) -> None:
    found = owned(tmp_path, NAMED, "bank,Root/Other,Jo,,\nSHOP,Root,Al,,\n")
    assert [str(found.account_owner(each.id)) for each in NAMED] == ["Al", "", "Jo"]


def test_what_could_not_be_read_refuses_no_name(tmp_path: Path) -> None:
    chosen = settings(tmp_path, f"{BANK},,Jo,,\nshop,,Al,,\n,Root/Work,Ann,,\n")
    check_owners(chosen, [Account(id=SHOP, name="")])
    unread = [Account(id=SHOP, name="shop"), Account(id=BANK, name="bank", ou_path="Root")]
    check_owners(chosen, unread)


def test_an_older_run_takes_the_rows_that_it_knows(tmp_path: Path) -> None:
    rows = f"{SHOP},,Jo,,\nnewer,,Al,,\n,Root/Newer,Al,,\n"
    record, unused = ownership_of(settings(tmp_path, rows), [account("shop", SHOP)])
    assert [each.owner for each in record.accounts] == ["Jo"]
    assert [problem.line for problem in unused] == [3, 4]


def test_the_name_of_a_unit_may_hold_a_slash(tmp_path: Path) -> None:
    odd = Account(id=SHOP, name="shop", ou_path="Root/Dev/Test", ou_ids=IDS[:2])
    for unit in ("Root/Dev/Test", *IDS[:2]):
        assert str(owned(tmp_path, [odd], f",{unit},Jo,,\n").account_owner(SHOP)) == "Jo"


@dataclass(frozen=True)
class Case:
    resource: dict[str, str]
    tags: dict[str, str] | None
    row: tuple[str, str, str] | None
    units: tuple[tuple[str, str, str] | None, ...]
    by_id: tuple[bool, ...]
    depth: int


def judged(case: Case) -> tuple[str, str]:
    """Return the owner of a finding and the environment of its account, by one walk over what is written down."""
    near_first = [each for each in reversed(case.units[: case.depth]) if each]
    account_tags = case.tags or {}
    places = [
        ("", "", ""),
        case.row or ("", "", ""),
        (_tag(account_tags, "owner"), "", _tag(account_tags, "environment")),
        *near_first,
    ]
    places[0] = (_tag(case.resource, "owner"), "", "")
    owner = next((_joined(name, mail) for name, mail, _ in places if name or mail), "")
    return owner, next((environment for _, _, environment in places[1:] if environment), "")


def _tag(tags: dict[str, str], key: str) -> str:
    for name in (key, key.upper(), key.capitalize()):
        if tags.get(name, "").strip():
            return tags[name].strip()
    return ""


def _joined(name: str, mail: str) -> str:
    return f"{name} <{mail.lower()}>" if name and mail else name or mail.lower()


# Each source has names and addresses of its own, so that nothing is completed by what another row knows.
TAGS = st.dictionaries(
    st.sampled_from(["owner", "OWNER", "Owner", "environment", "ENVIRONMENT", "other"]),
    st.sampled_from(["", " ", "Tag A", "tag-b"]),
    max_size=4,
)


def rows_of(source: str) -> st.SearchStrategy[tuple[str, str, str]]:
    values = product(("", source), ("", f"{source}@Example.com"), ("", f"{source} env"))
    return st.sampled_from([each for each in values if any(each)])


CASES = st.builds(
    Case,
    resource=TAGS,
    tags=st.none() | TAGS,
    row=st.none() | rows_of("row"),
    units=st.tuples(*(st.none() | rows_of(f"unit{depth}") for depth in range(3))),
    by_id=st.tuples(*[st.booleans()] * 3),
    depth=st.integers(1, 3),
)


@given(CASES)
def test_the_order_is_that_of_an_independent_judge(case: Case) -> None:
    paths = ("Root", "Root/Work", "Root/Work/Shop")
    shop = Account(id=SHOP, name="shop", ou_path=paths[case.depth - 1], ou_ids=IDS[: case.depth], tags=case.tags)
    deepest = Account(id=BANK, name="bank", ou_path=paths[-1], ou_ids=IDS)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if case.row:
        table.writerow((SHOP, "", *case.row))
    for depth, row in enumerate(case.units):
        if row:
            table.writerow(("", IDS[depth] if case.by_id[depth] else paths[depth], *row))
    with TemporaryDirectory() as directory:
        found = owned(Path(directory), [shop, deepest], text.getvalue(), "environment_tags = ['environment']")
    expected = judged(case)
    assert (str(found.owner_of(finding(SHOP, **case.resource))), found.environment_of(SHOP)) == expected
