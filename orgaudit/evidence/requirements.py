"""Which requirements a pack is about: named as framework:requirement, or all of a framework."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from orgaudit.errors import ConfigError
from orgaudit.settings import frameworks
from orgaudit.settings.control_names import ControlNames
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Framework, Requirement
from orgaudit.store.manifest import Manifest

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requirement of one framework, and the name of its files in the pack."""

    framework: Framework
    requirement: Requirement

    @property
    def name(self) -> str:
        """The requirement as the register and reports name it, such as cis_4.0:1.6."""
        return f"{self.framework.id}:{self.requirement.id}"

    @property
    def stem(self) -> str:
        """The name of its files: of safe characters, and with a part of a hash where that changes or cuts the name."""
        plain = f"{self.framework.id}-{self.requirement.id}"
        safe = _UNSAFE.sub("-", plain)[:_LONGEST]
        return safe if safe == plain else f"{safe}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


def wanted(manifest: Manifest, names: Sequence[str]) -> list[Wanted]:
    """Return the requirements of these names in the order of the frameworks; raises ConfigError for an unknown one.

    A name is framework:requirement, by its present or a former id, the id alone where one framework of the run has it,
    or a framework for all of its requirements. Without names they are those of the framework whose rate the reports
    show first.
    """
    by_id = {framework.id: framework for framework in manifest.frameworks}
    first = frameworks.headline(by_id, manifest.headline_framework)
    if first is None:
        raise ConfigError("the run has no framework, so it has no requirement; audit again with --framework")
    chosen = list(names) or [first]
    every = [Wanted(framework, each) for framework in manifest.frameworks for each in framework.requirements]
    resolver = ControlNames((), {}, manifest.frameworks)
    chosen = [name if name in by_id else _only(name, resolver, by_id) for name in chosen]
    found = [each for each in every if each.name in chosen or each.framework.id in chosen]
    _check_stems(found)
    return found


def _only(name: str, names: ControlNames, known: dict[str, Framework]) -> str:
    """Return the requirement that a name means, as framework:requirement; raises ConfigError for none or several."""
    meant = list(names.requirements(name))
    if len(meant) == 1:
        return meant[0]
    if meant:
        message = f"{name!r} names requirements of {len(meant)} frameworks; write one of {', '.join(meant)}"
        raise ConfigError(message, key="--requirement")
    raise ConfigError(_unknown(name, known), key="--requirement")


def _unknown(name: str, known: dict[str, Framework]) -> str:
    framework, colon, _ = name.partition(":")
    if framework not in known:
        remedy = nearest(
            framework, known if colon else [*known, *(it.id for each in known.values() for it in each.requirements)]
        )
        what = f"framework {framework!r}" if colon else f"framework or requirement {framework!r}"
        return "; ".join(filter(None, (f"the run has no {what}", remedy)))
    ids = [f"{framework}:{each.id}" for each in known[framework].requirements]
    remedy = nearest(name, ids) or f"`orgaudit frameworks {framework}` lists them" if colon else ""
    return f"the run has no requirement {name!r}; {remedy}"


def _check_stems(found: Sequence[Wanted]) -> None:
    """Raise ConfigError where two requirements would have the same files, in any letter case."""
    first: dict[str, Wanted] = {}
    for each in found:
        other = first.setdefault(each.stem.casefold(), each)
        if other.name != each.name:
            message = f"{other.name!r} and {each.name!r} differ in letter case only, and so would their files"
            raise ConfigError(f"{message}; name one of them", key="--requirement")
