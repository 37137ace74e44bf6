"""What the listings of an empty region cost: a call each, and one for those that read the same answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from orgaudit.facts.declare import Resource, load
from orgaudit.model import Scope
from tests.factories import HOME, MEMBER
from tests.listings import CASES, answer
from tests.literal_aws import LiteralAws, World, drained, service_model


class Empty(dict[tuple[str, str], Any]):
    """Answers of a region with nothing in it; settings of the region itself are as their cases have them."""

    def get(self, asked: tuple[str, str], default: Any = None) -> Any:
        service, operation = asked
        shape = service_model(service).operation_model(operation).output_shape
        return self[asked] if asked in self else without_rows(shape)


def without_rows(shape: Shape | None) -> dict[str, Any]:
    """What an operation answers where there is nothing: its lists, in structures too, are empty."""
    found: dict[str, Any] = {}
    for name, inner in shape.members.items() if isinstance(shape, StructureShape) else ():
        if isinstance(inner, ListShape):
            found[name] = []
        elif isinstance(inner, StructureShape) and (nested := without_rows(inner)):
            found[name] = nested
    return found


async def test_an_empty_region_costs_one_call_a_listing() -> None:
    listings = [
        each
        for each in load().values()
        if each.scope is Scope.REGIONAL and each.parent is None and issubclass(each.fact, Resource)
    ]
    settings = {(case.service, case.operation): answer(case, case.row) for case in CASES.values() if not case.identity}
    world = World({MEMBER: Empty(settings)})
    for listing in listings:
        await drained(listing.run(LiteralAws(world, MEMBER, HOME)))
    calls = Counter((call.service, call.operation) for call in world.calls)
    assert {asked: times for asked, times in calls.items() if times > 1} == {}
    assert len(calls) <= len(listings)
