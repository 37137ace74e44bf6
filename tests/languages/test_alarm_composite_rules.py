"""The rules of composite alarms: what is read, what is not, and what they say of possible states."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.languages.alarm import (
    ALARMED,
    ANY,
    CALM,
    RuleError,
    States,
    composite_states,
    mentioned,
    name_of,
    parse_rule,
)

OK, SHORT = frozenset({"OK"}), frozenset({"INSUFFICIENT_DATA"})
STATES: dict[str, States] = {"on": ALARMED, "off": OK, "short": SHORT, "calm": CALM, "any": ANY}


def holds(rule: str) -> bool | None:
    return parse_rule(rule).holds(lambda name: STATES[name]).value


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(on)", True),
        ('ALARM("on")', True),
        ("ALARM( 'on' )", True),
        ("ALARM(off)", False),
        ("ALARM(calm)", False),
        ("ALARM(any)", None),
        ("OK(off)", True),
        ("OK(calm)", None),
        ("INSUFFICIENT_DATA(short)", True),
        ("NOT ALARM(calm)", True),
        ("NOT ALARM(any)", None),
        ("NOT NOT ALARM(on)", True),
        ("ALARM(on) AND ALARM(off)", False),
        ("ALARM(on) AND ALARM(any)", None),
        ("ALARM(off) AND ALARM(any)", False),
        ("ALARM(on) OR ALARM(any)", True),
        ("ALARM(off) OR ALARM(any)", None),
        ("ALARM(off) OR ALARM(calm) OR ALARM(on)", True),
        ("ALARM(on) AND (ALARM(off) OR NOT ALARM(off))", True),
        ("(((ALARM(on))))", True),
        ("AT_LEAST(1, ALARM, (on))", True),
        ("AT_LEAST(2, ALARM, (on, off, calm))", False),
        ("AT_LEAST(2, ALARM, (on, off, any))", None),
        ("AT_LEAST(2, ALARM, (on, on, off))", True),
        ("AT_LEAST(2, NOT ALARM, (on, off, calm))", True),
        ("AT_LEAST(2, OK, (off, calm))", None),
        ("AT_LEAST(50%, ALARM, (on, off))", True),
        ("AT_LEAST(51%, ALARM, (on, off))", False),
        ("AT_LEAST(34%, ALARM, (on, off, off))", False),
        ("AT_LEAST(33%, ALARM, (on, off, off))", True),
        ('AT_LEAST(1,ALARM,("on","off")) AND ALARM(on)', True),
    ],
)
def test_what_a_rule_says(rule: str, value: bool | None) -> None:
    assert holds(rule) is value


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "ALARM",
        "ALARM()",
        "ALARM(a",
        "ALARM(a))",
        "ALARM(a) ALARM(b)",
        "ALARM(a) AND",
        "AND ALARM(a)",
        "ALARM(a) OR ALARM(b) AND ALARM(c)",
        "ALARM(a) AND ALARM(b) OR ALARM(c)",
        "ALARM(a) XOR ALARM(b)",
        "SOMETHING_NEW(a)",
        "AT_LEAST(0, ALARM, (a))",
        "AT_LEAST(x, ALARM, (a))",
        "AT_LEAST(1, BROKEN, (a))",
        "AT_LEAST(1, ALARM, ())",
        "AT_LEAST(1, ALARM, a)",
        'ALARM("a',
    ],
)
def test_what_is_not_understood(rule: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(rule)
    assert composite_states(rule, STATES.__getitem__) == ANY


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ('ALARM("black AND white")', ("black AND white",)),
        ("ALARM(two words)", ("two words",)),
        ('ALARM("a (b), c")', ("a (b), c",)),
        (r'ALARM("say \"hi\"")', ('say "hi"',)),
        ("OK(arn:aws:cloudwatch:eu-west-1:222222222222:alarm:plain)", ("plain",)),
        ("NOT ALARM(a) AND (OK(b) OR AT_LEAST(1, ALARM, (c, d)))", ("a", "b", "c", "d")),
        ("TRUE", ()),
    ],
)
def test_alarms_that_a_rule_mentions(rule: str, names: tuple[str, ...]) -> None:
    assert mentioned(rule, []) == names


def test_names_in_a_rule_that_is_not_understood() -> None:
    assert mentioned("SOMETHING_NEW(first)", ["first", "second"]) == ("first",)


def test_name_that_looks_like_part_of_an_arn() -> None:
    assert name_of("a:alarm:b") == "a:alarm:b"


def test_states_of_a_composite_alarm() -> None:
    found = [composite_states(f"ALARM({name})", STATES.__getitem__) for name in ("on", "off", "any")]
    assert found == [ALARMED, OK, ANY]


NAMES = ("a", "b", "c")
leaves = st.sampled_from(
    [f"{state}({name})" for state in sorted(ANY) for name in NAMES] + ["TRUE", "FALSE"]
) | st.builds(
    lambda least, state, names: f"AT_LEAST({least}, {state}, ({', '.join(names)}))",
    st.sampled_from(["1", "2", "60%"]),
    st.sampled_from([*sorted(ANY), "NOT ALARM"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
)
rules = st.recursive(
    leaves,
    lambda part: st.builds("NOT ({})".format, part)
    | st.builds(lambda word, parts: f" {word} ".join(map("({})".format, parts)), st.sampled_from(["AND", "OR"]),
                st.lists(part, min_size=2, max_size=3)),
    max_leaves=6,
)  # fmt: skip


@given(rules, st.fixed_dictionaries({name: st.sets(st.sampled_from(sorted(ANY)), min_size=1) for name in NAMES}))
def test_certain_is_what_holds_in_every_world(rule: str, possible: dict[str, set[str]]) -> None:
    """A rule that is said to hold, or not to, does so for every choice of the states that are possible."""
    said = parse_rule(rule).holds(lambda name: frozenset(possible[name])).value
    for world in product(*(sorted(possible[name]) for name in NAMES)):
        chosen = dict(zip(NAMES, world, strict=True))
        exact = parse_rule(rule).holds(lambda name, chosen=chosen: frozenset({chosen[name]})).value  # type: ignore[misc]
        assert exact is not None
        assert said in {None, exact}
