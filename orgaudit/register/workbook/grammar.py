"""How a cell's text stands for a value: each form writes a value as readable text and parses it back exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from orgaudit.model import Json


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of value: `write` raises for a value of another kind, `parse` raises ValueError with the remedy."""

    write: Callable[[Json], str]
    parse: Callable[[str], Json]


def shown(value: Json, form: Form) -> str:
    """Return a value's text; one that is not of the form, as a broken entry may hold, is shown as JSON."""
    if value is None:
        return ""
    try:
        return normal(form.write(value))
    except (TypeError, ValueError, AttributeError, KeyError):
        return json.dumps(value, ensure_ascii=False, default=str)


def normal(text: str) -> str:
    """Return a text with what programs change on their own made equal: line ends, and space around the text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return normal(value)


def _quoted(item: Json, *, special: str = "") -> str:
    """Return an item as it stands on a line of its own; in JSON's quotes where it could be read otherwise."""
    if not isinstance(item, str):
        raise TypeError(item)
    plain = item == item.strip() and item != "" and not item.startswith('"')
    if plain and len(item.splitlines()) == 1 and not set(item) & set(special):
        return item
    return json.dumps(item, ensure_ascii=not item.isprintable())


_STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def _unquoted(text: str) -> str:
    text = text.strip()
    if not text.startswith('"'):
        return text
    if _STRING.fullmatch(text) is None:
        raise ValueError(f"{text} has no closing quote; end it with one, or begin it without")
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise ValueError(f"{text} is not quoted rightly ({error}); leave the quotes away") from error


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _write_list(value: Json) -> str:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    return "\n".join(map(_quoted, value))


def _parse_list(text: str) -> Json:
    return [_unquoted(line) for line in _lines(text)] or None


def _parse_words(text: str) -> Json:
    """Parse a list of which no item holds a space, but for regular expressions: a comma there is a slip."""
    return _parse_apart(text, r"[\s,;]")


def _parse_accounts(text: str) -> Json:
    """Parse a list of ids, patterns and names of accounts: a name may hold a space, and no id stands beside another."""
    return _parse_apart(text, r"\d{12}\s*[\s,;]|[\s,;]\s*\d{12}")


def _parse_apart(text: str, slip: str) -> Json:
    for line in _lines(text):
        if re.search(slip, line.strip()) and not line.strip().startswith(("regex:", '"')):
            raise ValueError(f"{line.strip()!r} is more than one value; write one a line (Alt+Enter)")
    return _parse_list(text)


def _write_tags(value: Json) -> str:
    return "\n".join(f"{_quoted(key, special='=')}={_quoted(pattern)}" for key, pattern in value.items())


_TAG = re.compile(r'\s*(?P<key>"(?:\\.|[^"\\])*"|[^"=][^=]*)=(?P<pattern>.*)', re.DOTALL)


def _parse_tags(text: str) -> Json:
    tags: dict[str, str] = {}
    for line in _lines(text):
        if (match := _TAG.fullmatch(line)) is None:
            raise ValueError(f"{line!r} is not a tag; write key=pattern, one a line")
        key = _unquoted(match["key"])
        if key in tags:
            raise ValueError(f"the tag {key} is there twice; keep one")
        tags[key] = _unquoted(match["pattern"])
    return tags or None


def day(text: str) -> date:
    """Return the date that a text names; raises ValueError with the remedy."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date; write one such as 2025-03-31") from error


def _write_day(value: Json) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _text(value)


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Return names of the register's file as words: risk acceptance for risk_acceptance."""
    return tuple(map(_write_name, values))


def _write_name(value: Json) -> str:
    return _text(value).replace("_", " ")


def _parse_name(text: str) -> Json:
    return "_".join(text.lower().split()) or None


def _write_yes(value: Json) -> str:
    if not isinstance(value, bool):
        raise TypeError(value)
    return "yes" if value else ""


def _parse_yes(text: str) -> Json:
    if text.lower() not in {"yes", "no", "true", "false"}:
        raise ValueError(f"{text!r} is neither yes nor no; write yes, or nothing")
    return True if text.lower() in {"yes", "true"} else None


def _write_number(value: Json) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return str(value)


def _parse_number(text: str) -> Json:
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise ValueError(f"{text!r} is not a whole number; write one such as 12")
    return int(text)


def _write_milestones(value: Json) -> str:
    lines = []
    for item in value:
        if not {"title", "due_on"} <= set(item) <= {"title", "due_on", "done_on"}:
            raise ValueError(item)
        done = f" (done {_write_day(item['done_on'])})" if item.get("done_on") is not None else ""
        lines.append(f"{_write_day(item['due_on'])}{done}: {_quoted(item['title'])}")
    return "\n".join(lines)


_MILESTONE = re.compile(r"\s*([0-9-]+)\s*(?:\(\s*done\s+([0-9-]+)\s*\))?\s*:\s*(.+)")


def _parse_milestones(text: str) -> Json:
    found = []
    for line in _lines(text):
        if (match := _MILESTONE.fullmatch(line)) is None:
            raise ValueError(
                f"{line!r} is not a milestone; write 2025-03-31: title, or 2025-03-31 (done 2025-03-01): title"
            )
        due, done, title = match.groups()
        milestone: dict[str, Json] = {"title": _unquoted(title), "due_on": day(due)}
        found.append(milestone if done is None else {**milestone, "done_on": day(done)})
    return found or None


def _write_history(value: Json) -> str:
    return "\n".join(f"{_write_day(it['when'])} {it['what']} by {it['who']}: {it['why']}" for it in value)


def _never(text: str) -> Json:
    raise ValueError(f"{text!r} is written by orgaudit; leave it as it was")


TEXT = Form(_text, lambda text: text or None)
NAME = Form(_write_name, _parse_name)
LIST = Form(_write_list, _parse_list)
WORDS = Form(_write_list, _parse_words)
ACCOUNTS = Form(_write_list, _parse_accounts)
TAGS = Form(_write_tags, _parse_tags)
DAY = Form(_write_day, day)
YES = Form(_write_yes, _parse_yes)
NUMBER = Form(_write_number, _parse_number)
MILESTONES = Form(_write_milestones, _parse_milestones)
HISTORY = Form(_write_history, _never)
