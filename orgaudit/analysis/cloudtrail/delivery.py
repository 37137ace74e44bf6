"""Whether deliveries of a trail to its log group work."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from orgaudit.facts.cloudtrail.trails import TrailStatus


def last_delivery(status: TrailStatus, now: datetime, hours: int) -> tuple[bool, str]:
    """Return whether deliveries to a trail's log group work, the last within so many hours, and what was seen."""
    if status.logs_delivery_error:
        return False, f"the last delivery failed: {status.logs_delivery_error}"
    if status.logs_delivered_at is None:
        return False, "nothing has ever been delivered to the log group"
    age = (now - status.logs_delivered_at) / timedelta(hours=1)
    if age <= hours:
        return True, f"delivered {age:.0f} hours ago"
    return False, f"the last delivery was more than {math.ceil(age) - 1} hours ago; at most {hours} are allowed"
