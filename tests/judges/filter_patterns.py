"""A second reader and matcher of filter patterns, to hold orgaudit's against.

It shares no code with it and goes about it in another way: it reads characters by operator precedence, with two stacks
and no tree, and matches one concrete JSON event at a time. The language is that of
docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html. What the page leaves open is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Verdict: TypeAlias = bool | None
Matcher: TypeAlias = Callable[[Any], Verdict]

MISSING = object()
WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
NAME = WORD | {"-"}
BARE = NAME | set(".*:/@#+,;?~")
DEEPEST = 60


class UnreadableError(ValueError):
    """The text is not a pattern of this language."""


def read(text: str) -> Matcher:
    """Return the function that decides whether the pattern matches an event, a parsed JSON object."""
    body = text.strip()
    if body[:1] == "{":
        return Json(body).matcher()
    if body[:1] == "[":
        raise UnreadableError("space-delimited")
    if body[:1] == "%":
        if len(body) < 2 or body[-1] != "%" or "%" in body[1:-1]:
            raise UnreadableError("not one regular expression")
        expression = compiled(body[1:-1])
        return lambda event: agreed(expression.search(each) is not None for each in written(event))
    return terms(body)


# An event as text


def written(event: Any) -> list[str]:
    """The ways in which a JSON writer may write an event; the page does not say which one CloudTrail has."""
    compact = json.dumps(event, separators=(",", ":"))
    return [compact, json.dumps(event, separators=(", ", " : ")), compact.replace("/", "\\/")]


def agreed(found: Iterator[bool]) -> Verdict:
    seen = set(found)
    return seen.pop() if len(seen) == 1 else None


def terms(body: str) -> Matcher:
    wanted: list[tuple[str, str]] = []
    rest = body
    while rest:
        mark = rest[0] if rest[0] in "?-" else ""
        rest = rest[1:].lstrip() if mark == "-" else rest[len(mark) :]
        if rest[:1] == '"':
            term, rest = string(rest)
        else:
            length = next((at for at, letter in enumerate(rest) if letter not in WORD), len(rest))
            term, rest = rest[:length], rest[length:]
            if not term:
                raise UnreadableError("no term")
        if rest and not rest[0].isspace():
            raise UnreadableError("terms that touch")
        wanted.append((mark, "" if term.isspace() else term))
        rest = rest.lstrip()
    firm = [(mark, term) for mark, term in wanted if mark != "?"]

    def holds(text: str) -> bool:
        if firm or not wanted:
            return all((term in text) is (mark == "") for mark, term in firm)
        return any(term in text for _, term in wanted)

    return lambda event: agreed(map(holds, written(event)))


def string(text: str) -> tuple[str, str]:
    """The contents of the quoted string that a text begins with, and what follows it."""
    out, at = "", 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            if at + 1 == len(text):
                break
            out += text[at + 1] if text[at + 1] in '"\\' else text[at : at + 2]
            at += 2
        else:
            out += text[at]
            at += 1
    if at >= len(text) or text[at] != '"':
        raise UnreadableError("a string without an end")
    return out, text[at + 1 :]


# Regular expressions


def compiled(source: str) -> re.Pattern[str]:
    """Python's expression for a documented one: no groups, no backreferences, one repetition behind each character."""
    at, repeatable = 0, False
    while at < len(source):
        letter = source[at]
        if letter in "()]}":
            raise UnreadableError(f"{letter} in a regular expression")
        if letter in "|^$":
            at, repeatable = at + 1, False
        elif letter in "*+?{":
            if not repeatable:
                raise UnreadableError("nothing to repeat")
            at, repeatable = repetition(source, at), False
        elif letter == "[":
            at, repeatable = bracket(source, at), True
        else:
            at, repeatable = (escape(source, at) if letter == "\\" else at + 1), True
    try:
        return re.compile(source, re.ASCII)
    except (re.error, OverflowError) as error:
        raise UnreadableError(str(error)) from error


def repetition(source: str, at: int) -> int:
    if source[at] == "{":
        end = source.find("}", at)
        bounds = source[at + 1 : end].split(",") if end > 0 else []
        digits = [each for each in bounds if each]
        if len(bounds) not in {1, 2} or not digits or not all(re.fullmatch("[0-9]{1,9}", each) for each in digits):
            raise UnreadableError("a repetition without numbers")
        if len(digits) == 2 and int(digits[0]) > int(digits[1]):
            raise UnreadableError("a repetition that counts downwards")
        at = end
    at += 1
    return at + 1 if source[at : at + 1] == "?" else at


def escape(source: str, at: int) -> int:
    letter = source[at + 1 : at + 2]
    if letter == "x":
        if not re.fullmatch("[0-9A-Fa-f]{2}", source[at + 2 : at + 4]):
            raise UnreadableError("not two hexadecimal digits")
        return at + 4
    if not letter or (letter.isalnum() and letter.isascii() and letter not in "dDsSwWtnrfv"):
        raise UnreadableError("an escape that is not documented")
    return at + 2


def bracket(source: str, at: int) -> int:
    start = at = at + 1
    if source[at : at + 1] == "^":
        start = at = at + 1
    while at < len(source) and source[at] != "]":
        if source[at] == "[" or (source[at] == "^" and at == start):
            raise UnreadableError("a class that is not documented")
        at += 2 if source[at] == "\\" else 1
    if at >= len(source) or at == start or any(pair in source[start - 1 : at] for pair in ("--", "&&", "||", "~~")):
        raise UnreadableError("a class that is not documented")
    return at + 1


# JSON


class Json:
    """The characters of a pattern in braces, read by precedence: && before ||, brackets before both."""

    def __init__(self, text: str) -> None:
        if len(text) < 2 or text[-1] != "}":
            raise UnreadableError("no closing brace")
        self.rest = text[1:-1].strip()
        self.values: list[Matcher] = []
        self.marks: list[str] = []

    def matcher(self) -> Matcher:
        operand = True
        while self.rest:
            operand = self.operand() if operand else self.operator()
        if operand:
            raise UnreadableError("a condition is missing")
        self.reduce(until=None)
        (found,) = self.values
        return found

    def operand(self) -> bool:
        """Read an opening bracket or a condition; returns whether one more has to follow."""
        if self.take("("):
            self.marks.append("(")
            if self.marks.count("(") > DEEPEST:
                raise UnreadableError("too deep")
            return True
        self.values.append(self.condition())
        return False

    def operator(self) -> bool:
        if self.take(")"):
            self.reduce(until="(")
            return False
        mark = next((each for each in ("&&", "||") if self.take(each)), None)
        if mark is None:
            raise UnreadableError("neither && nor ||")
        while self.marks[-1:] == ["&&"] or self.marks[-1:] == ["||"] == [mark]:
            self.combine()
        self.marks.append(mark)
        return True

    def reduce(self, until: str | None) -> None:
        while self.marks and self.marks[-1] != "(":
            self.combine()
        if (self.marks[-1:] == ["("]) is not (until == "("):
            raise UnreadableError("brackets that do not match")
        if until:
            self.marks.pop()

    def combine(self) -> None:
        right, left, mark = self.values.pop(), self.values.pop(), self.marks.pop()

        def both(event: Any) -> Verdict:
            deciding = mark == "||"
            one, other = left(event), right(event)
            if one is deciding or other is deciding:
                return deciding
            return None if one is None or other is None else not deciding

        self.values.append(both)

    def take(self, text: str) -> bool:
        if not self.rest.startswith(text):
            return False
        self.rest = self.rest[len(text) :].lstrip()
        return True

    def run(self, letters: frozenset[str] | set[str]) -> str:
        length = next((at for at, letter in enumerate(self.rest) if letter not in letters), len(self.rest))
        found, self.rest = self.rest[:length], self.rest[length:]
        return found

    def word(self) -> str:
        found = self.run(BARE)
        self.rest = self.rest.lstrip()
        return found

    def condition(self) -> Matcher:
        path = self.path()
        if self.rest[:1] in BARE:
            return self.keyword(path, self.word())
        mark = next((each for each in ("!=", ">=", "<=", "=", ">", "<") if self.take(each)), None)
        if mark is None:
            raise UnreadableError("no comparison")
        test, numeric = self.value(mark)
        if mark not in {"=", "!="} and not numeric:
            raise UnreadableError("an order of texts")
        if is_wild(path) and mark != "=":
            return lambda event: None
        return lambda event: anyone([compared(mark, test, each) for each in at_path(event, path)])

    def keyword(self, path: list[str | int], keyword: str) -> Matcher:
        other = self.word()
        if (keyword, other) == ("NOT", "EXISTS"):
            return lambda event: None if is_wild(path) else next(at_path(event, path)) is MISSING
        constants = {"TRUE": True, "FALSE": False, "NULL": None}
        if keyword != "IS" or other not in constants:
            raise UnreadableError("an unknown keyword")
        return lambda event: anyone([each is constants[other] for each in at_path(event, path)])

    def path(self) -> list[str | int]:
        if not self.rest.startswith("$"):
            raise UnreadableError("no selector")
        self.rest = self.rest[1:]
        steps: list[str | int] = []
        while self.rest[:1] in {".", "["} and self.rest:
            dotted, self.rest = self.rest[0] == ".", self.rest[self.rest[0] == "." :]
            steps.append(self.bracketed() if self.rest[:1] == "[" else self.dotted())
            if dotted and isinstance(steps[-1], int):
                raise UnreadableError("a number behind a dot")
        if not steps:
            raise UnreadableError("a selector of nothing")
        self.rest = self.rest.lstrip()
        return steps

    def dotted(self) -> str:
        if self.rest[:1] == "*":
            self.rest = self.rest[1:]
            return "*"
        name = self.run(NAME)
        if not name:
            raise UnreadableError("a name is missing")
        return name

    def bracketed(self) -> str | int:
        if self.rest.startswith("['"):
            name, end, self.rest = self.rest[2:].partition("'")
            if not end or self.rest[:1] != "]":
                raise UnreadableError("a quoted name without an end")
            self.rest = self.rest[1:]
            return "'" + name
        inner, end, self.rest = self.rest[1:].partition("]")
        if not end or not (inner == "*" or (inner.isdecimal() and inner.isascii())):
            raise UnreadableError("no index")
        return -1 if inner == "*" else int(inner)

    def value(self, mark: str) -> tuple[Callable[[Any], Verdict], bool]:
        if self.rest[:1] == '"':
            text, self.rest = string(self.rest)
            self.rest = self.rest.lstrip()
            return like(text), False
        if self.rest[:1] == "%":
            source, end, self.rest = self.rest[1:].partition("%")
            if not end:
                raise UnreadableError("a regular expression without an end")
            self.rest = self.rest.lstrip()
            expression = compiled(source)
            return lambda found: textual(expression.search(plain(found)) is not None, found), False
        word = self.word()
        if not word:
            raise UnreadableError("no value")
        if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?", word):
            return ordered("=" if mark == "!=" else mark, float(word)), True
        return like(word), False


def is_wild(path: list[str | int]) -> bool:
    """Whether a path stands for several fields: only of = does the page say what that asks."""
    return "*" in path or -1 in path


def at_path(event: Any, path: list[str | int]) -> Iterator[Any]:
    if not path:
        yield event
        return
    step, rest = path[0], path[1:]
    if step == "*":
        if isinstance(event, dict):
            for each in event.values():
                yield from at_path(each, rest)
        else:
            yield MISSING
    elif step == -1:
        if isinstance(event, list) and event:
            for each in event:
                yield from at_path(each, rest)
        else:
            yield MISSING
    elif isinstance(step, int):
        yield from at_path(event[step], rest) if isinstance(event, list) and step < len(event) else [MISSING]
    else:
        name = step.removeprefix("'")
        yield from at_path(event[name], rest) if isinstance(event, dict) and name in event else [MISSING]


def anyone(found: list[Verdict]) -> Verdict:
    if True in found:
        return True
    return None if None in found else False


def compared(mark: str, test: Callable[[Any], Verdict], found: Any) -> Verdict:
    if found is MISSING or isinstance(found, dict | list):
        return None if mark == "!=" else False
    if mark != "!=":
        return test(found)
    result = test(found)
    return None if found is None or result is None else not result


def plain(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found)


def textual(matched: bool, found: Any) -> Verdict:
    return matched if isinstance(found, str) or not matched else None


def like(glob: str) -> Callable[[Any], Verdict]:
    expression = re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)
    presence = bool(glob) and set(glob) == {"*"}

    def test(found: Any) -> Verdict:
        if presence and found is not None:
            return True
        return textual(expression.fullmatch(plain(found)) is not None, found)

    return test


def ordered(mark: str, limit: float) -> Callable[[Any], Verdict]:
    def test(found: Any) -> Verdict:
        if isinstance(found, bool) or found is None:
            return False
        try:
            number = float(found)
        except ValueError:
            return False
        difference = (number > limit) - (number < limit)
        signs = {"=": {0}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}
        held = difference in signs[mark]
        return held if not isinstance(found, str) or not held else None

    return test
