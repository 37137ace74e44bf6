"""What a run is judged by: the controls, the frameworks that name them, and the numbers to compare with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.controls.declare import Control, catalogue
from orgaudit.controls.digest import control_digest
from orgaudit.errors import ConfigError
from orgaudit.evaluate.remediation import general
from orgaudit.facts.declare import FactType
from orgaudit.model import RequirementRef
from orgaudit.settings import framework_files, frameworks
from orgaudit.settings.control_names import ControlNames, UnresolvedNameError
from orgaudit.settings.documents import error_of
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.sections import ScopeSettings
from orgaudit.settings.settings import Settings
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store.manifest import ControlRecord, Manifest


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one run; regions that match `accept_blocked_regions` may be denied whole by a policy.

    `headline` is the id of the framework whose rate stands on page one, or None without any framework.
    """

    controls: tuple[Control, ...]
    frameworks: tuple[Framework, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    accept_blocked_regions: tuple[str, ...] = ()
    headline: str | None = None

    def accepts(self, region: str) -> bool:
        """Return whether a region that a policy denies whole is accepted as not audited."""
        return any(fnmatchcase(region, pattern) for pattern in self.accept_blocked_regions)

    @property
    def facts(self) -> tuple[FactType, ...]:
        """The fact types that the controls need."""
        return tuple(dict.fromkeys(kind for control in self.controls for kind in control.facts))

    @property
    def requirements(self) -> Mapping[str, list[RequirementRef]]:
        """The requirements that each control decides, by the control's id."""
        return {each.id: frameworks.requirements_of(self.frameworks, each.id) for each in self.controls}

    @property
    def records(self) -> tuple[ControlRecord, ...]:
        """The controls as the manifest keeps them."""
        requirements = self.requirements
        return tuple(
            ControlRecord(
                id=control.id,
                service=control.service,
                severity=control.severity,
                scope=control.scope,
                title=control.title,
                rationale=control.rationale,
                actions=control.actions,
                family=control.family,
                digest=control_digest(control, self.thresholds, requirements[control.id]),
                effort=control.fix.effort,
                per_resource=control.fix.per_resource,
                disruption=control.fix.disruption,
                reversible=control.fix.reversible,
                remediation=general(control.fix),
                facts=control.own_facts,
                account_facts=control.account_facts,
                uses_organization=Organization in control.takes,
            )
            for control in self.controls
        )


def rules_of(settings: Settings) -> Rules:
    """Return the rules that the settings choose; raises ConfigError for an unknown framework or control.

    Without a choice of controls, they are what `chosen_controls` returns.
    """
    known = catalogue()
    loaded = framework_files.load(settings.directory, known, ALIASES)
    scope, report = settings.scope, settings.report
    named = named_controls(scope, loaded, known)
    report.check_headline(loaded)
    selected = frameworks.select(loaded, scope.frameworks, report.headline_framework, scope.nist_baseline)
    ids = named or chosen_controls(settings, loaded, known)
    if not ids:
        message = f"no requirement of {', '.join(scope.frameworks)} has a control, so nothing would be evaluated"
        raise ConfigError(f"{message}; name another framework or a control", key="scope.frameworks")
    return Rules(
        controls=tuple(known[name] for name in sorted(set(ids))),
        frameworks=tuple(selected.values()),
        thresholds=settings.thresholds,
        accept_blocked_regions=scope.accept_blocked_regions,
        headline=frameworks.headline(selected, report.headline_framework),
    )


def named_controls(scope: ScopeSettings, loaded: Mapping[str, Framework], known: Collection[str]) -> tuple[str, ...]:
    """Return the ids of the controls that the scope names, of all frameworks and controls.

    A name is a control's present or former id, a framework:requirement, or the id of a requirement alone, such as a
    Security Hub id, where only one framework has it. Raises ConfigError for any other, and for an unknown framework.
    """
    scope.check_frameworks(loaded)
    names = ControlNames(known, ALIASES, loaded.values())
    found: list[str] = []
    problems = []
    for index, name in enumerate(scope.controls):
        try:
            found += names.controls(name)
        except UnresolvedNameError as error:
            problems.append(scope.problem("controls", index, error.message, error.remedy))
    if problems:
        raise error_of(problems)
    return tuple(dict.fromkeys(found))


def chosen_controls(
    settings: Settings, loaded: Mapping[str, Framework], known: Mapping[str, Control]
) -> tuple[str, ...]:
    """Return the ids of the controls that the choice of frameworks runs, of all frameworks and controls.

    `all` runs every control. Without a choice, a user's own control that no framework names runs too.
    """
    ids = settings.scope.frameworks
    if frameworks.ALL in ids:
        return tuple(known)
    selected = frameworks.select(loaded, ids, settings.report.headline_framework, settings.scope.nist_baseline)
    chosen = {*frameworks.controls_of(selected.values())}
    if not ids:
        named = {*frameworks.controls_of(loaded.values())}
        chosen |= {name for name, each in known.items() if _is_own(each) and name not in named}
    return tuple(name for name in known if name in chosen)


def _is_own(control: Control) -> bool:
    """Return whether a control comes from a user's package."""
    return not control.judge.__module__.startswith("orgaudit.")


def rules_again(manifest: Manifest) -> Rules:
    """Return the rules with which a run was begun; raises ConfigError where a control of them no longer exists."""
    known = catalogue()
    ids = tuple(dict.fromkeys(resolve(record.id) for record in manifest.controls))
    if gone := [name for name in ids if name not in known]:
        raise ConfigError(f"the run uses control {gone[0]!r}, which this version does not have; audit again")
    return Rules(
        tuple(known[name] for name in ids),
        tuple(framework_files.renamed(each, ALIASES) for each in manifest.frameworks),
        Thresholds.model_validate(manifest.thresholds),
        tuple(manifest.settings["scope"]["accept_blocked_regions"]),
        manifest.headline_framework,
    )
