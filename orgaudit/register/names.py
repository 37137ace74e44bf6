"""The names that a new or changed entry may use: those of controls, requirements, accounts and units that exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgaudit.register.file.load import unknown_requirement
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.settings.control_names import ControlNames, UnresolvedNameError
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.syntax import KeyPath

EXCLUSION = "except"
"""The key of a scope that holds what is left out of it."""

_ACCOUNT_ID = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class NameProblem:
    """One name that is refused: where it is in the scope, what is wrong, and what to do."""

    path: KeyPath
    message: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """The message with its remedy."""
        return "; ".join(filter(None, (self.message, self.remedy)))


@dataclass(frozen=True, slots=True)
class NameCheck:
    """What became of a scope's names.

    `scope` has the ids of accounts in the place of their names, `problems` are the names that are refused, by place,
    and `warnings` sentences on what could not be checked.
    """

    scope: dict[str, Any]
    problems: tuple[NameProblem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What exists, as far as this installation, its framework files and its stored runs know.

    `controls` are the ids of all controls, `aliases` their former ids with the present ones, `frameworks` those of all
    files. `accounts` maps the ids of the accounts that stored runs know to their names, `units` are the ids and paths
    of the units above them, and `any_run` is set where any run is stored. `accept_unknown` is the choice of a person by
    which names are accepted that nothing known has. `control_names` follows: all names that a control answers to, which
    are its id, its former ids, and each requirement that it decides.
    """

    controls: frozenset[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    frameworks: Mapping[str, Framework] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    units: frozenset[str] = frozenset()
    any_run: bool = False
    accept_unknown: bool = False
    control_names: frozenset[str] = field(init=False, repr=False)
    resolver: ControlNames = field(init=False, repr=False)
    _by_name: Mapping[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        resolver = ControlNames(self.controls, self.aliases, self.frameworks.values())
        by_name: dict[str, list[str]] = {}
        for account_id, name in sorted(self.accounts.items()):
            if name:
                by_name.setdefault(_folded(name), []).append(account_id)
        object.__setattr__(self, "resolver", resolver)
        object.__setattr__(self, "control_names", frozenset({*self.controls, *self.aliases, *resolver.standing_for()}))
        object.__setattr__(self, "_by_name", by_name)

    def account(self, text: str) -> str:
        """Return the id of an account by its name in any letter case; an id stays, known or not.

        Raises ValueError for a name that no account has, or that several have.
        """
        text = text.strip()
        if _ACCOUNT_ID.fullmatch(text):
            return text
        ids = self._by_name.get(_folded(text), [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise ValueError(f"{len(ids)} accounts are called {text!r}; write the id: {', '.join(ids)}")
        if not self._by_name:
            raise ValueError(f"{text!r} is not an account id; write 12 digits, since no stored run knows account names")
        remedy = nearest(text, filter(None, self.accounts.values())) or "write its 12 digits"
        raise ValueError(f"no account is called {text!r}; {remedy}")

    def control(self, text: str) -> str:
        """Return a control's id, a former one, a requirement that any control decides, or a pattern of these, as it is.

        Raises ValueError for what matches none, unless unknown names are accepted.
        """
        if problem := self._unknown("controls", text):
            raise ValueError(f"{problem[0]}; {problem[1]}")
        return text

    def meanings(self, scope: Mapping[str, Any] | None) -> dict[str, list[str]]:
        """Return the controls that the requirements in a scope, and in its `except`, stand for, by the name as written.

        A pattern is here where it matches requirements and no control's own id.
        """
        found: dict[str, list[str]] = {}
        for path, text in _texts(scope or {}):
            if path[-2] == "controls" and (controls := self._stands_for(text)):
                found[text] = sorted(controls)
        return found

    def _stands_for(self, text: str) -> set[str]:
        if text in self.controls or text in self.aliases:
            return set()
        by_name = self.resolver.standing_for()
        if is_exact(text):
            return {*by_name.get(text, ())}
        match = Patterns([text]).match
        if any(map(match, (*self.controls, *self.aliases))):
            return set()
        return {control for name, controls in by_name.items() if match(name) for control in controls}

    def whole(self, text: str) -> str:
        """Return a requirement's id alone as framework:requirement where one framework has it; other text as it is."""
        meant = list(self.resolver.requirements(text))
        return meant[0] if len(meant) == 1 and ":" not in text else text

    def requirement(self, text: str) -> NameProblem | None:
        """Return what is wrong with the name of a requirement; an unknown one is never accepted."""
        if ":" not in text and len(meant := self.resolver.requirements(text)) > 1:
            several = f"{text!r} names requirements of {len(meant)} frameworks"
            return NameProblem(("requirement",), several, f"write one of {', '.join(meant)}")
        unknown = unknown_requirement(text, self.frameworks, complete=True)
        return None if unknown is None else NameProblem(("requirement",), *unknown)

    def check(self, scope: Mapping[str, Any]) -> NameCheck:
        """Return what becomes of the controls, accounts and units of a scope as it is written, and of its `except`.

        What is not a list of texts, and a pattern that is not one, is left to the model of entries.
        """
        resolved, problems = self._with_ids(scope, ())
        refused = {it.path for it in problems}
        unchecked: dict[str, list[str]] = {}
        for path, text in _texts(resolved):
            if path in refused:
                continue
            key = str(path[-2])
            if self._known(key) is None:
                unchecked.setdefault(key, []).append(text)
            elif unknown := self._unknown(key, text):
                problems.append(NameProblem(path, *unknown))
        warnings = [self._unchecked(key, texts) for key, texts in unchecked.items()]
        return NameCheck(
            resolved,
            tuple(sorted(problems, key=lambda it: [str(part) for part in it.path])),
            () if self.accept_unknown else tuple(warnings),
        )

    def _with_ids(self, scope: Mapping[str, Any], at: KeyPath) -> tuple[dict[str, Any], list[NameProblem]]:
        """Return a scope with the ids of accounts that it names, and the problems of those that have none."""
        found, wrong = dict(scope), []
        if isinstance(accounts := scope.get("accounts"), list | tuple):
            found["accounts"] = list(accounts)
            for index, text in enumerate(accounts):
                if not isinstance(text, str) or (not is_exact(text) and _folded(text) not in self._by_name):
                    continue
                try:
                    found["accounts"][index] = self.account(text)
                except ValueError as error:
                    message, _, remedy = str(error).partition("; ")
                    wrong.append(NameProblem((*at, "accounts", index), message, remedy))
        if not at and isinstance(inner := scope.get(EXCLUSION), Mapping):
            found[EXCLUSION], more = self._with_ids(inner, (EXCLUSION,))
            wrong += more
        return found, wrong

    def _known(self, key: str) -> Collection[str] | None:
        """Return what exists for a key of a scope; None where that is unknown."""
        if key == "controls":
            return self.control_names
        if key == "accounts":
            return self.accounts if self.any_run else None
        return self.units or None

    def _unknown(self, key: str, text: str) -> tuple[str, str] | None:
        """Return why a text of a key matches nothing known, and the remedy; None where it matches something."""
        known = self._known(key) or ()
        if text in known:
            return None
        if key == "controls" and len(self.resolver.requirements(text)) > 1 and (several := self._unknown_control(text)):
            return several
        if self.accept_unknown:
            return None
        if is_exact(text):
            plain = (f"no known {_NOUNS[key]} {text!r}", nearest(text, known))
            message, remedy = (self._unknown_control(text) if key == "controls" else None) or plain
            return message, _or_accepted(remedy)
        try:
            matched = any(map(Patterns([text]).match, known))
        except ValueError:
            return None
        return None if matched else (f"{text!r} matches no known {_NOUNS[key]}", _or_accepted(""))

    def _unknown_control(self, text: str) -> tuple[str, str] | None:
        meant = self.resolver.requirements(text)
        if meant and not any(requirement.controls for requirement in meant.values()):
            remedy = f"attest it: `orgaudit exceptions attestations add {next(iter(meant))}`"
            return f"no control decides {text}, so an exception cannot cover it", remedy
        if not meant and ":" in text and (unknown := unknown_requirement(text, self.frameworks, complete=True)):
            return unknown
        try:
            self.resolver.controls(text)
        except UnresolvedNameError as error:
            return error.message, error.remedy
        return None

    def _unchecked(self, key: str, texts: list[str]) -> str:
        why = "no stored run knows units" if self.any_run else "no run is stored"
        verb = "was" if len(texts) == 1 else "were"
        noun = _NOUNS[key] if len(texts) == 1 else f"{_NOUNS[key]}s"
        return f"{why}, so the {noun} {', '.join(texts)} {verb} not checked"


_NOUNS = {"controls": "control", "accounts": "account", "ous": "unit"}


def _or_accepted(remedy: str) -> str:
    return f"{remedy} (--unknown accepts it)" if remedy else "--unknown accepts it"


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _texts(scope: Mapping[str, Any], at: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text of the controls, accounts and units of a scope and of what is left out of it, with its place."""
    for key in _NOUNS:
        values = scope.get(key)
        for index, text in enumerate(values if isinstance(values, list | tuple) else ()):
            if isinstance(text, str):
                yield (*at, key, index), text
    if not at and isinstance(inner := scope.get(EXCLUSION), Mapping):
        yield from _texts(inner, (EXCLUSION,))
