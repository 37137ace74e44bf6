"""The WSGI application around moto's: refuses what AWS refuses, answers what moto cannot, leaves the rest to moto."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import sns_backends
from werkzeug.wrappers import Response

from orgaudit.demo.answers import answer
from orgaudit.demo.call import Call, read_call
from orgaudit.demo.denials import refusal
from orgaudit.demo.membership import is_member, organization_of
from orgaudit.demo.world import World


class Emulator:
    """The application; `world` may be filled while it runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._response(environ)(environ, start_response)

    def _response(self, environ: WSGIEnvironment) -> WSGIApplication:
        call = read_call(environ)
        if call is None:
            return self._moto
        if own := refusal(call, self._world.regions) or answer(call, self._world):
            return own
        if call.service == "organizations" and call.action != "DescribeOrganization" and is_member(call.account):
            _speak_for_management(environ, call)
        if call.permission in ("sns:ListSubscriptions", "sns:ListSubscriptionsByTopic"):
            return _with_pending(Response.from_app(self._moto, environ), call)
        return self._moto


def _speak_for_management(environ: WSGIEnvironment, call: Call) -> None:
    """Let moto read the organization for a delegated administrator: it keeps it in the management account only."""
    home = organization_of(call.account)
    if home is not None:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = home.account_id


def _with_pending(response: Response, call: Call) -> Response:
    """The list of subscriptions in which those that nobody confirmed have no ARN yet."""
    content = response.get_data(as_text=True)
    for subscription in list(sns_backends[call.account][call.region].subscriptions.values()):
        if subscription.attributes.get("PendingConfirmation"):
            content = content.replace(f">{subscription.arn}<", ">PendingConfirmation<")
    response.set_data(content)
    return response
