"""Macie, which is always enabled in moto and has no automated discovery there."""

from collections.abc import Callable

from werkzeug.wrappers import Response

from orgaudit.demo.call import Call
from orgaudit.demo.extra_state import ExtraState, Macie
from orgaudit.demo.responses import fault, json_answer

_SCOPE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def _answering(answer: Callable[[Call, Macie], dict[str, object]]) -> Callable[[Call, ExtraState], Response]:
    """Return the handler that answers where Macie is enabled, and refuses as AWS does where it is not."""

    def handler(call: Call, state: ExtraState) -> Response:
        found = state.macie.get((call.account, call.region))
        if found is None:
            return fault(call, "AccessDeniedException", "Macie is not enabled.", 403)
        return json_answer(answer(call, found))

    return handler


def _status(found: Macie) -> str:
    return "ENABLED" if found.automated else "DISABLED"


def _session(*_: object) -> dict[str, object]:
    return {
        "status": "ENABLED",
        "createdAt": "2024-03-04T10:00:00Z",
        "updatedAt": "2024-03-04T10:00:00Z",
        "findingPublishingFrequency": "SIX_HOURS",
    }


def _administrator(_: Call, found: Macie) -> dict[str, object]:
    if found.administrator is None:
        return {}
    return {"administrator": {"accountId": found.administrator, "relationshipStatus": "Enabled"}}


def _configuration(_: Call, found: Macie) -> dict[str, object]:
    return {"status": _status(found), "classificationScopeId": _SCOPE}


def _scope(*_: object) -> dict[str, object]:
    return {"id": _SCOPE, "name": "automated-sensitive-data-discovery", "s3": {"excludes": {"bucketNames": []}}}


def _discovery_accounts(call: Call, found: Macie) -> dict[str, object]:
    return {"items": [{"accountId": call.account, "status": _status(found)}]}


def _jobs(*_: object) -> dict[str, object]:
    return {"items": []}


HANDLERS = {
    "macie2:GetAdministratorAccount": _answering(_administrator),
    "macie2:GetAutomatedDiscoveryConfiguration": _answering(_configuration),
    "macie2:GetClassificationScope": _answering(_scope),
    "macie2:GetMacieSession": _answering(_session),
    "macie2:ListAutomatedDiscoveryAccounts": _answering(_discovery_accounts),
    "macie2:ListClassificationJobs": _answering(_jobs),
}
