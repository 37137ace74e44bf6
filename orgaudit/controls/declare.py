"""The declaration of a control, and the catalogue of all controls."""

from __future__ import annotations

import inspect
import shlex
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ConfigError
from orgaudit.facts.declare import (
    ENTRY_POINT,
    Detail,
    FactType,
    Resource,
    clash,
    closure,
    load,
    modules_in,
    offered_modules,
)
from orgaudit.model import (
    Disruption,
    Effort,
    NotSeenError,
    Remediation,
    Remedy,
    Scope,
    Seen,
    Severity,
    Verdict,
    not_assessed,
)
from orgaudit.settings.thresholds import Thresholds

Argument: TypeAlias = Resource | AccountFacts | Organization | Thresholds | Any


@dataclass(frozen=True, slots=True)
class Fix:
    """The three remediation paths. Texts and commands may name `{resource.…}`, `{account}`, `{region}`, `{partition}`.

    Values are quoted for the shell where they stand in a command. `effort` and `disruption` are those of one fix of the
    asset. `per_resource` is whether each resource has to be fixed; otherwise one setting, rolled out once, fixes all of
    them. `reversible` is whether the fix can be undone without a loss.
    """

    service_wide: str
    asset: str
    command: str
    preventive: str
    effort: Effort
    per_resource: bool
    disruption: Disruption
    reversible: bool
    service_wide_command: str | None = None
    preventive_command: str | None = None


class _Quoted:
    """A value, and what can be reached from it, that a template quotes for the shell."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __getattr__(self, name: str) -> _Quoted:
        return _Quoted(getattr(self._value, name))

    def __format__(self, form: str) -> str:
        return shlex.quote(format(self._value, form))


@dataclass(frozen=True, slots=True)
class Control:
    """One rule: its id, why it matters, which facts it needs, and the function that judges.

    `subject` is the resource type whose resources it judges, or AccountFacts. `takes` are the types of the function's
    parameters in their order; `facts` are all fact types that must be collected for it. Controls share a `family` only
    where one fix makes them all pass; it is otherwise the id.
    """

    id: str
    family: str
    service: str
    title: str
    rationale: str
    severity: Severity
    fix: Fix
    judge: Callable[..., Verdict]
    subject: type[Resource] | type[AccountFacts]
    takes: tuple[type, ...]
    facts: tuple[FactType, ...]

    @property
    def scope(self) -> Scope:
        """Whether it judges once in an account or in every region."""
        return load()[self.subject].scope if issubclass(self.subject, Resource) else Scope.ACCOUNT

    @property
    def actions(self) -> tuple[str, ...]:
        """Every IAM action that its facts need, sorted."""
        return tuple(sorted({action for found in closure(self.facts) for action in found.actions}))

    @property
    def own_facts(self) -> tuple[str, ...]:
        """The names of the fact types that it takes of the one resource that it judges, and of what these need."""
        return _names(kind for kind in self.facts if kind in self.takes)

    @property
    def account_facts(self) -> tuple[str, ...]:
        """The names of the fact types that it looks up in a whole account, and of what these need."""
        return _names(kind for kind in self.facts if kind not in self.takes)

    def __reduce__(self) -> tuple[Callable[[str], Control], tuple[str]]:
        """Return how another process finds the control: by its id."""
        return known_control, (self.id,)

    def __call__(self, *arguments: Argument) -> Verdict:
        """Return the verdict; what could not be seen is NOT_ASSESSED, never a pass or a fail."""
        try:
            return self.judge(*arguments)
        except NotSeenError as error:
            return not_assessed(error.gap)

    def remediation(self, resource: Resource | None, command: str | None, place: Mapping[str, str]) -> Remediation:
        """Return the three paths for a resource; `command` replaces the asset's own."""
        blanks = {**place, "resource": resource}
        quoted = {name: _Quoted(value) for name, value in blanks.items()}

        def remedy(text: str, template: str | None) -> Remedy:
            return Remedy(text.format_map(blanks), template.format_map(quoted) if template else None)

        asset = remedy(self.fix.asset, None if command else self.fix.command)
        return Remediation(
            service_wide=remedy(self.fix.service_wide, self.fix.service_wide_command),
            asset=Remedy(asset.text, command) if command else asset,
            preventive=remedy(self.fix.preventive, self.fix.preventive_command),
        )


def _names(facts: Iterable[FactType]) -> tuple[str, ...]:
    return tuple(found.fact.__name__ for found in closure(facts))


def control(
    severity: Severity,
    *,
    fix: Fix,
    facts: Iterable[FactType] = (),
    id: str = "",  # noqa: A002 - the control's own word, as everywhere else
    title: str = "",
    rationale: str = "",
    family: str = "",
) -> Callable[[Callable[..., Verdict]], Control]:
    """Return the decorator that makes a control of a function; the function's module is the control's service.

    `id` is the function's name by default, and `title` and `rationale` are its docstring: a factory of similar controls
    gives its own. `family` is the id by default, and the same name in each control that one fix makes pass.

    The first parameter is a resource type, or AccountFacts with the fact types that it looks up named in `facts`.
    Further ones may be `Observed[Detail]` of that resource, Organization, and Thresholds. Raises TypeError for others.
    """

    def build(judge: Callable[..., Verdict]) -> Control:
        first, _, rest = inspect.cleandoc(judge.__doc__ or "").partition("\n\n")
        said, why = title or first.rstrip("."), " ".join((rationale or rest).split())
        if not said or not why:
            raise TypeError(f"{judge.__qualname__} needs a docstring with a title and a rationale")
        hints = get_type_hints(judge)
        takes = tuple(_parameter(judge, hints[name]) for name in inspect.signature(judge).parameters)
        subject, *others = takes
        if not issubclass(subject, (Resource, AccountFacts)):
            raise TypeError(f"{judge.__qualname__}: the first parameter is a resource type or AccountFacts")
        needed = (*facts, *(kind for kind in takes if issubclass(kind, (Resource, Detail))))
        if subject is AccountFacts and (not facts or any(issubclass(kind, Detail) for kind in others)):
            raise TypeError(f"{judge.__qualname__}: over AccountFacts, facts are named in the decorator")
        return Control(
            id=id or judge.__name__,
            family=family or id or judge.__name__,
            service=_service(judge.__module__),
            title=said,
            rationale=why,
            severity=severity,
            fix=fix,
            judge=judge,
            subject=subject,
            takes=takes,
            facts=needed,
        )

    return build


def _service(module: str) -> str:
    """Return the service of a module: of ours its name below this package, of another package's its own last name.

    A module whose service is a word of Python's ends with an underscore.
    """
    own = f"{__package__}."
    name = module.removeprefix(own).partition(".")[0] if module.startswith(own) else module.rpartition(".")[2]
    return name.rstrip("_")


def _parameter(judge: Callable[..., Verdict], annotation: Any) -> type:  # noqa: ANN401 - annotations have no common type
    """Return the type that a parameter stands for: T of `Observed[T]`, else the annotation itself."""
    if get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            if get_origin(part) is Seen:
                annotation = get_args(part)[0]
    known = (Resource, Detail, AccountFacts, Organization, Thresholds)
    if isinstance(annotation, type) and issubclass(annotation, known):
        return annotation
    raise TypeError(f"{judge.__qualname__}: no control can take {annotation}")


@cache
def catalogue() -> dict[str, Control]:
    """Return every control by id: ours, and those of packages with the entry point.

    Raises ConfigError for a second control of an id, or one with a former id of another, and TypeError for an alias of
    ours that is an id or leads to none.
    """
    found: dict[str, Control] = {}
    for module in (*modules_in("orgaudit.controls"), *offered_modules()):
        for value in vars(module).values():
            if isinstance(value, Control) and value.judge.__module__ == module.__name__:
                if value.id in found:
                    other = found[value.id].judge.__module__
                    raise clash(f"two controls are called {value.id}", other, module.__name__)
                found[value.id] = value
    for former, present in ALIASES.items():
        if former in found and present in found and not found[former].judge.__module__.startswith("orgaudit."):
            modules = (found[each].judge.__module__ for each in (present, former))
            raise clash(f"{former} is a former id of {present}, which another control has", *modules)
    if wrong := [former for former, present in ALIASES.items() if former in found or present not in found]:
        raise TypeError(f"the alias {wrong[0]} is the id of a control, or leads to none")
    return dict(sorted(found.items()))


def known_control(name: str) -> Control:
    """Return the control of an id; raises ConfigError where this installation has none."""
    found = catalogue().get(name)
    if found is None:
        remedy = "install the same packages in every worker"
        raise ConfigError(f"a worker has no control {name!r}, which the run uses; {remedy}", key=ENTRY_POINT)
    return found
