"""The way back from the syntax tree of a filter pattern to text, so that parsing can be held on random trees."""

from __future__ import annotations

from orgaudit.languages.filter_pattern.syntax import (
    And,
    Compare,
    FilterPattern,
    Glob,
    Is,
    NotExists,
    Number,
    Or,
    Regex,
    Search,
    Term,
    Without,
)


def render(pattern: FilterPattern) -> str:
    """Return the text of a pattern; parsing it must give the same tree."""
    match pattern:
        case Term(text):
            return _quoted(text)
        case Without(text):
            return f"-{_quoted(text)}"
        case Search(source):
            return f"%{source}%"
        case And(parts) | Or(parts) if all(isinstance(part, Term | Without | Search) for part in parts):
            mark = "?" if isinstance(pattern, Or) else ""
            return " ".join(f"{mark}{render(part)}" for part in parts)
        case _:
            return f"{{ {_expression(pattern)} }}"


def _expression(pattern: FilterPattern) -> str:
    match pattern:
        case Compare(selector, operator, value):
            return f"{selector} {operator.value} {_value(value)}"
        case Is(selector, constant):
            return f"{selector} IS {str(constant).upper() if constant is not None else 'NULL'}"
        case NotExists(selector):
            return f"{selector} NOT EXISTS"
        case And(parts):
            return " && ".join(map(_operand, parts))
        case Or(parts):
            return " || ".join(map(_operand, parts))
        case Term() | Without() | Search():
            raise TypeError("a condition on the event's text has no place among conditions on its fields")


def _operand(pattern: FilterPattern) -> str:
    text = _expression(pattern)
    return f"({text})" if isinstance(pattern, And | Or) else text


def _value(value: Glob | Number | Regex) -> str:
    match value:
        case Glob(text):
            return _quoted(text)
        case Number(text):
            return text
        case Regex(source):
            return f"%{source}%"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
