"""What a run is judged by: the controls, the frameworks that name them, and the numbers to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.controls.declare import Control, catalogue
from orgaudit.errors import ConfigError
from orgaudit.facts.declare import FactType
from orgaudit.model import RequirementRef
from orgaudit.settings import frameworks
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.settings import Settings
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store.manifest import ControlRecord, Manifest


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one run; regions that match `accept_blocked_regions` may be denied whole by a policy."""

    controls: tuple[Control, ...]
    frameworks: tuple[Framework, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    accept_blocked_regions: tuple[str, ...] = ()

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
                effort=control.fix.effort,
                per_resource=control.fix.per_resource,
                disruption=control.fix.disruption,
                reversible=control.fix.reversible,
            )
            for control in self.controls
        )


def rules_of(settings: Settings) -> Rules:
    """Return the rules that the settings choose; raises ConfigError for an unknown framework or control.

    Without a choice of controls, they are those of the chosen frameworks; without a choice of either, all controls.
    """
    known = catalogue()
    loaded = frameworks.load(settings.directory, known, ALIASES)
    scope = settings.scope
    scope.check_rules(loaded, {*known, *ALIASES})
    selected = tuple(frameworks.select(loaded, scope.frameworks).values())
    ids = tuple(map(resolve, scope.controls)) or (frameworks.controls_of(selected) if scope.frameworks else known)
    if not ids:
        message = f"no requirement of {', '.join(scope.frameworks)} has a control, so nothing would be evaluated"
        raise ConfigError(f"{message}; name another framework or a control", key="scope.frameworks")
    controls = tuple(known[name] for name in sorted(set(ids)))
    return Rules(controls, selected, settings.thresholds, scope.accept_blocked_regions)


def rules_again(manifest: Manifest) -> Rules:
    """Return the rules with which a run was begun; raises ConfigError where a control of them no longer exists."""
    known = catalogue()
    ids = tuple(dict.fromkeys(resolve(record.id) for record in manifest.controls))
    if gone := [name for name in ids if name not in known]:
        raise ConfigError(f"the run uses control {gone[0]!r}, which this version does not have; audit again")
    return Rules(
        tuple(known[name] for name in ids),
        tuple(frameworks.renamed(each, ALIASES) for each in manifest.frameworks),
        Thresholds.model_validate(manifest.thresholds),
        tuple(manifest.settings["scope"]["accept_blocked_regions"]),
    )
