"""Filter patterns on random input: what is said of kinds of events, held against single events and a second judge.

The patterns are the prescribed ones, changed: names dropped or put in another way, clauses added, halves split off. The
events are written here as CloudTrail's documentation shows them, not taken from what orgaudit holds to be certain.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import pytest

from orgaudit.languages.filter_pattern import (
    Event,
    EventCoverage,
    PatternError,
    event_coverage,
    parse_pattern,
    prescribed,
)
from tests.judges.filter_patterns import Matcher, UnreadableError, read

SEEDS = range(8)
SETS = 45
"""Sets of filters for each seed."""
READINGS = 1500
"""Texts that both are given to read, for each seed."""
MOST_EVENTS = 160

# Values that events may have beside those that the patterns name: each list has one that no pattern names.
REGIONS = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "qq-0"]
TYPES = ["Root", "IAMUser", "AssumedRole", "AWSService", "Q0"]
USERS = ["ann", "terraform-ci", "q0", None]
ERRORS = ["AccessDenied", "Client.UnauthorizedOperation", "Q0", None]
ADDRESSES = ["192.0.2.1", "delivery.logs.amazonaws.com", "0"]
ACCOUNTS = ["111111111111", "222222222222", "000000000000"]
VERSIONS = ["1.05", "1.08", "1.11"]
AGENTS = ["aws-cli/2.0 ann", "terraform", "Q/0", None]
PARAMETERS: list[Any] = [
    None,
    {"name": "main"},
    {"name": "terraform-ci", "tags": ["ann"]},
    {"CreateTrail": 3},
    {"tags": ["q"]},
]
POOLS: dict[str, Sequence[Any]] = {
    "$.awsRegion": REGIONS,
    "$.userIdentity.type": TYPES,
    "$.userIdentity.userName": USERS,
    "$.errorCode": ERRORS,
    "$.sourceIPAddress": ADDRESSES,
    "$.recipientAccountId": ACCOUNTS,
    "$.eventVersion": VERSIONS,
    "$.userAgent": AGENTS,
    "$.requestParameters": PARAMETERS,
}


def put(event: dict[str, Any], selector: str, value: Any) -> None:
    """Set a field; None leaves it out, but for requestParameters, which may be null."""
    *above, last = selector.removeprefix("$.").split(".")
    for name in above:
        event = event.setdefault(name, {})
    if value is not None or last == "requestParameters":
        event[last] = value


def basis(chosen: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {
        "eventTime": "2025-11-21T12:00:00Z",
        "eventID": "3fcfb182-98f8-4744-bd45-10a395ab61cb",
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "managementEvent": True,
        "responseElements": None,
    }
    for selector, value in chosen.items():
        put(event, selector, value)
    return event


def a_call(service: str) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    def build(name: str, chosen: dict[str, Any]) -> dict[str, Any]:
        return basis(chosen) | {"eventSource": f"{service}.amazonaws.com", "eventName": name, "readOnly": False}

    return build


def a_sign_in(name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    event = basis(chosen) | {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "readOnly": False}
    event["eventType"] = "AwsConsoleSignIn"
    failed = name == "failed sign-ins"
    event["responseElements"] = {"ConsoleLogin": "Failure" if failed else "Success"}
    event["additionalEventData"] = {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No"}
    if failed:
        event |= {"errorMessage": "Failed authentication"}
        event["additionalEventData"]["MFAUsed"] = "Yes" if chosen["$.awsRegion"] == "us-west-2" else "No"
    else:
        event["userIdentity"]["type"] = "IAMUser"
        event["additionalEventData"]["MFAUsed"] = "No"
    return event


def a_refused_call(name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    reads = chosen["$.awsRegion"] != "us-west-2"
    event = basis(chosen) | {"readOnly": reads, "eventName": "ListUsers" if reads else "CreateUser"}
    if event["sourceIPAddress"] == "delivery.logs.amazonaws.com":
        event["sourceIPAddress"] = "192.0.2.9"
    return event | {"eventSource": "iam.amazonaws.com", "errorCode": name.removeprefix("calls refused with ")}


def a_call_by_root(_: str, chosen: dict[str, Any]) -> dict[str, Any]:
    event = basis(chosen) | {"eventSource": "s3.amazonaws.com", "eventName": "GetObject"}
    event["userIdentity"] = {"type": "Root", "arn": "arn:aws:iam::111111111111:root"}
    if chosen["$.awsRegion"] == "us-west-2":
        return event | {"eventCategory": "Data", "managementEvent": False, "readOnly": True}
    if chosen["$.awsRegion"] == "eu-west-1":
        return event | {"eventName": "SwitchRegion", "eventType": "AwsConsoleAction"}
    return event | {"eventName": "CreateUser", "readOnly": False}


KINDS: list[tuple[tuple[Event, ...], Callable[[str, dict[str, Any]], dict[str, Any]], str]] = [
    (prescribed.CLOUDTRAIL_CHANGES, a_call("cloudtrail"), ""),
    (prescribed.KMS_KEY_REMOVALS, a_call("kms"), ""),
    (prescribed.CONFIG_CHANGES, a_call("config"), ""),
    (prescribed.NETWORK_GATEWAY_CHANGES, a_call("ec2"), ""),
    (
        prescribed.SIGN_IN_WITHOUT_MFA,
        a_sign_in,
        '$.eventName = ConsoleLogin && $.additionalEventData.MFAUsed != "Yes"',
    ),
    (prescribed.SIGN_IN_FAILURES, a_sign_in, '$.eventName = ConsoleLogin && $.errorMessage = "Failed *"'),
    (prescribed.UNAUTHORIZED_CALLS, a_refused_call, "$.errorCode = *UnauthorizedOperation || $.errorCode = Access*"),
    (prescribed.ROOT_USAGE, a_call_by_root, "$.userIdentity.type = Root && $.eventType != AwsServiceEvent"),
]


# Patterns


def a_name(name: str, chance: random.Random) -> str:
    forms = [
        name,
        f'"{name}"',
        f"{name[:4]}*",
        f"*{name[3:]}",
        f"%^{name}$%",
        f"%{name[1:-1]}%",
        name.lower(),
        f"{name}s",
    ]
    weights = [30, 10, 4, 4, 4, 2, 1, 1]
    return f"$.eventName = {chance.choices(forms, weights)[0]}"


def a_clause(chance: random.Random) -> tuple[str, str]:
    """A condition and one that may be its complement."""
    field = chance.choice([*POOLS][:-1])
    value = chance.choice([each for each in POOLS[field] if each][:-1])
    text = chance.choice(
        [f'"{value}"', f'"{value[:3]}*"', f'"*{value[-2:]}"', f"%^{value[:2]}%", '"*"', f"%{value[-1]}|x%"]
    )
    number = chance.choice(["1", "1.08", "5"])
    return chance.choices(
        [
            (f"{field} = {text}", f"{field} != {text}"),
            (f"{field} != {text}", f"{field} = {text}"),
            (f"{field} NOT EXISTS", f'{field} = "*"'),
            (f"{field} = {text} || {field} NOT EXISTS", f"{field} != {text}"),
            ("$.readOnly IS FALSE", "$.readOnly IS TRUE"),
            ("$.managementEvent IS TRUE", "$.eventCategory = Data"),
            (f"{field} >= {number}", f"{field} < {number}"),
            ("$.requestParameters.name = main", "$.requestParameters.name != main"),
            ("$.requestParameters.tags[0] = ann", "$.requestParameters.tags[0] NOT EXISTS"),
            ("$.* = us-east-1", "$.awsRegion != us-east-1"),
            ("$.userIdentity NOT EXISTS", "$.userIdentity.type = *"),
            ("$.eventType = AwsApiCall", "$.eventType != AwsApiCall"),
        ],
        [10, 6, 6, 6, 3, 2, 1, 1, 1, 1, 1, 2],
    )[0]


def a_text(names: list[str], chance: random.Random) -> str:
    quoted = [f'"{name}"' if chance.random() < 0.5 or not name.isalnum() else name for name in names]
    extra = chance.choice(["ann", "Root", "eventName", '"us-east-1"', "false", "cloudtrail", "terraform"])
    return chance.choice(
        [
            " ".join(f"?{name}" for name in quoted),
            " ".join(quoted),
            f"{quoted[0]} {extra}",
            f"{quoted[0]} -{extra}",
            f"-{quoted[0]}",
            f"%{'|'.join(names)}%",
            f"{' '.join(f'?{name}' for name in quoted)} {extra}",
            extra,
            f"%^.*{names[0]}%",
            " ".join(f"?{name.lower()}" for name in quoted),
            f"%^{'|^'.join(names)}%",
            f"%{'$|'.join(names)}$%",
            "",
        ]
    )


def some_filters(events: Sequence[Event], special: str, chance: random.Random) -> list[str]:
    """One to five filters about these events, most of them nearly right."""
    names = [event.name for event in events if special or chance.random() > 0.08] or [events[0].name]
    chance.shuffle(names)
    words = [name.split()[-1] for name in names]
    if chance.random() < 0.15:
        parts = [words[:1], words[1:]] if len(words) > 1 and chance.random() < 0.3 else [words]
        return [a_text(part, chance) for part in parts]
    joint = " || " if chance.random() > 0.05 else " && "
    right = special or joint.join(f"({a_name(name, chance)})" for name in names)
    halves = [right]
    for _ in range(chance.choice([0, 0, 1, 1, 1, 2])):
        clause, complement = a_clause(chance)
        if chance.random() < 0.2:
            complement = a_clause(chance)[chance.randrange(2)]
        split = [f"({half}) && ({clause})" for half in halves]
        if chance.random() < 0.75:
            split += [f"({complement}) && ({half})" for half in halves]
        halves = split if chance.random() < 0.85 else [f"{half} && {clause}" for half in halves]
    found = [f"{{ {half} }}" for half in halves] if chance.random() < 0.8 else [f"{{ ({') || ('.join(halves)}) }}"]
    if chance.random() < 0.3:
        found.append(f"{{ {a_clause(chance)[0]} }}")
    chance.shuffle(found)
    return found


# Events


def some_events(
    name: str, build: Callable[[str, dict[str, Any]], dict[str, Any]], texts: list[str], chance: random.Random
) -> Iterator[dict[str, Any]]:
    """Every combination of the fields that the filters name, or many; the other fields at random."""
    text = any(not each.lstrip().startswith("{") for each in texts)
    named = [field for field in POOLS if text or any(field in each or "$.*" in each for each in texts)]
    # Which account or region a kind has decides some of its fields.
    named = list(dict.fromkeys([*named, "$.awsRegion"]))
    pools = [POOLS[field] for field in named]
    whole = prod(map(len, pools)) <= MOST_EVENTS
    combinations = product(*pools) if whole else ([*map(chance.choice, pools)] for _ in range(MOST_EVENTS))
    for values in combinations:
        chosen = {field: chance.choice(pool) for field, pool in POOLS.items()} | dict(zip(named, values, strict=True))
        yield build(name, chosen)


def is_matched(filters: list[Matcher], event: dict[str, Any]) -> bool:
    return any(matches(event) is True for matches in filters)


def hold(found: EventCoverage, texts: list[str], group: int, chance: random.Random, counted: Counter[str]) -> None:
    events, build, _ = KINDS[group]
    filters = [read(text) for text in texts]
    for event in events:
        unmatched = next(
            (one for one in some_events(event.name, build, texts, chance) if not is_matched(filters, one)), None
        )
        if event.name in found.covered:
            assert unmatched is None, f"{event.name} is said to be covered by {texts}, but {unmatched} is not matched"
            counted["covered"] += 1
        elif any(not text.startswith("{") for text in texts):
            counted["text"] += 1  # what else an event's text may hold is endless
        elif event.name in found.missed:
            assert unmatched is not None, f"{event.name} is said to be missed by {texts}"
            counted["missed"] += 1
        else:
            counted["narrowed" if unmatched else "undecided"] += 1


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_covered_is_matched_event_by_event(seed: int) -> None:
    chance, counted = random.Random(seed), Counter[str]()  # noqa: S311  # no secret
    for _ in range(SETS):
        group = chance.randrange(len(KINDS))
        texts = some_filters(KINDS[group][0], KINDS[group][2], chance)
        hold(event_coverage([parse_pattern(text) for text in texts], KINDS[group][0]), texts, group, chance, counted)
    total = counted.total()
    assert counted["covered"] > total / 10, counted
    assert counted["missed"] + counted["narrowed"] > total / 10, counted
    assert counted["undecided"] <= total / 12, counted


TOKENS = [
    *[
        "{",
        "}",
        "(",
        ")",
        "$.a",
        "$.a.*",
        "$.['x y'].b",
        "$.a[0]",
        "$.a[*]",
        "$.a.[0]",
        "$",
        "=",
        "!=",
        ">",
        "<=",
        "==",
    ],
    *[
        "&&",
        "||",
        "IS",
        "NULL",
        "TRUE",
        "NOT",
        "EXISTS",
        "x*",
        '"y z"',
        "%z%",
        "%a|b{,2}%",
        "%(a)%",
        "%[a-c]+?%",
        "%a**%",
    ],
    *[
        "1",
        "-1e3",
        ".5",
        "1.",
        "?",
        "-",
        "ERROR",
        '?"a"',
        "-b",
        '"',
        "%",
        "[",
        "a.b",
        "'",
        "\\",
        "\n",
        "é",
        "%\\d\\x41%",
    ],
]


def a_reading(chance: random.Random) -> str:
    """A pattern, a pattern with a mistake, or a soup of what patterns are made of."""
    if chance.random() < 0.3:
        soup = chance.choice([" ", ""]).join(chance.choices(TOKENS, k=chance.randrange(1, 9)))
        return soup if chance.random() < 0.5 else f"{{ $.a = {soup} }}"
    events, _, special = chance.choice(KINDS)
    text = chance.choice(some_filters(events, special, chance))
    for _ in range(chance.choice([0, 1, 1, 2])):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(["", *TOKENS]) + text[at + chance.choice([0, 0, 1, 2]) :]
    return text


def is_readable(text: str, reader: Callable[[str], object], error: type[Exception]) -> bool:
    try:
        reader(text)
    except error:
        return False
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_both_read_the_same_patterns(seed: int) -> None:
    chance, counted = random.Random(seed), Counter[bool]()  # noqa: S311  # no secret
    for _ in range(READINGS):
        text = a_reading(chance)
        readable = is_readable(text, parse_pattern, PatternError)
        assert readable is is_readable(text, read, UnreadableError), repr(text)
        counted[readable] += 1
    assert min(counted[True], counted[False]) > READINGS / 10, counted
