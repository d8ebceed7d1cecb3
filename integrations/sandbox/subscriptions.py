"""The endpoints under /v1/webhook_subscriptions; for a token of the application only."""

from integrations.sandbox.refusals import invalid_parameter, missing_scope, not_found
from integrations.sandbox.resources import Context
from integrations.sandbox.webhooks import Subscription
from integrations.sandbox.wire import Response, Route, json_response
from integrations.sandbox.world import World

_TYPES = frozenset(("Company", "Employee", "Location", "Form", "Notification", "Payroll"))


class Subscriptions:
    """One method per endpoint."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        many, one = "/v1/webhook_subscriptions", "/v1/webhook_subscriptions/{uuid}"
        return [
            Route.of("GET", many, self.show_all),
            Route.of("POST", many, self.create),
            Route.of("GET", one, self.show),
            Route.of("PUT", one, self.change),
            Route.of("DELETE", one, self.delete),
            Route.of("PUT", f"{one}/verify", self.verify),
            Route.of("GET", f"{one}/request_verification_token", self.send_token),
        ]

    def show_all(self, context: Context) -> Response:
        """Return every subscription."""
        _require_application(context)
        return json_response([one.shown() for one in self._world.webhooks.subscriptions.values()])

    def create(self, context: Context) -> Response:
        """Add one; its token goes to its address."""
        _require_application(context)
        fields = context.request.fields()
        try:
            made = self._world.webhooks.subscribe(url=str(fields.get("url")), types=_types(fields))
        except ValueError as problem:
            raise invalid_parameter("url", str(problem)) from problem
        return json_response(made.shown(), 201)

    def show(self, context: Context, uuid: str) -> Response:
        """Return one."""
        return json_response(self._find(context, uuid).shown())

    def change(self, context: Context, uuid: str) -> Response:
        """Choose the types anew."""
        found = self._find(context, uuid)
        found.subscription_types = _types(context.request.fields())
        return json_response(found.shown())

    def delete(self, context: Context, uuid: str) -> Response:
        """End one."""
        del self._world.webhooks.subscriptions[self._find(context, uuid).uuid]
        return Response(204)

    def verify(self, context: Context, uuid: str) -> Response:
        """Begin to send events to whoever got the token."""
        found = self._find(context, uuid)
        if context.request.fields().get("verification_token") != found.verification_token:
            raise invalid_parameter("verification_token", "The verification token is not the one that was sent.")
        found.status = "verified"
        return json_response(found.shown())

    def send_token(self, context: Context, uuid: str) -> Response:
        """Send the token once more."""
        self._world.webhooks.send_token(self._find(context, uuid))
        return json_response({})

    def _find(self, context: Context, uuid: str) -> Subscription:
        _require_application(context)
        found = self._world.webhooks.subscriptions.get(uuid)
        if found is None:
            raise not_found()
        return found


def _require_application(context: Context) -> None:
    if context.grant.company_uuid is not None:
        raise missing_scope("webhook_subscriptions:write")


def _types(fields: dict[str, object]) -> list[str]:
    types = fields.get("subscription_types")
    if not isinstance(types, list) or not types or not _TYPES.issuperset(types):
        raise invalid_parameter("subscription_types", "Name types such as Company and Employee.")
    return list(types)
