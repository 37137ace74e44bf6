"""The contact information of accounts; moto knows the alternate contacts only."""

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.faults import denied, fault, json_answer
from orgaudit.demo.membership import may_ask_for
from orgaudit.demo.world import World


def _get_contact_information(call: Call, world: World) -> Response:
    account = call.parameters.get("AccountId", call.account)
    if "AccountId" in call.parameters and not may_ask_for(call.account, account):
        return denied(call, resource=f"arn:aws:account::{account}:account")
    found = world.contacts.get(account)
    if found is None:
        return fault(call, "ResourceNotFoundException", "No contact information was found for this account.", 404)
    return json_answer({"ContactInformation": dict(found)})


HANDLERS = {"account:GetContactInformation": _get_contact_information}
