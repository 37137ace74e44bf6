"""The names of controls: their ids, former ids, and the requirements that they decide, such as EC2.7 and cis_4.0:1.6.

One place resolves them all, for options, settings, the register and what is imported into it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from orgaudit.settings.documents import nearest
from orgaudit.settings.framework_files import load
from orgaudit.settings.frameworks import Framework, Requirement

_VERSION = re.compile(r"_r?\d[\d.]*$")
_SPELLED = re.compile(r"(.*\S)\s+(\S+)")
"""A framework and a requirement in any spelling, such as `CIS 1.6`, and `cis_4.0 1.6` as workbooks show it."""

_LIKE_REQUIREMENT = re.compile(r"[.:(-]")
"""What ids of requirements have and those of controls have not; s3 is no slip of the pen for SR-3."""


class UnresolvedNameError(ValueError):
    """Why a name stands for no control, and what to write instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__("; ".join(filter(None, (message, remedy))))
        self.message, self.remedy = message, remedy


class ControlNames:
    """All names by which controls are called.

    A requirement stands for the controls that decide it, as framework:requirement or by its id alone, each with its
    present or a former id. An id alone stands for controls only where one framework has it: 1.6 is another requirement
    in each version of CIS.
    """

    def __init__(
        self, controls: Collection[str], aliases: Mapping[str, str], frameworks: Iterable[Framework] = ()
    ) -> None:
        self._controls, self._aliases = controls, aliases
        self._framework_ids: list[str] = []
        self._requirements: dict[str, dict[str, Requirement]] = {}
        for framework in frameworks:
            self._framework_ids.append(framework.id)
            for requirement in framework.requirements:
                for name in (requirement.id, *requirement.aliases):
                    for written in (name, f"{framework.id}:{name}"):
                        self._requirements.setdefault(written, {})[f"{framework.id}:{requirement.id}"] = requirement

    def requirements(self, name: str) -> dict[str, Requirement]:
        """Return the requirements that a name may mean, by framework:requirement.

        For a search, the framework may be written in any spelling, and without its version: CIS 1.6 means that of each.
        """
        if name in self._requirements:
            return self._requirements[name]
        spelled = _SPELLED.fullmatch(name)
        if spelled is None:
            return {}
        wanted = _folded(spelled[1])
        ids = (each for each in self._framework_ids if wanted in {_folded(each), _folded(_VERSION.sub("", each))})
        found = (self._requirements.get(f"{framework}:{spelled[2]}", {}) for framework in ids)
        return {full: requirement for meant in found for full, requirement in meant.items()}

    def searched(self, name: str) -> frozenset[str]:
        """Return every control that a name may mean, of whatever framework."""
        if (control := self._aliases.get(name, name)) in self._controls:
            return frozenset({control})
        return frozenset(control for each in self.requirements(name).values() for control in each.controls)

    def controls(self, name: str) -> tuple[str, ...]:
        """Return the controls that a name stands for: itself, or all that decide its requirement.

        Raises UnresolvedNameError for an unknown name, for a requirement of several frameworks or in another spelling,
        and for one that no control decides.
        """
        if (control := self._aliases.get(name, name)) in self._controls:
            return (control,)
        meant = self.requirements(name)
        deciding = [full for full, requirement in meant.items() if requirement.controls]
        if not meant:
            known = (*self._controls, *self._aliases, *(self._requirements if _LIKE_REQUIREMENT.search(name) else ()))
            raise UnresolvedNameError(f"no control {name!r}", nearest(name, known) or "`orgaudit controls` lists them")
        if not deciding:
            remedy = f"`orgaudit explain {shlex.quote(name)}` shows it"
            raise UnresolvedNameError(f"no control decides {name!r}", remedy)
        if len(meant) > 1:
            message = f"{name!r} names requirements of {len(meant)} frameworks"
            raise UnresolvedNameError(message, f"write one of {', '.join(deciding)}")
        if name not in self._requirements:
            raise UnresolvedNameError(f"no control {name!r}", f"write {deciding[0]}")
        return meant[deciding[0]].controls

    def standing_for(self) -> dict[str, tuple[str, ...]]:
        """Return the controls of each requirement's name that stands for any."""
        found: dict[str, tuple[str, ...]] = {}
        for name, meant in self._requirements.items():
            if len(meant) == 1 and (controls := next(iter(meant.values())).controls):
                found[name] = controls
        return found

    def by_control(self) -> dict[str, tuple[str, ...]]:
        """Return the requirements' names that stand for each control, ids alone last."""
        found: dict[str, list[str]] = {}
        for name, controls in self.standing_for().items():
            for control in controls:
                found.setdefault(control, []).append(name)
        return {control: tuple(sorted(names, key=lambda name: ":" not in name)) for control, names in found.items()}


def names_by_control(directory: Path, aliases: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the requirements' names that stand for each control by any framework file, ids alone last.

    Raises ConfigError with every problem of every file. `aliases` are as `framework_files.load` takes them.
    """
    return ControlNames((), {}, load(directory, aliases=aliases).values()).by_control()


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]+", "_", text.strip()).casefold()
