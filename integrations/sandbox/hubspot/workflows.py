"""Runs the application's workflow actions on records, as HubSpot does: signed, repeated, and completed later."""

import itertools
import random
import re
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from integrations.sandbox.clock import Clock
from integrations.sandbox.hubspot import actions, transport
from integrations.sandbox.hubspot.actions import Action, Execution, State
from integrations.sandbox.hubspot.deliveries import Deliveries, Delivery
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.transport import Answer, Message, Signer

# How long an action may take is not documented: this is the limit of a workflow's webhook steps.
ANSWER_SECONDS = 30.0
# Growing pauses for up to three days.
PAUSES = (60, 180, 600, 1800, 3600, 10800, 21600, 43200, 86400, 86400)
_WORKFLOW_ID = 192_814_114
_FIRST_CALLBACK = 1_044_123_456_789
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DEFAULT_EXPIRY = timedelta(weeks=1)
_UNFINISHED = frozenset((State.WAITING, State.REPEATING))

Properties = Callable[[int, str, str], dict[str, str | None]]


class Workflows:
    """Executions of the application's actions; `properties` reads a record of (account, type, id).

    `base_url` is where the paths of the actions begin.
    """

    def __init__(
        self, deliveries: Deliveries, clock: Clock, signer: Signer, properties: Properties, *, seed: int
    ) -> None:
        self.base_url = ""
        self.actions = actions.default_actions()
        self.executions: dict[str, Execution] = {}
        self.flaw = Flaw.NONE
        self._deliveries = deliveries
        self._clock = clock
        self._signer = signer
        self._properties = properties
        self._chance = random.Random(seed)
        self._numbers = itertools.count(_FIRST_CALLBACK)
        self._heard = threading.Condition()

    def action(self, key: str) -> Action:
        """Return an action by its key. Raises ValueError."""
        if key not in self.actions:
            raise ValueError(f"There is no action {key!r}; known: {', '.join(self.actions)}.")
        return self.actions[key]

    def take(self, definition: dict[str, Any]) -> Action:
        """Take a definition, as a further revision of the action with the same address. Raises ValueError."""
        made = actions.defined_action(definition, actions.FIRST_DEFINITION + len(self.actions))
        if known := self.actions.get(made.key):
            made.definition_id, made.version = known.definition_id, known.version + 1
        self.actions[made.key] = made
        return made

    def run(
        self,
        account: int,
        key: str,
        records: Iterable[str],
        inputs: dict[str, str],
        *,
        object_type: str = "0-1",
        copies: int = 1,
        shuffles: bool = False,
    ) -> list[Execution]:
        """Begin one execution per record and send each `copies` times. Raises ValueError for a record not there."""
        action = self.action(key)
        given = {name: value for name, value in inputs.items() if value}
        began: list[Execution] = []
        deliveries: list[Delivery] = []
        for record in records:
            properties = self._properties(account, object_type, record)
            one = self._begin(account, action, object_type, record, given)
            body = actions.execution_body(
                action, one, {name: properties.get(name) for name in action.properties}, _WORKFLOW_ID
            )
            began.append(one)
            deliveries.extend(self._delivery(action, one, body) for _ in range(copies))
        if shuffles:
            self._chance.shuffle(deliveries)
        self._deliveries.add(*deliveries)
        return began

    def options(
        self,
        account: int,
        key: str,
        field: str,
        *,
        inputs: dict[str, str] | None = None,
        object_type: str = "0-1",
        q: str = "",
        after: str = "",
    ) -> Answer:
        """Ask the application for the choices of an input field. Raises ValueError for a field without such."""
        action = self.action(key)
        if field not in action.option_paths:
            raise ValueError(f"{action.name} fetches no choices for {field!r}.")
        given = {name: value for name, value in (inputs or {}).items() if value}
        body = actions.options_body(action, account, field, object_type=object_type, inputs=given, q=q, after=after)
        message = Message("POST", f"{self.base_url}{action.option_paths[field]}", body, flaw=self.flaw)
        return transport.send(message, self._signer, self._deliveries.post)

    def complete(self, callback_id: str, outputs: dict[str, Any], *, account: int) -> bool:
        """End an execution that waits for its completion; return False when no such one waits."""
        with self._heard:
            found = self.find(callback_id)
            if found is None or found.account != account or found.state is not State.BLOCK:
                return False
            found.outputs = found.outputs | outputs
            failed = outputs.get("hs_execution_state") == State.FAIL_CONTINUE
            found.state = State.FAIL_CONTINUE if failed else State.SUCCESS
            return True

    def find(self, callback_id: str) -> Execution | None:
        """Return an execution as it stands now."""
        found = self.executions.get(callback_id)
        if found and found.state is State.BLOCK and found.expires_at and found.expires_at <= self._clock.now():
            found.state = State.EXPIRED
        return found

    def of_record(self, account: int, object_type: str, object_id: str) -> list[Execution]:
        """Return the executions on one record, newest first."""
        mine = (account, object_type, object_id)
        return [
            one for one in reversed(self.executions.values()) if (one.account, one.object_type, one.object_id) == mine
        ]

    def newest(self, count: int, account: int | None = None) -> list[Execution]:
        """Return the last executions, of one account or of all, oldest first."""
        chosen = [one for one in list(self.executions.values()) if account in (None, one.account)]
        return chosen[-count:]

    def wait_for(self, executions: Iterable[Execution], seconds: float) -> None:
        """Wait until the application has answered each of these once, but not longer than so many seconds."""
        with self._heard:
            self._heard.wait_for(lambda: all(one.statuses for one in executions), seconds)

    def _begin(self, account: int, action: Action, object_type: str, record: str, inputs: dict[str, str]) -> Execution:
        callback_id = f"ap-{account}-{next(self._numbers)}-{action.version}-0"
        made = Execution(
            callback_id, account, action.key, action.version, object_type, record, inputs, self._clock.now()
        )
        self.executions[callback_id] = made
        return made

    def _delivery(self, action: Action, execution: Execution, body: bytes) -> Delivery:
        return Delivery(
            kind="action",
            account=execution.account,
            url=f"{self.base_url}{action.path}",
            body=lambda _: body,
            companion="v2",
            seconds=ANSWER_SECONDS,
            pauses=PAUSES,
            is_done=actions.is_completed,
            told=lambda answer, is_last: self._hear(execution, answer, is_last),
            flaw=self.flaw,
        )

    def _hear(self, execution: Execution, answer: Answer, is_last: bool) -> None:
        outputs = actions.outputs_of(answer)
        with self._heard:
            execution.statuses.append(answer.status)
            execution.answers.append(outputs)
            self._heard.notify_all()
            # Of several copies the first one that ends decides.
            if execution.state not in _UNFINISHED:
                return
            execution.outputs = outputs
            execution.state = actions.state_of(answer, outputs, is_last=is_last)
            if execution.state is State.BLOCK:
                execution.expires_at = self._clock.now() + _duration(outputs.get("hs_expiration_duration"))


def _duration(text: object) -> timedelta:
    """Return an ISO 8601 duration such as P1DT12H, a week for anything else."""
    match = _DURATION.fullmatch(str(text))
    if match is None or not any(match.groups()):
        return _DEFAULT_EXPIRY
    return timedelta(**{unit: int(amount or 0) for unit, amount in zip(_UNITS, match.groups(), strict=True)})
