"""Trails and their state: those of the organization in its members, selectors, and deliveries to log groups."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.cloudtrail.models import Trail, cloudtrail_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import organization_of
from orgaudit.demo.extra_state import ExtraState, LogDelivery
from orgaudit.demo.responses import fault, json_answer


def _describe_trails(call: Call, _: ExtraState) -> Response:
    trails = _visible_trails(call)
    if not call.parameters.get("includeShadowTrails", True):
        trails = [trail for trail in trails if trail.account_id == call.account and trail.region_name == call.region]
    if names := call.parameters.get("trailNameList"):
        trails = [trail for trail in trails if _is_named(trail, names, call)]
    return json_answer({"trailList": [_described(trail) for trail in trails]})


def _list_trails(call: Call, _: ExtraState) -> Response:
    trails = (*_trails_of(call.account), *_organization_trails(call))
    return json_answer({"Trails": [trail.short() for trail in trails]})


def _of_trail(
    answer: Callable[[Trail, ExtraState], dict[str, Any]], *, key: str = "Name", replicas: bool = False
) -> Callable[[Call, ExtraState], Response]:
    """Return the handler of an operation on the trail that a parameter names."""

    def handler(call: Call, state: ExtraState) -> Response:
        name = call.parameters.get(key, "")
        trail = _found(call, name, replicas=replicas)
        if trail is None:
            return fault(call, "TrailNotFoundException", f"Unknown trail: {name} for the user: {call.account}")
        return json_answer(answer(trail, state))

    return handler


def _trail(trail: Trail, _: ExtraState) -> dict[str, Any]:
    return {"Trail": _described(trail)}


def _status(trail: Trail, state: ExtraState) -> dict[str, Any]:
    status = {key: value for key, value in trail.status.description().items() if value not in ("", None)}
    return status | _log_delivery(trail, state)


def _trails_of(account: str) -> list[Trail]:
    # Copies, because other requests add regions to the account meanwhile.
    return [trail for backend in list(cloudtrail_backends[account].values()) for trail in list(backend.trails.values())]


def _organization_trails(call: Call) -> list[Trail]:
    home = organization_of(call.account)
    if home is None or home.account_id == call.account:
        return []
    return [trail for trail in _trails_of(home.account_id) if trail.is_org_trail]


def _visible_trails(call: Call) -> list[Trail]:
    trails = (*_trails_of(call.account), *_organization_trails(call))
    return [trail for trail in trails if trail.is_multi_region or trail.region_name == call.region]


def _is_named(trail: Trail, names: list[str], call: Call) -> bool:
    """Return whether a list names the trail: a name without an ARN is valid only in its account and region."""
    at_home = trail.account_id == call.account and trail.region_name == call.region
    return trail.arn in names or (at_home and trail.trail_name in names)


def _found(call: Call, name: str, *, replicas: bool) -> Trail | None:
    """Return the trail that the call names; a replica of its own only by ARN and only with `replicas`.

    A member can read the organization's trail by its full ARN, in the trail's home region:
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
    """
    for trail in _visible_trails(call):
        reachable = trail.region_name == call.region or (replicas and trail.account_id == call.account)
        if reachable and _is_named(trail, [name], call):
            return trail
    return None


def _described(trail: Trail) -> dict[str, Any]:
    described = {key: value for key, value in trail.description(include_region=True).items() if value not in ("", None)}
    custom = bool(trail.event_selectors or trail.advanced_event_selectors)
    return described | {"HasCustomEventSelectors": custom}


def _selectors(trail: Trail, _: ExtraState) -> dict[str, Any]:
    if trail.advanced_event_selectors and not trail.event_selectors:
        return {"TrailARN": trail.arn, "AdvancedEventSelectors": trail.advanced_event_selectors}
    everything = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    return {"TrailARN": trail.arn, "EventSelectors": trail.event_selectors or [everything]}


def _log_delivery(trail: Trail, state: ExtraState) -> dict[str, Any]:
    if not trail.cw_log_group_arn or trail.status.started is None:
        return {}
    delivery = state.deliveries.get(trail.arn, LogDelivery())
    until = datetime.now(UTC) if trail.status.is_logging else (trail.status.stopped or trail.status.started)
    content: dict[str, Any] = {}
    if delivery.age is not None:
        content["LatestCloudWatchLogsDeliveryTime"] = (until - delivery.age).timestamp()
    if delivery.error:
        content["LatestCloudWatchLogsDeliveryError"] = delivery.error
    return content


HANDLERS = {
    "cloudtrail:DescribeTrails": _describe_trails,
    "cloudtrail:ListTrails": _list_trails,
    "cloudtrail:GetTrail": _of_trail(_trail),
    "cloudtrail:GetTrailStatus": _of_trail(_status, replicas=True),
    "cloudtrail:GetEventSelectors": _of_trail(_selectors, key="TrailName"),
}
