"""Reads OSCAL documents with compliance-trestle's models, which forbid what OSCAL does not define."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.model import Cell, Status
from orgaudit.store.run import Run, write_lines

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def assessment_results(path: Path) -> dict[str, Any]:
    """Return assessment results as plain data, once trestle has loaded them."""
    from trestle.oscal.assessment_results import AssessmentResults  # noqa: PLC0415 - takes half a second

    return _loaded(AssessmentResults, path, "assessment-results")


def plan_of_action(path: Path) -> dict[str, Any]:
    """Return a plan of action as plain data, once trestle has loaded it."""
    from trestle.oscal.poam import PlanOfActionAndMilestones  # noqa: PLC0415 - takes half a second

    return _loaded(PlanOfActionAndMilestones, path, "plan-of-action-and-milestones")


def _loaded(kind: Any, path: Path, root: str) -> dict[str, Any]:
    document = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    assert list(document) == [root]
    model = kind.oscal_read(path)
    again = msgspec.json.decode(model.oscal_serialize_json_bytes(), type=dict[str, dict[str, Any]])
    assert _plain(again) == _plain(document), "trestle read something else"
    check_references(document[root])
    return document[root]


def _plain(value: Any) -> Any:
    """Return data with its times cut to the precision that trestle writes."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return list(map(_plain, value))
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", value):
        return value[:19]
    return value


def check_references(document: dict[str, Any]) -> None:
    """Check that every UUID is used once, and that every reference leads to one of the right kind."""
    kinds = {kind: [each["uuid"] for each in found] for kind, found in _kinds(document).items()}
    counts = Counter(value for key, value in _pairs(document) if key == "uuid")
    assert [uuid for uuid, count in counts.items() if count > 1] == []
    assert all(UUID.fullmatch(uuid) for uuid in counts)
    places = {
        "observation-uuid": {*kinds["observations"]},
        "risk-uuid": {*kinds["risks"]},
        "component-uuid": {*kinds["components"]},
        "actor-uuid": {*kinds["components"]},
        "subject-uuid": {*kinds["components"], *kinds["inventory-items"]},
    }
    for key, value in _pairs(document):
        if key == "party-uuids":
            assert {*value} <= {*kinds["parties"]}
        elif key.endswith("-uuid"):
            assert value in places[key], (key, value)
        elif key == "href" and value.startswith("#"):
            assert value[1:] in kinds["resources"]


def _kinds(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    names = ("observations", "risks", "components", "inventory-items", "parties", "resources", "findings", "poam-items")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for key, value in _pairs(document):
        if key in found:
            found[key] += value
    return found


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key, each
            yield from _pairs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _pairs(each)


def props(part: dict[str, Any]) -> dict[str, str]:
    """Return the properties of ours that a part has."""
    return {each["name"]: each["value"] for each in part.get("props", ()) if each.get("ns") == "urn:orgaudit:oscal"}


def by_name(parts: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Return parts by the value of a property."""
    return {props(part)[name]: part for part in parts if name in props(part)}


def of_type(observations: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the observations of a type."""
    return [each for each in observations if kind in each["types"]]


def only(run: Run, status: Status) -> Run:
    """Give every finding and cell of a run this status."""
    for account in run.read_manifest().accounts:
        findings = [
            msgspec.structs.replace(each, status=status, gap=None, inherited_from=None)
            for each in run.findings(account.id)
        ]
        cells = [
            Cell(
                account_id=each.account_id,
                account_name=each.account_name,
                ou_path=each.ou_path,
                region=each.region,
                control=each.control,
                status=status,
                passed=int(status is Status.PASS),
                not_applicable=int(status is Status.NOT_APPLICABLE),
            )
            for each in run.cells(account.id)
        ]
        write_lines(run.findings_path(account.id), findings)
        write_lines(run.cells_path(account.id), cells)
    return run
