"""The management events that a trail's event selectors record.

Selectors add up, and the fields of one advanced selector all have to match:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

from collections.abc import Iterable

import msgspec

_ALL_SIDES = frozenset({"read", "write"})
SIDES_OF_READ_WRITE_TYPE = {"All": _ALL_SIDES, "ReadOnly": frozenset({"read"}), "WriteOnly": frozenset({"write"})}
_SIDE_OF_READ_ONLY = {"true": "read", "false": "write"}


class BasicSelector(msgspec.Struct, frozen=True):
    """A basic event selector; `objects` are the values of its data resources of type AWS::S3::Object."""

    management: bool
    read_write_type: str
    excluded_sources: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


class FieldSelector(msgspec.Struct, frozen=True):
    """One field of an advanced selector; `other` if it uses operators beside those that are kept here."""

    field: str
    equals: tuple[str, ...] = ()
    not_equals: tuple[str, ...] = ()
    other: bool = False
    starts_with: tuple[str, ...] = ()
    not_starts_with: tuple[str, ...] = ()

    @property
    def compares_whole(self) -> bool:
        """Whether Equals and NotEquals are all that it uses."""
        return not (self.other or self.starts_with or self.not_starts_with)


class AdvancedSelector(msgspec.Struct, frozen=True):
    """An advanced event selector; its name is free text."""

    name: str
    fields: tuple[FieldSelector, ...]

    def get(self, field: str) -> FieldSelector | None:
        """Return the condition on a field, if there is one."""
        return next((found for found in self.fields if found.field == field), None)

    @property
    def repeats(self) -> bool:
        """Whether it has a second condition on a field, the meaning of which is not documented."""
        return len({found.field for found in self.fields}) < len(self.fields)


class ManagementEvents(msgspec.Struct, frozen=True):
    """The management events that a trail records: None where a side is not recorded, else the sources left out."""

    read: frozenset[str] | None
    write: frozenset[str] | None

    @property
    def complete(self) -> bool:
        """Whether both reads and writes are recorded, perhaps without the sources that `excluded` names."""
        return self.read is not None and self.write is not None

    @property
    def excluded(self) -> tuple[str, ...]:
        """The event sources that are left out of what is recorded."""
        return tuple(sorted((self.read or frozenset()) | (self.write or frozenset())))

    def describe(self) -> str:
        """Return what is recorded, as the object of a sentence."""
        sides = [name for name, side in (("read", self.read), ("write", self.write)) if side is not None]
        if not sides:
            return "no management events"
        kinds = "all" if self.complete else f"only {sides[0]}"
        without = f" except those of {', '.join(self.excluded)}" if self.excluded else ""
        return f"{kinds} management events{without}"


def management_events(basic: Iterable[BasicSelector], advanced: Iterable[AdvancedSelector]) -> ManagementEvents:
    """Return the management events that the selectors record together; no selectors at all record everything."""
    basic, advanced = tuple(basic), tuple(advanced)
    if not basic and not advanced:
        return ManagementEvents(frozenset(), frozenset())
    recorded = [_of_basic(selector) for selector in basic] + [_of_advanced(selector) for selector in advanced]
    excluded = {
        side: [sources for sides, sources in recorded if side in sides and sources is not None] for side in _ALL_SIDES
    }
    return ManagementEvents(*(_common(excluded[side]) for side in ("read", "write")))


def _common(exclusions: list[frozenset[str]]) -> frozenset[str] | None:
    return frozenset.intersection(*exclusions) if exclusions else None


def _of_basic(selector: BasicSelector) -> tuple[frozenset[str], frozenset[str] | None]:
    if not selector.management:
        return frozenset(), None
    sides = SIDES_OF_READ_WRITE_TYPE.get(selector.read_write_type, frozenset())
    return sides, frozenset(selector.excluded_sources)


def _of_advanced(selector: AdvancedSelector) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the sides and the excluded sources of one selector; no sides where a field narrows it in another way."""
    category, source = selector.get("eventCategory"), selector.get("eventSource")
    known = {"eventCategory", "readOnly", "eventSource"}
    if category is None or "Management" not in category.equals:
        return frozenset(), None
    if selector.repeats or any(found.field not in known or not found.compares_whole for found in selector.fields):
        return frozenset(), None
    if source and source.equals:
        return frozenset(), None
    return sides_of(selector.get("readOnly")), frozenset(source.not_equals if source else ())


def sides_of(read_only: FieldSelector | None) -> frozenset[str]:
    """Return the sides, read and write, that a condition on the field readOnly leaves; both without one."""
    if read_only is None:
        return _ALL_SIDES
    named = {_SIDE_OF_READ_ONLY.get(value.lower(), "") for value in read_only.equals}
    barred = {_SIDE_OF_READ_ONLY.get(value.lower(), "") for value in read_only.not_equals}
    return (_ALL_SIDES & named if named else _ALL_SIDES) - barred
