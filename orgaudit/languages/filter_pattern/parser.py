"""The parser of filter patterns, from text to the syntax tree.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Iterator

from orgaudit.languages.filter_pattern.regex import compile_regex
from orgaudit.languages.filter_pattern.syntax import (
    And,
    Compare,
    FilterPattern,
    Glob,
    Is,
    NotExists,
    Number,
    Operator,
    Or,
    PatternError,
    Regex,
    Search,
    Term,
    Without,
)

# The service allows 1,024 characters; the limit keeps a hostile nest of brackets off the stack.
_DEEPEST = 60

# Unquoted values are documented as letters, digits and underscores; host names and addresses are accepted too.
_TOKEN = re.compile(
    r"""(?P<selector> \$ (?: \.[A-Za-z0-9_-]+ | \.\* | \[ (?:\d+|\*) \] | \.?\['[^']*'\] )+ )
      | (?P<quoted> " (?: [^"\\] | \\. )* " )
      | (?P<regex> %[^%]*% )
      | (?P<mark> \|\| | && | != | >= | <= | [(){}=<>] )
      | (?P<word> [A-Za-z0-9_.*:/@\#+,;?~-]+ )
      | (?P<end> \Z )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
# A blank after the minus sign is in examples of earlier editions of the page.
_TERM = re.compile(
    r"""(?P<mark> \? | -\s* )? (?: " (?P<phrase> (?: [^"\\] | \\. )* ) " | (?P<word> [A-Za-z0-9_]+ ) ) (?= \s | \Z )""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*")
_QUOTED_NAME = re.compile(r"\.?\['([^']*)'\]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
_ESCAPE = re.compile(r'\\(["\\])')


def parse_pattern(text: str) -> FilterPattern:
    """Return the tree of a pattern for JSON, for terms or of one regular expression; raises PatternError for all else.

    That includes patterns for space-delimited events: how CloudTrail's JSON divides into such fields is not documented.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        return _Parser(text).pattern()
    if stripped.startswith("["):
        raise PatternError("a pattern for space-delimited events, not for JSON", text.index("["))
    return _regex_of_text(text) if stripped.startswith("%") else _terms(text)


def _regex_of_text(text: str) -> FilterPattern:
    start = text.index("%")
    found = _TOKEN.match(text, start)
    if found is None or found.lastgroup != "regex" or text[found.end() :].strip():
        raise PatternError("a regular expression stands alone between two %", start)
    return Search(_regex(found).source)


def _terms(text: str) -> FilterPattern:
    """Return terms that all have to be there or missing, or alternatives after question marks where they stand alone.

    Without a term, or with one of blanks, the pattern matches everything.
    """
    wanted: list[FilterPattern] = []
    optional: list[FilterPattern] = []
    position = _skip_space(text, 0)
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise PatternError("neither a word nor a quoted phrase", position)
        term = _ESCAPE.sub(r"\1", found["phrase"]) if found["phrase"] is not None else found["word"]
        term = term if term.strip() else ""
        if found["mark"] == "?":
            optional.append(Term(term))
        else:
            wanted.append(Without(term) if found["mark"] else Term(term))
        position = _skip_space(text, found.end())
    if optional and not wanted:
        return optional[0] if len(optional) == 1 else Or(tuple(optional))
    return And(tuple(wanted)) if len(wanted) > 1 else next(iter(wanted), Term(""))


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position, kind = 0, None
    while kind != "end":
        position = _skip_space(text, position)
        found = _TOKEN.match(text, position)
        if found is None:
            raise PatternError(f"unexpected {text[position]!r}", position)
        yield found
        position, kind = found.end(), found.lastgroup


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


class _Parser:
    """Recursive descent over the tokens; `&&` binds tighter than `||`."""

    def __init__(self, text: str) -> None:
        # All are read first, so that a sign without meaning is reported before what is missing in front of it.
        self._tokens = iter(list(_tokens(text)))
        self._next = next(self._tokens)
        self._depth = 0

    def pattern(self) -> FilterPattern:
        self._expect("{")
        pattern = self._alternatives()
        self._expect("}")
        if self._next.lastgroup != "end":
            raise self._unexpected("nothing")
        return pattern

    def _alternatives(self) -> FilterPattern:
        parts = [self._conjunction()]
        while self._accept("||"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> FilterPattern:
        parts = [self._operand()]
        while self._accept("&&"):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _operand(self) -> FilterPattern:
        if not self._accept("("):
            return self._condition()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PatternError("brackets are nested too deeply", self._next.start())
        pattern = self._alternatives()
        self._expect(")")
        self._depth -= 1
        return pattern

    def _condition(self) -> FilterPattern:
        selector = _canonical(self._take("selector", "a selector such as $.eventName").group())
        if self._accept("IS"):
            return Is(selector, self._constant())
        if self._accept("NOT"):
            self._expect("EXISTS")
            return NotExists(selector)
        return Compare(selector, *self._comparison())

    def _constant(self) -> bool | None:
        if self._next.group() not in _CONSTANTS:
            raise self._unexpected("TRUE, FALSE or NULL")
        return _CONSTANTS[self._advance().group()]

    def _comparison(self) -> tuple[Operator, Glob | Number | Regex]:
        token = self._take("mark", "a comparison")
        try:
            operator = Operator(token.group())
        except ValueError:
            raise PatternError(f"{token.group()} is not a comparison", token.start()) from None
        position = self._next.start()
        value = self._value()
        if operator not in (Operator.EQUAL, Operator.NOT_EQUAL) and not isinstance(value, Number):
            raise PatternError(f"{operator.value} needs a number", position)
        return operator, value

    def _value(self) -> Glob | Number | Regex:
        text = self._next.group()
        match self._next.lastgroup:
            case "quoted":
                value: Glob | Number | Regex = Glob(_ESCAPE.sub(r"\1", text[1:-1]))
            case "word":
                value = Number(text) if _NUMBER.fullmatch(text) else Glob(text)
            case "regex":
                value = _regex(self._next)
            case _:
                raise self._unexpected("a value")
        self._advance()
        return value

    def _advance(self) -> re.Match[str]:
        token, self._next = self._next, next(self._tokens, self._next)
        return token

    def _accept(self, text: str) -> bool:
        if self._next.lastgroup not in ("mark", "word") or self._next.group() != text:
            return False
        self._advance()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected(text)

    def _take(self, kind: str, wanted: str) -> re.Match[str]:
        if self._next.lastgroup != kind:
            raise self._unexpected(wanted)
        return self._advance()

    def _unexpected(self, wanted: str) -> PatternError:
        return PatternError(f"expected {wanted}, found {self._next.group() or 'the end'}", self._next.start())


def _regex(token: re.Match[str]) -> Regex:
    source = token.group()[1:-1]
    try:
        compile_regex(source)
    except ValueError as error:
        raise PatternError(str(error), token.start()) from error
    return Regex(source)


def _canonical(selector: str) -> str:
    """Return the one spelling of a path: plain names after a dot, other names as `['…']`."""

    def name(found: re.Match[str]) -> str:
        return f".{found[1]}" if _PLAIN_NAME.fullmatch(found[1]) else f".['{found[1]}']"

    return _QUOTED_NAME.sub(name, selector)
