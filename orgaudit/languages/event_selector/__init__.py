"""Event selectors: the events that a trail records, by its basic and advanced selectors."""

from orgaudit.languages.event_selector.data_events import S3_OBJECT, records_objects
from orgaudit.languages.event_selector.management import (
    AdvancedSelector,
    BasicSelector,
    FieldSelector,
    ManagementEvents,
    management_events,
)

__all__ = [
    "S3_OBJECT",
    "AdvancedSelector",
    "BasicSelector",
    "FieldSelector",
    "ManagementEvents",
    "management_events",
    "records_objects",
]
