import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgaudit.model import Account, Finding, RequirementRef
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.match import Matcher, resource_names, specificity
from orgaudit.register.scope import ExceptionScope, Selection
from tests.register.making import ACCOUNT, ACCOUNTS, CONTROL, TRAIL, entry, finding


def ids(entries: Iterable[ExceptionEntry]) -> list[str]:
    return [it.id for it in entries]


def takes(scope: dict[str, Any], accounts: Mapping[str, Account] = ACCOUNTS, **changes: object) -> bool:
    return bool(Matcher([entry(scope=scope, broad=True)], accounts).matching(finding(**changes)))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"controls": [CONTROL]}, True),
        ({"controls": [CONTROL[:-1]]}, False),
        ({"controls": [CONTROL.upper()]}, False),
        ({"controls": ["cloudtrail_*"]}, True),
        ({"controls": ["trail_*"]}, False),
        ({"controls": ["regex:trail"]}, False),
        ({"controls": ["regex:x|.*_logging"]}, True),
        ({"controls": ["regex:cloudtrail|x"]}, False),
        ({"controls": ["cis_2.0:3.4"]}, True),
        ({"controls": ["cis_2.0:*"]}, True),
        ({"controls": ["cis_2.0:3"]}, False),
        ({"controls": ["cis_4.0:3.4"]}, False),
        ({"accounts": ["111122223333"]}, True),
        ({"accounts": ["1111*"]}, True),
        ({"accounts": ["444455556666"]}, False),
        ({"ous": ["Root/Workloads"]}, True),
        ({"ous": ["Root/Workloads/Shop"]}, True),
        ({"ous": ["Root/Work"]}, False),
        ({"ous": ["Workloads"]}, False),
        ({"ous": ["ou-abcd-work"]}, True),
        ({"ous": ["ou-*"]}, True),
        ({"ous": ["ou-abcd-othe"]}, False),
        ({"account_tags": {"stage": "prod*"}}, True),
        ({"account_tags": {"stage": "prod"}}, False),
        ({"account_tags": {"stage": "prod*", "team": "other"}}, False),
        ({"account_tags": {"gone": "*"}}, False),
        ({"regions": ["eu-*"]}, True),
        ({"regions": ["eu"]}, False),
        ({"resources": [TRAIL]}, True),
        ({"resources": ["main"]}, True),
        ({"resources": ["trail"]}, False),
        ({"resources": ["*:trail/main"]}, True),
        ({"resources": ["other", "mai?"]}, True),
        ({"resource_tags": {"app": "shop"}}, True),
        ({"resource_tags": {"app": "bank"}}, False),
        ({"controls": [CONTROL], "regions": ["us-*"]}, False),
        ({"ous": ["Root"], "except": {"accounts": ["111122223333"]}}, False),
        ({"ous": ["Root"], "except": {"accounts": ["444455556666"]}}, True),
        ({"ous": ["Root"], "except": {"accounts": ["111122223333"], "regions": ["us-*"]}}, True),
        ({"ous": ["Root"], "except": {"controls": ["cis_2.0:3.4"], "resources": ["main"]}}, False),
    ],
)
def test_a_scope_matches_whole_values_and_every_key(scope: dict[str, Any], expected: bool) -> None:
    assert takes(scope) is expected


@pytest.mark.parametrize("scope", [{"ous": ["*"]}, {"account_tags": {"stage": "*"}}])
def test_what_is_not_known_of_an_account_matches_nothing(scope: dict[str, Any]) -> None:
    assert not takes(scope, accounts={})
    assert not takes(scope, accounts={ACCOUNT.id: Account(id=ACCOUNT.id, name="shop", tags=None)})


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        (TRAIL, {TRAIL, "main"}),
        ("arn:aws:s3:::bucket", {"arn:aws:s3:::bucket", "bucket"}),
        ("arn:aws:iam::1:role/path/app", {"arn:aws:iam::1:role/path/app", "path/app", "app"}),
        ("arn:aws:logs:eu-west-1:1:log-group:/a/b:*", {"arn:aws:logs:eu-west-1:1:log-group:/a/b:*", "/a/b"}),
        ("sg-1", {"sg-1"}),
    ],
)
def test_a_resource_answers_to_its_arn_and_its_name(resource: str, names: set[str]) -> None:
    assert set(resource_names(resource)) == names


def test_the_most_specific_comes_first_and_ids_decide_ties() -> None:
    scopes: list[dict[str, Any]] = [
        {"controls": ["cloudtrail_*"]},
        {"controls": [CONTROL]},
        {"controls": [CONTROL], "regions": ["eu-west-1"]},
        {"controls": [CONTROL], "ous": ["Root/Workloads"]},
        {"controls": [CONTROL], "accounts": [ACCOUNT.id]},
        {"controls": [CONTROL], "accounts": [ACCOUNT.id], "except": {"regions": ["us-*"]}},
        {"resources": ["ma*"]},
        {"resources": ["main"]},
        {"resources": ["main"]},
    ]
    entries = [entry(id=f"EXC-2025-000{9 - n}", scope=scope, broad=True) for n, scope in enumerate(scopes)]
    ordered = Matcher(entries, ACCOUNTS).matching(finding())
    assert ids(ordered) == [f"EXC-2025-000{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9)]


def naive(scope: Selection, it: Finding, accounts: Mapping[str, Account]) -> bool:
    """Judge by the words of REGISTER.md, one key after the other, without any preparation."""

    def any_of(patterns: Iterable[str] | None, values: Iterable[str]) -> bool:
        return patterns is None or any(
            re.fullmatch(p[6:], v) is not None if p.startswith("regex:") else fnmatch.fnmatchcase(v, p)
            for p in patterns
            for v in values
        )

    def tagged(wanted: Mapping[str, str] | None, tags: Mapping[str, str] | None) -> bool:
        return wanted is None or (
            tags is not None and all(k in tags and any_of([p], [tags[k]]) for k, p in wanted.items())
        )

    account = accounts.get(it.account_id)
    path = account.ou_path.split("/") if account and account.ou_path else []
    units = [*(account.ou_ids if account else ()), *("/".join(path[: n + 1]) for n in range(len(path)))]
    chosen = (
        any_of(scope.controls, [it.control, *(f"{r.framework}:{r.id}" for r in it.requirements)])
        and any_of(scope.accounts, [it.account_id])
        and any_of(scope.ous, units)
        and tagged(scope.account_tags, account.tags if account else None)
        and any_of(scope.regions, [it.region])
        and any_of(scope.resources, resource_names(it.resource))
        and tagged(scope.resource_tags, it.resource_tags)
    )
    exclusion = getattr(scope, "exclusion", None)
    return chosen and not (exclusion is not None and naive(exclusion, it, accounts))


ACCOUNT_IDS = ["000000000001", "000000000002", "000000000003"]
TAGS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "xy"]), max_size=2)
TAG_PATTERNS = st.dictionaries(
    st.sampled_from(["a", "b"]), st.sampled_from(["x", "*", "x*", "regex:x|y"]), min_size=1, max_size=2
)


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


KEYS = {
    "controls": some("s3_a", "s3_b", "s3_*", "iam_?", "f:1", "f:*", "regex:.*_a"),
    "accounts": some(*ACCOUNT_IDS, "*1", "regex:0+[23]"),
    "ous": some("Root", "Root/A", "Root/A/B", "ou-1", "ou-*", "*B"),
    "account_tags": TAG_PATTERNS,
    "regions": some("eu-1", "us-1", "eu-*"),
    "resources": some("arn:aws:s3:::x", "x", "y", "arn:*", "?", "regex:[xz]"),
    "resource_tags": TAG_PATTERNS,
}
CHOICES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=KEYS).filter(bool)
SCOPES = st.builds(lambda chosen, out: chosen | ({"except": out} if out else {}), CHOICES, st.none() | CHOICES)
ENTRIES = st.lists(SCOPES, max_size=8).map(
    lambda scopes: [entry(id=f"EXC-2025-{n:04}", scope=scope, broad=True) for n, scope in enumerate(scopes)]
)
FINDINGS = st.builds(
    finding,
    control=st.sampled_from(["s3_a", "s3_b", "iam_a"]),
    account_id=st.sampled_from([*ACCOUNT_IDS, "000000000009"]),
    region=st.sampled_from(["eu-1", "us-1"]),
    resource=st.sampled_from(["arn:aws:s3:::x", "arn:aws:ec2:eu-1:1:vpc/y", "x", "z", ""]),
    resource_tags=TAGS,
    requirements=st.lists(st.sampled_from([RequirementRef("f", "1"), RequirementRef("g", "1")]), max_size=2),
)
ORGANIZATIONS = st.fixed_dictionaries(
    {
        name: st.builds(
            Account,
            id=st.just(name),
            name=st.just(name),
            ou_path=st.sampled_from(["", "Root", "Root/A", "Root/A/B"]),
            ou_ids=st.sampled_from([(), ("r-1",), ("r-1", "ou-1")]),
            tags=st.none() | TAGS,
        )
        for name in ACCOUNT_IDS
    }
)


@settings(max_examples=300, deadline=None)
@given(ENTRIES, st.lists(FINDINGS, min_size=1, max_size=8), ORGANIZATIONS)
def test_the_indexes_change_nothing(
    entries: list[ExceptionEntry], findings: list[Finding], accounts: dict[str, Account]
) -> None:
    matcher = Matcher(entries, accounts)
    for it in [*findings, *findings]:
        expected = [one for one in entries if naive(one.scope, it, accounts)]
        expected.sort(key=lambda one: one.id)
        expected.sort(key=lambda one: specificity(one.scope), reverse=True)
        assert ids(matcher.matching(it)) == ids(expected)


def test_a_scope_reads_as_a_line() -> None:
    scope = ExceptionScope.model_validate(
        {"controls": ["a", "b"], "account_tags": {"t": "x*"}, "except": {"regions": ["eu-1"]}}
    )
    assert str(scope) == "controls: a, b; account_tags: t=x*; except (regions: eu-1)"


RENAMED = {"trail_logging_old": CONTROL, "s3_old": "s3_bucket_versioned"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"controls": ["trail_logging_old"]}, True),
        ({"controls": ["s3_old"]}, False),
        ({"controls": ["trail_logging_*"]}, False),
        ({"controls": ["s3_old", "trail_logging_old"], "regions": ["eu-*"]}, True),
        ({"controls": ["cloudtrail_*"], "except": {"controls": ["trail_logging_old"]}}, False),
        ({"controls": ["cloudtrail_*"], "except": {"controls": ["s3_old"]}}, True),
    ],
)
def test_the_old_id_of_a_renamed_control_matches_the_new(scope: dict[str, Any], expected: bool) -> None:
    matcher = Matcher([entry(scope=scope, broad=True)], ACCOUNTS, RENAMED)
    assert bool(matcher.matching(finding())) is expected
    names = scope["controls"][0] == "cloudtrail_*" or "trail_logging_old" in scope["controls"]
    assert bool(matcher.reaching((CONTROL,), ACCOUNT.id)) is (names and expected)


def test_the_old_id_still_matches_findings_of_before_the_renaming() -> None:
    before = finding(control="trail_logging_old")
    old = entry(scope={"controls": ["trail_logging_old"], "accounts": [ACCOUNT.id]})
    assert Matcher([old], ACCOUNTS, RENAMED).matching(before) == [old]


FILES = {CONTROL: ("soc2:CC7.2",)}


@pytest.mark.parametrize(
    ("scope", "matched"),
    [
        ({"controls": ["soc2:CC7.2"]}, True),
        ({"controls": ["soc2:*"]}, True),
        ({"controls": ["regex:soc.*2"]}, True),
        ({"controls": ["soc2:CC7.1"]}, False),
        ({"controls": ["own:1"]}, True),
        ({"controls": ["own:1"], "except": {"controls": ["soc2:CC7.2"]}}, False),
    ],
)
@pytest.mark.parametrize("control", [CONTROL, "trail_old"])
def test_a_scope_may_name_a_requirement_that_the_finding_does_not_carry(
    control: str, scope: dict[str, Any], *, matched: bool
) -> None:
    matcher = Matcher([entry(scope=scope, broad=True)], ACCOUNTS, {"trail_old": CONTROL}, requirements=FILES)
    found = finding(control=control, requirements=[RequirementRef("own", "1")])
    assert [bool(matcher.matching(found)) for _ in range(2)] == [matched, matched]


def test_findings_of_one_control_with_other_requirements_are_kept_apart() -> None:
    matcher = Matcher([entry(scope={"controls": ["own:1"]}, broad=True)], ACCOUNTS, requirements=FILES)
    answers = [
        bool(matcher.matching(finding(requirements=[RequirementRef("own", number)]))) for number in ("1", "2", "1")
    ]
    assert answers == [True, False, True]
