"""Which regions an account has, as its account settings and EC2 tell."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import denied, json_answer, xml_answer
from orgaudit.demo.membership import may_ask_for
from orgaudit.demo.regions import OPT_IN_REGIONS
from orgaudit.demo.world import World

_PAGE = 50


def _list_regions(call: Call, world: World) -> Response:
    account = call.parameters.get("AccountId", call.account)
    if "AccountId" in call.parameters and not may_ask_for(call.account, account):
        return denied(call, resource=f"arn:aws:account::{account}:account")
    wanted = call.parameters.get("RegionOptStatusContains")
    states = [(name, state) for name, state in world.regions.states(account).items() if not wanted or state in wanted]
    start = int(call.parameters.get("NextToken", 0))
    end = start + int(call.parameters.get("MaxResults", _PAGE))
    content: dict[str, Any] = {"Regions": [{"RegionName": n, "RegionOptStatus": s} for n, s in states[start:end]]}
    if end < len(states):
        content["NextToken"] = str(end)
    return json_answer(content)


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


HANDLERS = {
    "account:ListRegions": _list_regions,
    "ec2:DescribeRegions": _describe_regions,
}
