"""What a run tells about the hygiene of the exception register."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orgaudit.model import Cell
from orgaudit.register.apply import Application
from orgaudit.register.hygiene import Extent, Remark, review
from orgaudit.settings import frameworks
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run


def extent_of(manifest: Manifest, known: Collection[str]) -> Extent:
    """Return what a run set out to see; `known` are the ids of all controls that there are."""
    asked = {
        record.id: (
            record.id,
            *(f"{item.framework}:{item.id}" for item in frameworks.requirements_of(manifest.frameworks, record.id)),
        )
        for record in manifest.controls
    }
    return Extent(
        accounts=manifest.accounts,
        outside=manifest.out_of_scope,
        whole=manifest.organization is not None,
        asked=asked,
        known=frozenset({*known, *asked}),
        frameworks=frozenset(framework.id for framework in manifest.frameworks),
    )


def hygiene_of(run: Run, application: Application, known: Collection[str]) -> list[Remark]:
    """Return what to look at in the register, once all findings of an evaluated run have passed `application`.

    Raises ConfigError where the run's coverage cannot be read.
    """
    manifest = run.read_manifest()
    return review(application, extent_of(manifest, known), _cells(run, manifest))


def _cells(run: Run, manifest: Manifest) -> Iterator[Cell]:
    for account in manifest.accounts:
        yield from run.cells(account.id)
