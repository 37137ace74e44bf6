"""The WSGI application around moto's: it refuses what AWS refuses and answers what moto cannot."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import sns_backends
from werkzeug.wrappers import Response

from orgaudit.demo.answers import answer
from orgaudit.demo.authorization import refusal
from orgaudit.demo.call import Call, read_call
from orgaudit.demo.emulated_organization import is_member, organization_of
from orgaudit.demo.extra_state import ExtraState


class Emulator:
    """The application; `state` may be filled while it runs."""

    def __init__(self, state: ExtraState) -> None:
        self._state = state
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._response(environ)(environ, start_response)

    def _response(self, environ: WSGIEnvironment) -> WSGIApplication:
        call = read_call(environ)
        if call is None:
            return self._moto
        if own := refusal(call, self._state.regions) or answer(call, self._state):
            return own
        if call.service == "organizations" and call.action != "DescribeOrganization" and is_member(call.account):
            _call_as_management(environ, call)
        if call.permission in ("sns:ListSubscriptions", "sns:ListSubscriptionsByTopic"):
            return _with_pending(Response.from_app(self._moto, environ), call)
        return self._moto


def _call_as_management(environ: WSGIEnvironment, call: Call) -> None:
    """Make a delegated administrator's call the management account's, where moto keeps the organization."""
    home = organization_of(call.account)
    if home is not None:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = home.account_id


def _with_pending(response: Response, call: Call) -> Response:
    """Return a list of subscriptions in which the unconfirmed ones have no ARN."""
    content = response.get_data(as_text=True)
    for subscription in list(sns_backends[call.account][call.region].subscriptions.values()):
        if subscription.attributes.get("PendingConfirmation"):
            content = content.replace(f">{subscription.arn}<", ">PendingConfirmation<")
    response.set_data(content)
    return response
