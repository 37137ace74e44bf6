"""The regions and the contact information of accounts, as Account Management and EC2 return them."""

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.emulated_organization import may_read_account
from orgaudit.demo.extra_state import OPT_IN_REGIONS, ExtraState
from orgaudit.demo.responses import denied, fault, json_answer, xml_answer

_PAGE = 50


def _of_account(answer: Callable[[str, Call, ExtraState], Response]) -> Callable[[Call, ExtraState], Response]:
    """Return the handler of an operation on the caller's account, or on the member that the parameters name."""

    def handler(call: Call, state: ExtraState) -> Response:
        account = call.parameters.get("AccountId", call.account)
        if "AccountId" in call.parameters and not may_read_account(call.account, account):
            return denied(call, resource=f"arn:aws:account::{account}:account")
        return answer(account, call, state)

    return handler


def _get_contact_information(account: str, call: Call, state: ExtraState) -> Response:
    found = state.contacts.get(account)
    if found is None:
        return fault(call, "ResourceNotFoundException", "No contact information was found for this account.", 404)
    return json_answer({"ContactInformation": dict(found)})


def _list_regions(account: str, call: Call, state: ExtraState) -> Response:
    wanted = call.parameters.get("RegionOptStatusContains")
    states = [
        (name, status) for name, status in state.regions.states(account).items() if not wanted or status in wanted
    ]
    start = int(call.parameters.get("NextToken", 0))
    end = start + int(call.parameters.get("MaxResults", _PAGE))
    content: dict[str, Any] = {"Regions": [{"RegionName": n, "RegionOptStatus": s} for n, s in states[start:end]]}
    if end < len(states):
        content["NextToken"] = str(end)
    return json_answer(content)


def _describe_regions(call: Call, state: ExtraState) -> Response:
    all_regions = call.parameters.get("AllRegions", "").lower() == "true"
    names = {value for key, value in call.parameters.items() if key.startswith("RegionName.")}
    wanted = _filtered(call.parameters, "opt-in-status")
    statuses = {name: _opt_in_status(name, status) for name, status in state.regions.states(call.account).items()}
    items = "".join(
        f"<item><regionName>{escape(name)}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        f"<optInStatus>{status}</optInStatus></item>"
        for name, status in statuses.items()
        if (all_regions or status != "not-opted-in")
        and (not names or name in names)
        and (wanted is None or status in wanted)
    )
    return xml_answer(
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>demo</requestId>'
        f"<regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    )


def _filtered(parameters: Mapping[str, str], name: str) -> set[str] | None:
    """Return the values that an EC2 filter of that name allows; None without one."""
    prefix = next((key.removesuffix("Name") for key, value in parameters.items() if value == name), None)
    return {value for key, value in parameters.items() if key.startswith(f"{prefix}Value.")} if prefix else None


def _opt_in_status(region: str, status: str) -> str:
    if status == "DISABLED":
        return "not-opted-in"
    return "opted-in" if region in OPT_IN_REGIONS else "opt-in-not-required"


HANDLERS = {
    "account:GetContactInformation": _of_account(_get_contact_information),
    "account:ListRegions": _of_account(_list_regions),
    "ec2:DescribeRegions": _describe_regions,
}
