"""Carry out a workflow action: once for each call, with receipt, effect and outgoing mails in one transaction.

A call that is refused for what the workflow or the record says gets an answer that people read in HubSpot; whatever is
our own trouble leaves nothing behind, and HubSpot comes again ("Custom workflow actions").
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, partial
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Model
from django.utils import translation
from django.utils.translation import gettext as _

from integrations import webhooks
from integrations.engine.changes import Reason
from integrations.engine.records import Person
from integrations.hubspot import outcomes, people
from integrations.hubspot.action_requests import GROUP, PORTAL, RECORD_TYPES, Execution, day_of, pk_of
from integrations.hubspot.mapper import Mapper, Surroundings
from integrations.hubspot.models import WorkflowCall
from integrations.hubspot.outcomes import Result
from integrations.hubspot.payloads import Record
from integrations.hubspot.progress import queue
from integrations.hubspot.provider import HubSpot, client_for
from integrations.models import Connection
from integrations.sync import apply, requests
from portals import statements
from portals.models import Group, Portal
from users import audit
from users.models import User

Kind = WorkflowCall.Kind
# The inputs that are kept: what was chosen in the workflow.
INPUTS = ("portal", "group", "last_day")
MOST_INPUT = 200


class NotReady(Exception):
    """The call cannot be carried out now; HubSpot tries again for three days."""


class CannotReplay(Exception):
    """The call cannot be carried out again; the text says why."""


class _Marked(Exception):
    """The link to the record was removed for good: only HubSpot knows whether it still exists."""


# A second delivery waits here for the first one to end, and then finds its receipt.
_CLAIM = """
INSERT INTO hubspot_workflowcall (
    account_id, callback_id, connection_id, kind, record_type, record_id, workflow_id, inputs, outcome, error_code,
    answer, state, received_at)
VALUES (%(account)s, %(callback)s, %(connection)s, %(kind)s, %(record_type)s, %(record)s, %(workflow)s,
    %(inputs)s::text::jsonb, '', '', '{}', 'done', %(now)s)
ON CONFLICT (account_id, callback_id) DO NOTHING
RETURNING id
"""

_GROUP_TITLE = "SELECT title FROM portals_group WHERE id = %(group)s AND portal_id = %(portal)s"

_KEEP = """
UPDATE hubspot_workflowcall SET outcome = %(outcome)s, error_code = %(error_code)s, answer = %(answer)s::text::jsonb,
    state = %(state)s, membership_id = %(membership)s::bigint,
    replayed_at = coalesce(%(replayed_at)s::timestamptz, replayed_at)
WHERE id = %(id)s
"""


def carry_out(*, kind: Kind, execution: Execution, now: datetime) -> dict[str, Any]:
    """Do what a workflow asks for and return the output fields; a repeated call gets its first answer.

    Raises NotReady, and the errors of integrations.http where HubSpot has to be asked; nothing is kept then.
    """
    connection = _connection(execution)
    try:
        return apply.retried(partial(_once, connection, kind, execution, now))
    except _Marked:
        if connection is None:
            raise NotReady from None
        # A record that is gone is asked for by a late call; a person who came back has a record.
        is_there = _read(connection, execution.record_id) is not None
        return apply.retried(partial(_once, connection, kind, execution, now, is_there=is_there))
    except requests.TryAgain:
        raise NotReady from None


def replay(*, call: WorkflowCall, actor: User | None, now: datetime) -> WorkflowCall:
    """Carry out a refused call again for the record as it is now, and return its receipt; HubSpot is not told.

    Raises CannotReplay, and the four errors of integrations.http.
    """
    execution = _execution_of(call)
    connection = _connection(execution)
    if connection is None or not call.may_be_replayed:
        raise CannotReplay(outcomes.sentence("", "unknown_portal"))
    person = _read(connection, call.record_id)
    if person is None:
        raise CannotReplay(_("HubSpot has no such record any more."))
    try:
        with transaction.atomic():
            call = WorkflowCall.objects.select_for_update().get(pk=call.pk)
            if not call.may_be_replayed:
                return call
            before = {"outcome": call.outcome, "error_code": call.error_code}
            result = _result(connection, Kind(call.kind), execution, person, now, is_there=True)
            _keep(call.pk, result, _fields(connection, result), replayed_at=now)
            audit.record(
                portal=connection.portal,
                action="call_replayed",
                object=call,
                before=before,
                after={"outcome": result.outcome.value, "error_code": result.error_code},
                actor=actor,
            )
    except (NotReady, requests.TryAgain):
        raise CannotReplay(_("The connection has to be renewed first.")) from None
    call.refresh_from_db()
    return call


def _once(
    connection: Connection | None, kind: Kind, execution: Execution, now: datetime, *, is_there: bool | None = None
) -> dict[str, Any]:
    with statements.keeping_plans(), transaction.atomic():
        call_id = _claim(connection, kind, execution, now)
        if call_id is None:
            known = WorkflowCall.objects.filter(account_id=execution.account_id, callback_id=execution.callback_id)
            answer: dict[str, Any] = known.values_list("answer", flat=True).get()
            return answer
        if connection is None:
            result = outcomes.failure("unknown_portal")
        else:
            person = _person(connection, execution)
            result = _result(connection, kind, execution, person, now, is_there=is_there)
        fields = _fields(connection, result)
        _keep(call_id, result, fields)
        return fields


def _connection(execution: Execution) -> Connection | None:
    """Return the connection of the portal that the call names, if it is one of its HubSpot account."""
    portal_id = pk_of(execution.inputs.get("portal", ""), PORTAL)
    if portal_id is None:
        return None
    parameters = {"provider": HubSpot.key, "account": execution.account_id, "portal": portal_id}
    found = statements.rows(_connection_query(), parameters, keeps_plan=True)
    if not found:
        return None
    names = _names(Connection)
    connection = Connection.from_db("default", names, found[0][: len(names)])
    connection.portal = Portal.from_db("default", _names(Portal), found[0][len(names) :])
    return connection


@cache
def _connection_query() -> str:
    """Return the query for a connection with its portal: Django takes longer to write it than to run it."""
    columns = [f"{table}.{name}" for table, model in (("c", Connection), ("p", Portal)) for name in _names(model)]
    return f"""
        SELECT {", ".join(columns)} FROM integrations_connection AS c JOIN portals_portal AS p ON p.id = c.portal_id
        WHERE c.provider = %(provider)s AND c.external_account_id = %(account)s AND c.portal_id = %(portal)s
    """  # noqa: S608 - names of our own columns


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _claim(connection: Connection | None, kind: Kind, execution: Execution, now: datetime) -> int | None:
    """Return the id of the call's new receipt, or None when there is one already."""
    inputs = {name: execution.inputs[name][:MOST_INPUT] for name in INPUTS if execution.inputs.get(name)}
    parameters = {
        "account": execution.account_id,
        "callback": execution.callback_id,
        "connection": connection.pk if connection else None,
        "kind": kind.value,
        "record_type": execution.object_type,
        "record": execution.record_id,
        "workflow": execution.workflow_id,
        "inputs": msgspec.json.encode(inputs).decode(),
        "now": now,
    }
    found = statements.rows(_CLAIM, parameters, keeps_plan=True)
    return found[0][0] if found else None


def _keep(call_id: int, result: Result, fields: Mapping[str, Any], *, replayed_at: datetime | None = None) -> None:
    """Write on the receipt what came of the call."""
    state = WorkflowCall.State.REFUSED if result.is_refused else WorkflowCall.State.DONE
    parameters = {
        "id": call_id,
        "outcome": result.outcome.value,
        "error_code": str(result.error_code),
        "answer": msgspec.json.encode(fields).decode(),
        "state": state.value,
        "membership": result.membership_id,
        "replayed_at": replayed_at,
    }
    statements.rows(_KEEP, parameters, keeps_plan=True)


def _result(
    connection: Connection,
    kind: Kind,
    execution: Execution,
    person: Person,
    now: datetime,
    *,
    is_there: bool | None,
) -> Result:
    """Carry the call out for a person. Raises NotReady, TryAgain, and _Marked while nobody has asked HubSpot."""
    try:
        wish = _wish(connection, kind, execution, now)
    except _Refused as refusal:
        return outcomes.failure(refusal.error_code)
    wish = replace(wish, lifts_mark=bool(is_there))
    answer = requests.bring_in(connection=connection, person=person, wish=wish, now=now)
    if answer.reason == Reason.ERASED and is_there is None:
        raise _Marked
    if answer.outcome is not requests.Outcome.SKIPPED:
        # Mapped properties are not part of the call: they are read soon.
        webhooks.note_person(connection, person.key, now)
    if answer.membership_id is not None and answer.status == "active":
        # Their courses began before the link was there.
        queue.people(connection, [answer.membership_id])
    return outcomes.of(answer)


@dataclass(slots=True)
class _Refused(Exception):
    error_code: str


def _wish(connection: Connection, kind: Kind, execution: Execution, now: datetime) -> requests.Wish:
    """Return what the workflow asks for. Raises _Refused or NotReady."""
    portal = connection.portal
    if connection.state == Connection.State.DISCONNECTED:
        raise _Refused("not_connected")
    if HubSpot.key not in portal.enabled_integrations:
        raise _Refused("turned_off")
    if not connection.may_sync:
        raise NotReady
    if RECORD_TYPES.get(execution.object_type) != connection.record_type:
        raise _Refused("wrong_object")
    last_day = _last_day(execution)
    if last_day is not None and last_day < portal.today(now):
        raise _Refused("last_day_over")
    return requests.Wish(activates=kind is Kind.ADD, group=_group(connection, execution), last_day=last_day)


def _last_day(execution: Execution) -> date | None:
    text = execution.inputs.get("last_day", "")
    try:
        return day_of(text) if text else None
    except ValueError:
        raise _Refused("bad_last_day") from None


def _group(connection: Connection, execution: Execution) -> Group | None:
    value = execution.inputs.get("group", "")
    if not value:
        return None
    parameters = {"portal": connection.portal_id, "group": pk_of(value, GROUP) or 0}
    found = statements.rows(_GROUP_TITLE, parameters, keeps_plan=True)
    if not found:
        raise _Refused("unknown_group")
    return Group(pk=parameters["group"], portal_id=connection.portal_id, title=found[0][0])


def _person(connection: Connection, execution: Execution) -> Person:
    """Return the person as the call describes them: names and address."""
    kind = RECORD_TYPES.get(execution.object_type, RECORD_TYPES["CONTACT"])
    record = Record(id=execution.record_id, properties=dict(execution.properties))
    return Mapper((), Surroundings(kind, {})).person(record)


def _read(connection: Connection, record_id: str) -> Person | None:
    """Return the person as HubSpot has them now, None when the record is gone. Raises the four errors."""
    with closing(client_for(connection)) as client:
        return people.find(client, connection, record_id, wanted=())


def _fields(connection: Connection | None, result: Result) -> dict[str, Any]:
    """Return the output fields in the language of the portal."""
    with translation.override(connection.portal.language if connection else None):
        return result.fields()


def _execution_of(call: WorkflowCall) -> Execution:
    return Execution(
        callback_id=call.callback_id,
        account_id=call.account_id,
        workflow_id=call.workflow_id,
        record_id=call.record_id,
        object_type=call.record_type,
        properties={},
        inputs=call.inputs,
    )
