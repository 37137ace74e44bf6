"""Trails and their state: those of the organization in its members, selectors, and deliveries to log groups."""

from datetime import UTC, datetime
from typing import Any

from moto.cloudtrail.models import Trail, cloudtrail_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import fault, json_answer
from orgaudit.demo.membership import organization_of
from orgaudit.demo.world import LogDelivery, World


def _describe_trails(call: Call, _: World) -> Response:
    trails = _visible_trails(call)
    if not call.parameters.get("includeShadowTrails", True):
        trails = [trail for trail in trails if trail.account_id == call.account and trail.region_name == call.region]
    if names := call.parameters.get("trailNameList"):
        trails = [trail for trail in trails if _is_named(trail, names, call)]
    return json_answer({"trailList": [_described(trail) for trail in trails]})


def _list_trails(call: Call, _: World) -> Response:
    trails = (*_trails_of(call.account), *_organization_trails(call))
    return json_answer({"Trails": [trail.short() for trail in trails]})


def _get_trail(call: Call, _: World) -> Response:
    name = call.parameters.get("Name", "")
    trail = _found(call, name, replicas=False)
    return json_answer({"Trail": _described(trail)}) if trail else _unknown_trail(call, name)


def _get_trail_status(call: Call, world: World) -> Response:
    name = call.parameters.get("Name", "")
    trail = _found(call, name, replicas=True)
    if trail is None:
        return _unknown_trail(call, name)
    state = {key: value for key, value in trail.status.description().items() if value not in ("", None)}
    return json_answer(state | _log_delivery(trail, world))


def _get_event_selectors(call: Call, _: World) -> Response:
    name = call.parameters.get("TrailName", "")
    trail = _found(call, name, replicas=False)
    return json_answer({"TrailARN": trail.arn} | _selectors(trail)) if trail else _unknown_trail(call, name)


def _trails_of(account: str) -> list[Trail]:
    # Copies: other requests add regions to the account meanwhile.
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
    """Whether a list of names means the trail: a bare name holds only in the account and region of the caller."""
    at_home = trail.account_id == call.account and trail.region_name == call.region
    return trail.arn in names or (at_home and trail.trail_name in names)


def _found(call: Call, name: str, *, replicas: bool) -> Trail | None:
    """The trail that the caller means; a replica of its own only by ARN and only where `replicas` are asked for.

    A member sees the organization's trail by its full ARN, in the trail's home region:
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
    """
    for trail in _visible_trails(call):
        reachable = trail.region_name == call.region or (replicas and trail.account_id == call.account)
        if reachable and _is_named(trail, [name], call):
            return trail
    return None


def _unknown_trail(call: Call, name: str) -> Response:
    return fault(call, "TrailNotFoundException", f"Unknown trail: {name} for the user: {call.account}")


def _described(trail: Trail) -> dict[str, Any]:
    described = {key: value for key, value in trail.description(include_region=True).items() if value not in ("", None)}
    custom = bool(trail.event_selectors or trail.advanced_event_selectors)
    return described | {"HasCustomEventSelectors": custom}


def _selectors(trail: Trail) -> dict[str, Any]:
    if trail.event_selectors:
        return {"EventSelectors": trail.event_selectors}
    if trail.advanced_event_selectors:
        return {"AdvancedEventSelectors": trail.advanced_event_selectors}
    everything = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    return {"EventSelectors": [everything]}


def _log_delivery(trail: Trail, world: World) -> dict[str, Any]:
    if not trail.cw_log_group_arn or trail.status.started is None:
        return {}
    delivery = world.deliveries.get(trail.arn, LogDelivery())
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
    "cloudtrail:GetTrail": _get_trail,
    "cloudtrail:GetTrailStatus": _get_trail_status,
    "cloudtrail:GetEventSelectors": _get_event_selectors,
}
