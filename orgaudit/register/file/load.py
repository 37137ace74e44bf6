"""Reads the register's file: a wrong entry is set aside with its problems, the others work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from orgaudit.register import amendment
from orgaudit.register.entries import (
    ATTESTATIONS,
    EXCEPTIONS,
    KINDS,
    Attestation,
    CompleteEntry,
    EntryKind,
    ExceptionDraft,
    ExceptionEntry,
    RegisterEntry,
)
from orgaudit.register.patterns import is_exact
from orgaudit.register.state import life_days, longest_life
from orgaudit.settings.control_names import ControlNames, UnresolvedNameError
from orgaudit.settings.documents import Document, Problem, dotted, error_of, nearest, read, validate, value_at
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.sections import RegisterSettings, TimeZone
from orgaudit.settings.settings import Settings
from orgaudit.settings.syntax import KeyPath
from orgaudit.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidEntry:
    """An entry that has no effect because it is wrong; `texts` are the values of it that are texts, by key."""

    kind: EntryKind
    place: KeyPath
    texts: Mapping[str, str]
    problems: tuple[Problem, ...]

    @property
    def id(self) -> str:
        """The id, or nothing where it cannot be read."""
        return self.texts.get("id", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The register as read; `places` are those of the entries by id, `time_zone` the file's, else the settings'.

    `amendments` are entries that stand as approved, though their amendment is wrong and counts for nothing.
    """

    document: Document
    policy: RegisterSettings
    time_zone: str
    exceptions: tuple[ExceptionEntry, ...] = ()
    drafts: tuple[ExceptionDraft, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    invalid: tuple[InvalidEntry, ...] = ()
    amendments: tuple[InvalidEntry, ...] = ()
    places: Mapping[str, KeyPath] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The register's file."""
        return Path(self.document.file)

    def entries(self, kind: EntryKind) -> Sequence[RegisterEntry]:
        """Return the sound entries of a kind, drafts last."""
        return (*self.exceptions, *self.drafts) if kind is EXCEPTIONS else self.attestations

    def problems(self, *kinds: EntryKind) -> list[Problem]:
        """Return every problem of the entries of these kinds, or of all, in the order of the file."""
        wrong = sorted((*self.invalid, *self.amendments), key=lambda it: it.place)
        return [problem for it in wrong if not kinds or it.kind in kinds for problem in it.problems]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: TimeZone | None = None
    exceptions: tuple[Any, ...] | None = None
    attestations: tuple[Any, ...] | None = None


def register_of(settings: Settings, file: Path | None) -> Register:
    """Return the register of the settings, or the one in the given file.

    Raises ConfigError where a named register is missing or cannot be understood as a whole.
    """
    must_exist = file is not None or settings.register_named
    return load_register(file or settings.register_path, settings.exceptions, must_exist=must_exist)


def load_register(path: Path, policy: RegisterSettings, *, must_exist: bool = True) -> Register:
    """Return the register; raises ConfigError where the file as a whole cannot be understood.

    A missing file is an empty register unless it must exist. What is wrong in one entry is in the register's problems.
    """
    if not must_exist and not path.exists():
        empty = Document(file=str(path), data=None, lines={})
        return Register(document=empty, policy=policy, time_zone=policy.time_zone)
    document = read(path)
    envelope = validate(document, _Envelope)
    wrong = _form_problems(document)
    if isinstance(envelope, list) or None in wrong:
        raise error_of([*wrong.get(None, ()), *(envelope if isinstance(envelope, list) else ())])
    sound: list[RegisterEntry] = []
    invalid: list[InvalidEntry] = []
    amendments: list[InvalidEntry] = []
    places: dict[str, KeyPath] = {}
    for place, kind in _places(document):
        texts = _texts(value_at(document.data, place))
        found, flaws = _entry(document, place, kind, policy)
        problems = (*wrong.get(place, ()), *(found if isinstance(found, list) else ()))
        places.setdefault(texts.get("id", ""), place)
        if flaws:
            amendments.append(InvalidEntry(kind=kind, place=place, texts=texts, problems=tuple(flaws)))
        if isinstance(found, list) or problems:
            invalid.append(InvalidEntry(kind=kind, place=place, texts=texts, problems=problems))
        else:
            sound.append(found)
    return Register(
        document=document,
        policy=policy,
        time_zone=envelope.time_zone or policy.time_zone,
        exceptions=tuple(entry for entry in sound if isinstance(entry, ExceptionEntry)),
        drafts=tuple(entry for entry in sound if type(entry) is ExceptionDraft),
        attestations=tuple(entry for entry in sound if isinstance(entry, Attestation)),
        invalid=tuple(invalid),
        amendments=tuple(amendments),
        places=places,
    )


def _entry(
    document: Document, place: KeyPath, kind: EntryKind, policy: RegisterSettings
) -> tuple[RegisterEntry | list[Problem], list[Problem]]:
    """Return an entry, or its problems, and what is wrong with its amendment, which the entry then stands without."""
    data = value_at(document.data, place)
    model = kind.model_of(data) if isinstance(data, dict) else kind.model
    found: RegisterEntry | list[Problem] = validate(document, model, place)
    here = dotted((*place, "amendment"))
    if isinstance(found, list) and all(it.key == here or it.key.startswith(f"{here}.") for it in found):
        return model.model_validate({key: value for key, value in data.items() if key != "amendment"}), found
    if not isinstance(found, list) and (problems := _life_problems(document, place, found, policy)):
        found = problems
    if not isinstance(found, ExceptionEntry) or found.amendment is None:
        return found, []
    flaws = [
        document.problem((*place, "amendment", "changes", *path), message, remedy)
        for path, message, remedy in amendment.flaws(kind, data)
    ]
    return found.model_copy(update={"amendment": None}) if flaws else found, flaws


def with_known_requirements(register: Register, frameworks: Mapping[str, Framework], *, complete: bool) -> Register:
    """Return a register in which attestations of requirements that no framework has are invalid.

    Where `frameworks` are `complete`, a requirement of another framework is unknown too.
    """
    document = register.document
    invalid = {it.place: it for it in register.invalid}
    for place, kind in _places(document):
        texts = _texts(value_at(document.data, place))
        name = texts.get("requirement", "").strip()
        if kind is ATTESTATIONS and ":" in name and (why := unknown_requirement(name, frameworks, complete=complete)):
            problem = document.problem((*place, "requirement"), *why)
            entry = invalid.get(place) or InvalidEntry(kind=kind, place=place, texts=texts, problems=())
            invalid[place] = replace(entry, problems=(*entry.problems, problem))
    return replace(
        register,
        attestations=tuple(it for it in register.attestations if register.places[it.id] not in invalid),
        invalid=tuple(invalid[place] for place, _ in _places(document) if place in invalid),
    )


def with_resolved_names(register: Register, names: ControlNames) -> Register:
    """Return a register in which an exception is invalid whose scope has a name that means several requirements.

    One of which an approval recorded the controls stands for these. A name that nothing has covers nothing.
    """
    document, invalid = register.document, {it.place: it for it in register.invalid}
    for entry in (*register.exceptions, *register.drafts):
        place, problems = register.places[entry.id], []
        for path, name in _control_names(entry):
            if name in entry.approved_meanings or len(names.requirements(name)) < 2:  # noqa: PLR2004 - several
                continue
            try:
                names.controls(name)
            except UnresolvedNameError as error:
                problems.append(document.problem((*place, "scope", *path), error.message, error.remedy))
        if problems:
            texts = _texts(value_at(document.data, place))
            invalid[place] = InvalidEntry(kind=EXCEPTIONS, place=place, texts=texts, problems=tuple(problems))
    sound = {entry.id for entry in register.entries(EXCEPTIONS) if register.places[entry.id] not in invalid}
    return replace(
        register,
        exceptions=tuple(it for it in register.exceptions if it.id in sound),
        drafts=tuple(it for it in register.drafts if it.id in sound),
        invalid=tuple(invalid[place] for place, _ in _places(document) if place in invalid),
    )


def _control_names(entry: ExceptionDraft) -> Iterator[tuple[KeyPath, str]]:
    """Yield each exact name of a control in a scope and in its `except`, with its place in the scope."""
    scope = entry.scope
    left_out = scope.exclusion if scope is not None else None
    for at, selection in (((), scope), (("except",), left_out)):
        for index, name in enumerate(selection.controls or () if selection is not None else ()):
            if is_exact(name):
                yield (*at, "controls", index), name


def unknown_requirement(
    requirement: str, frameworks: Mapping[str, Framework], *, complete: bool
) -> tuple[str, str] | None:
    """Return why a framework:requirement is unknown, and the remedy; None where it may exist."""
    framework, _, name = requirement.partition(":")
    if framework not in frameworks:
        return (f"no framework {framework!r}", nearest(framework, frameworks)) if complete else None
    names = frameworks[framework].names
    return None if name in names else (f"{framework} has no requirement {name!r}", nearest(name, names))


def with_present_requirements(register: Register, frameworks: Mapping[str, Framework]) -> Register:
    """Return a register in which attestations name requirements by their present ids, not by former ones."""
    present = {
        f"{framework.id}:{alias}": f"{framework.id}:{item.id}"
        for framework in frameworks.values()
        for item in framework.requirements
        for alias in item.aliases
    }
    attestations = tuple(
        it.model_copy(update={"requirement": present[it.requirement]}) if it.requirement in present else it
        for it in register.attestations
    )
    return replace(register, attestations=attestations)


def _places(document: Document) -> list[tuple[KeyPath, EntryKind]]:
    """Return the place of every entry of the file."""
    data = document.data if isinstance(document.data, dict) else {}
    counts = ((kind, len(found)) for kind in KINDS.values() if isinstance(found := data.get(kind.section), list))
    return [((kind.section, index), kind) for kind, count in counts for index in range(count)]


def _form_problems(document: Document) -> dict[KeyPath | None, list[Problem]]:
    """Return the flaws of the file and the ids that entries share, by the place of the entry; None is the file."""
    found: dict[KeyPath | None, list[Problem]] = defaultdict(list)
    for path, problem in document.flaws:
        found[path[:2] if len(path) > 1 and path[0] in KINDS else None].append(problem)
    where: dict[str, list[KeyPath]] = defaultdict(list)
    for place, _ in _places(document):
        if name := _texts(value_at(document.data, place)).get("id"):
            where[name].append(place)
    for name, places in where.items():
        for place in places if len(places) > 1 else ():
            others = ", ".join(str(document.line(other)) for other in places if other != place)
            message = f"{name} is also the id of the entry on line {others}"
            found[place].append(document.problem((*place, "id"), message, "never reuse an id"))
    return found


def _life_problems(document: Document, place: KeyPath, entry: RegisterEntry, policy: RegisterSettings) -> list[Problem]:
    """Return a problem where an approved entry lives longer than any severity allows."""
    longest = longest_life(policy)
    if not isinstance(entry, CompleteEntry) or not entry.approved or (days := life_days(entry)) <= longest:
        return []
    message = f"lives {counted(days, 'day')} from {entry.valid_from}, and policy allows {longest}"
    return [document.problem((*place, "expires_on"), message, "set an earlier date")]


def _texts(data: object) -> dict[str, str]:
    """Return the texts of an entry that may be wrong in any way."""
    pairs = data.items() if isinstance(data, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}
