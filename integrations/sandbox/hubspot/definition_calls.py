"""The endpoints of action definitions for accounts with the older form of apps ("Custom workflow actions").

They open with the developer key of the application and not with a token.
"""

from integrations.sandbox.hubspot.actions import FIRST_DEFINITION, Action, defined_action
from integrations.sandbox.hubspot.app import App
from integrations.sandbox.hubspot.calls import body_of, dated
from integrations.sandbox.hubspot.errors import Json, invalid, no_token, not_found
from integrations.sandbox.hubspot.workflows import Workflows
from integrations.sandbox.wire import Request, Response, Route, json_response

DEVELOPER_KEY = "rollcall-sandbox-developer-key"
_MANY = "/automation/actions/{version}/{app_id}"
_ONE = f"{_MANY}/{{definition_id}}"
_FURTHER = ("functions", "published")  # what a project's file does not need


class DefinitionCalls:
    """One method per endpoint."""

    def __init__(self, app: App, workflows: Workflows) -> None:
        self._app = app
        self._workflows = workflows

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("GET", _MANY, self.show_all),
            dated("POST", _MANY, self.create),
            dated("GET", _ONE, self.show),
            dated("PATCH", _ONE, self.change),
            dated("DELETE", _ONE, self.delete),
        ]

    def show_all(self, request: Request, app_id: str) -> Response:
        """Return every definition."""
        self._open(request, app_id)
        return json_response({"results": [_shown(one) for one in self._defined()]})

    def show(self, request: Request, app_id: str, definition_id: str) -> Response:
        """Return one definition."""
        return json_response(_shown(self._find(request, app_id, definition_id)))

    def create(self, request: Request, app_id: str) -> Response:
        """Add a definition; it takes the place of the one with the same address."""
        self._open(request, app_id)
        definition = body_of(request)
        if missing := [key for key in _FURTHER if key not in definition]:
            raise invalid(f"Missing required fields: {', '.join(missing)}.")
        taken = [one.definition_id for one in self._workflows.actions.values()]
        made = _defined(definition, max(taken, default=FIRST_DEFINITION) + 1)
        self._workflows.actions[made.key] = made
        return json_response(_shown(made), 201)

    def change(self, request: Request, app_id: str, definition_id: str) -> Response:
        """Make a new revision."""
        known = self._find(request, app_id, definition_id)
        made = _defined(known.definition | body_of(request), known.definition_id, version=known.version + 1)
        del self._workflows.actions[known.key]
        self._workflows.actions[made.key] = made
        return json_response(_shown(made))

    def delete(self, request: Request, app_id: str, definition_id: str) -> Response:
        """Take a definition away."""
        del self._workflows.actions[self._find(request, app_id, definition_id).key]
        return Response(204)

    def _open(self, request: Request, app_id: str) -> None:
        if request.query.get("hapikey") != DEVELOPER_KEY:
            raise no_token()
        if app_id != str(self._app.id):
            raise not_found(f"There is no app {app_id}.")

    def _defined(self) -> list[Action]:
        """Return the actions whose definition is known, which those of a fresh sandbox are not."""
        return [one for one in self._workflows.actions.values() if one.definition]

    def _find(self, request: Request, app_id: str, definition_id: str) -> Action:
        self._open(request, app_id)
        for one in self._defined():
            if str(one.definition_id) == definition_id:
                return one
        raise not_found(f"There is no definition {definition_id}.")


def _defined(definition: Json, definition_id: int, *, version: int = 1) -> Action:
    try:
        return defined_action(definition, definition_id, version=version)
    except ValueError as problem:
        raise invalid(str(problem)) from problem


def _shown(action: Action) -> Json:
    return action.definition | {"id": str(action.definition_id), "revisionId": str(action.version)}
