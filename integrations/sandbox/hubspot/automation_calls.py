"""The endpoints with which the application completes workflow actions that it blocked ("Custom workflow actions")."""

from typing import Any

from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import invalid, not_found
from integrations.sandbox.hubspot.workflows import Workflows
from integrations.sandbox.wire import Response, Route

SCOPE = "automation"
_CALLBACKS = "/automation/actions/callbacks/{version}"


class AutomationCalls:
    """One method per endpoint."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("POST", f"{_CALLBACKS}/complete", self.complete_several),
            dated("POST", f"{_CALLBACKS}/{{callback_id}}/complete", self.complete),
        ]

    def complete(self, call: Call, callback_id: str) -> Response:
        """End one action."""
        call.require(SCOPE)
        self._complete(call, callback_id, call.body().get("outputFields"))
        return Response(204)

    def complete_several(self, call: Call) -> Response:
        """End several actions."""
        call.require(SCOPE)
        inputs = call.body().get("inputs")
        if not isinstance(inputs, list):
            raise invalid("Invalid input JSON: inputs has to be a list.")
        for one in inputs:
            self._complete(call, str(one.get("callbackId", "")), one.get("outputFields"))
        return Response(204)

    def _complete(self, call: Call, callback_id: str, outputs: Any) -> None:
        if not isinstance(outputs, dict):
            raise invalid("Invalid input JSON: outputFields has to be an object.")
        if not self._workflows.complete(callback_id, outputs, account=call.account.id):
            raise not_found(f"No action waits for {callback_id}.")
