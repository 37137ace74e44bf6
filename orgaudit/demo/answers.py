"""Answers that moto lacks or gets wrong: regions, trails and their state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from moto.cloudtrail.models import Trail, cloudtrail_backends
from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import denied, fault, json_answer, xml_answer
from orgaudit.demo.membership import ACCOUNT_SERVICE, delegated_services, organization_of
from orgaudit.demo.regions import OPT_IN_REGIONS, Regions

_PAGE = 50


@dataclass(frozen=True, slots=True)
class LogDelivery:
    """A trail's last delivery to its log group: its age (None: there was none) and the error, if it failed."""

    age: timedelta | None = timedelta(minutes=4)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What moto has no place for: enabled regions, and by trail ARN how delivery to its log group goes."""

    regions: Regions = field(default_factory=Regions)
    deliveries: dict[str, LogDelivery] = field(default_factory=dict)


def answer(call: Call, world: World) -> Response | None:
    """The answer to a call that moto would answer wrongly or not at all; None leaves it to moto."""
    handler = _HANDLERS.get(call.permission)
    return handler(call, world) if handler else None


def _list_regions(call: Call, world: World) -> Response:
    account = call.parameters.get("AccountId", call.account)
    if "AccountId" in call.parameters and not _may_ask_for(call.account, account):
        return denied(call, resource=f"arn:aws:account::{account}:account")
    wanted = call.parameters.get("RegionOptStatusContains")
    states = [(name, state) for name, state in world.regions.states(account).items() if not wanted or state in wanted]
    start = int(call.parameters.get("NextToken", 0))
    end = start + int(call.parameters.get("MaxResults", _PAGE))
    content: dict[str, Any] = {"Regions": [{"RegionName": n, "RegionOptStatus": s} for n, s in states[start:end]]}
    if end < len(states):
        content["NextToken"] = str(end)
    return json_answer(content)


def _may_ask_for(caller: str, account: str) -> bool:
    """Whether the caller speaks for the organization and the account is another member of it.

    Management must leave its own id out: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    home = organization_of(caller)
    if home is None or account == home.account_id or organization_of(account) is not home:
        return False
    trusted = any(service["ServicePrincipal"] == ACCOUNT_SERVICE for service in home.services)
    return trusted and (caller == home.account_id or ACCOUNT_SERVICE in delegated_services(caller))


def _describe_regions(call: Call, world: World) -> Response:
    everything = call.parameters.get("AllRegions", "").lower() == "true"
    names = {value for key, value in call.parameters.items() if key.startswith("RegionName.")}
    wanted = _filtered(call.parameters, "opt-in-status")
    statuses = {name: _opt_in_status(name, state) for name, state in world.regions.states(call.account).items()}
    items = "".join(
        f"<item><regionName>{escape(name)}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        f"<optInStatus>{status}</optInStatus></item>"
        for name, status in statuses.items()
        if (everything or status != "not-opted-in")
        and (not names or name in names)
        and (wanted is None or status in wanted)
    )
    return xml_answer(
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>demo</requestId>'
        f"<regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    )


def _filtered(parameters: Mapping[str, str], name: str) -> set[str] | None:
    """The values that an EC2 filter of that name lets through; None without one."""
    prefix = next((key.removesuffix("Name") for key, value in parameters.items() if value == name), None)
    return {value for key, value in parameters.items() if key.startswith(f"{prefix}Value.")} if prefix else None


def _opt_in_status(region: str, state: str) -> str:
    if state == "DISABLED":
        return "not-opted-in"
    return "opted-in" if region in OPT_IN_REGIONS else "opt-in-not-required"


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


_HANDLERS: Mapping[str, Callable[[Call, World], Response]] = {
    "account:ListRegions": _list_regions,
    "ec2:DescribeRegions": _describe_regions,
    "cloudtrail:DescribeTrails": _describe_trails,
    "cloudtrail:ListTrails": _list_trails,
    "cloudtrail:GetTrail": _get_trail,
    "cloudtrail:GetTrailStatus": _get_trail_status,
    "cloudtrail:GetEventSelectors": _get_event_selectors,
}
