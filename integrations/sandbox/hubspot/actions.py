"""The application's workflow actions, and what HubSpot sends of them (page "Custom workflow actions")."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from integrations.sandbox.hubspot.transport import Answer

_NAMES = {"user-invite": "User Invite Action", "user-add": "User Add Action"}
_REQUIRED = ("actionUrl", "inputFields", "labels", "objectTypes")
_FOLDER = "/actions/"
FIRST_DEFINITION = 10_860_211
# Kinds of records as actions name them.
OBJECT_TYPES = {"0-1": "CONTACT", "0-115": "USER"}


class State(StrEnum):
    """Where an execution stands."""

    WAITING = "WAITING"
    REPEATING = "REPEATING"
    BLOCK = "BLOCK"
    SUCCESS = "SUCCESS"
    FAIL_CONTINUE = "FAIL_CONTINUE"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


@dataclass(slots=True)
class Action:
    """One definition with a revision that can change while workflows run; its paths are below the application's."""

    key: str
    definition_id: int
    name: str
    path: str
    version: int = 1
    properties: tuple[str, ...] = ("email", "firstname", "lastname", "hs_additional_emails", "hs_object_id")
    # Input fields whose choices are fetched, and where.
    option_paths: dict[str, str] = field(
        default_factory=lambda: {"portal": "options/portal/", "group": "options/group/"}
    )
    definition: dict[str, Any] = field(default_factory=dict)


def default_actions() -> dict[str, Action]:
    """Return the definitions that the application's project brings."""
    return {
        key: Action(key, FIRST_DEFINITION + number, name, f"{key}/")
        for number, (key, name) in enumerate(_NAMES.items())
    }


def defined_action(definition: dict[str, Any], definition_id: int, *, version: int = 1) -> Action:
    """Return the action that a definition of the project or of the API describes. Raises ValueError."""
    missing = [key for key in _REQUIRED if key not in definition]
    if missing:
        raise ValueError(f"Missing required fields: {', '.join(missing)}.")
    try:
        labels = definition["labels"]["en"]
        fields = [one["typeDefinition"] for one in definition["inputFields"]]
        asked = definition.get("objectRequestOptions", {}).get("properties", ())
        path = _path(definition["actionUrl"])
        unlabelled = [one["name"] for one in fields if one["name"] not in labels.get("inputFieldLabels", {})]
        if unlabelled:
            raise ValueError(f"Labels are missing for {', '.join(unlabelled)}.")
        return Action(
            key=path.strip("/"),
            definition_id=definition_id,
            name=labels["actionName"],
            path=path,
            version=version,
            properties=tuple(asked),
            option_paths={one["name"]: _path(one["optionsUrl"]) for one in fields if one.get("optionsUrl")},
            definition=definition,
        )
    except (AttributeError, LookupError, TypeError) as problem:
        raise ValueError(f"The definition is malformed: {problem!r}.") from problem


def _path(address: str) -> str:
    """Return what follows the folder of the actions in an address; the host is whatever the target says."""
    _, folder, path = address.partition(_FOLDER)
    if not folder or not address.startswith("https://"):
        raise ValueError(f"{address} is no https address below {_FOLDER}")
    return path


@dataclass(slots=True)
class Execution:
    """One action on one record, with every answer that the application gave to it."""

    callback_id: str
    account: int
    action: str
    version: int
    object_type: str
    object_id: str
    inputs: dict[str, str]
    began_at: datetime
    state: State = State.WAITING
    outputs: dict[str, Any] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    expires_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the execution for JSON."""
        return {
            "callback_id": self.callback_id,
            "account": self.account,
            "action": self.action,
            "object_type": self.object_type,
            "object_id": self.object_id,
            "inputs": self.inputs,
            "state": self.state,
            "outputs": self.outputs,
            "statuses": list(self.statuses),
            "answers": list(self.answers),
        }


def execution_body(action: Action, execution: Execution, properties: dict[str, str | None], workflow: int) -> bytes:
    """Return what is posted for one execution; empty properties stay away."""
    origin = _origin(execution.account, action.definition_id, execution.version)
    return _text(
        {
            "callbackId": execution.callback_id,
            "origin": origin
            | {
                "extensionDefinitionId": action.definition_id,
                "extensionDefinitionVersionId": execution.version,
            },
            "context": {"source": "WORKFLOWS", "workflowId": workflow},
            "object": {
                "objectId": int(execution.object_id),
                "objectType": OBJECT_TYPES.get(execution.object_type, execution.object_type),
                "properties": {name: value for name, value in properties.items() if value},
            },
            "inputFields": execution.inputs,
        }
    )


def options_body(
    action: Action, account: int, field_name: str, *, object_type: str, inputs: dict[str, str], q: str, after: str
) -> bytes:
    """Return what is posted to fetch the choices of an input field."""
    fetch = {name: value for name, value in (("q", q), ("after", after)) if value}
    body: dict[str, Any] = {
        "origin": _origin(account, action.definition_id, action.version),
        "objectTypeId": object_type,
        "inputFieldName": field_name,
        "inputFields": {name: {"type": "STATIC_VALUE", "value": value} for name, value in inputs.items()},
    }
    return _text(body | ({"fetchOptions": fetch} if fetch else {}))


def is_completed(answer: Answer) -> bool:
    """Tell whether HubSpot goes on after this answer: any 2xx, and any 4xx but 429."""
    return answer.is_good or (400 <= answer.status < 500 and answer.status != 429)


def outputs_of(answer: Answer) -> dict[str, Any]:
    """Return the output fields of an answer, none when it does not carry them."""
    fields = answer.json().get("outputFields")
    return fields if isinstance(fields, dict) else {}


def state_of(answer: Answer, outputs: dict[str, Any], *, is_last: bool) -> State:
    """Return what an answer makes of an execution."""
    if not answer.is_good:
        return State.FAILED if is_last else State.REPEATING
    wanted = outputs.get("hs_execution_state", State.SUCCESS)
    return State(wanted) if wanted in (State.FAIL_CONTINUE, State.BLOCK) else State.SUCCESS


def _origin(account: int, definition: int, version: int) -> dict[str, int]:
    return {"portalId": account, "actionDefinitionId": definition, "actionDefinitionVersion": version}


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
