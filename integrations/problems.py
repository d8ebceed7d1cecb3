"""What in a connection's people needs somebody to mend it: by cause, with how many people.

Everything is derived from what the last sync left behind, so an item is gone as soon as its cause is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.fields.json import KT

from integrations.engine.changes import Reason
from integrations.models import Connection, ExternalIdentity, PlannedChange, SyncRun
from integrations.sync import approval
from portals import statements
from users.models import Invitation, Membership

# Values of one cause that are counted apart, the most frequent first.
MOST_VALUES = 100


class Cause(StrEnum):
    """Problems that are no reason for leaving a person out."""

    REFUSED_VALUE = "refused_value"
    IMPOSSIBLE_DATE = "impossible_date"
    ADDRESS_NOT_FOLLOWED = "address_not_followed"
    MANAGER_MISSING = "manager_missing"
    NOT_LISTED = "not_listed"
    MAIL_FAILED = "mail_failed"
    HELD = "held"


# Reasons that somebody can mend, the others are as they should be.
REASONS = (
    Reason.NO_EMAIL,
    Reason.INVALID_EMAIL,
    Reason.SHARED_EMAIL,
    Reason.EMAIL_TAKEN,
    Reason.TWO_LEARNERS,
    Reason.STAFF_ACCOUNT,
    Reason.MERGED_RECORD,
    Reason.KNOWN_ELSEWHERE,
    Reason.NO_SEAT,
    Reason.HIRE_DATE_UNKNOWN,
    Reason.NAME_TOO_LONG,
    Reason.UNREADABLE,
    Reason.COULD_NOT_BE_SAVED,
)
CAUSES: tuple[str, ...] = (*Cause, *REASONS)
# Which flaws belong to which cause, as JSON paths (strict: the filter must not look inside a flaw). A value of which
# only characters were removed was taken over.
FLAW_PATHS = {
    Cause.ADDRESS_NOT_FOLLOWED: 'strict $[*] ? (@[0] == "email")',
    Cause.IMPOSSIBLE_DATE: 'strict $[*] ? (@[0] != "email" && @[1] == "not_a_date")',
    Cause.REFUSED_VALUE: 'strict $[*] ? (@[0] != "email" && @[1] != "not_a_date" && @[1] != "characters_removed")',
}

_FLAWS = """
SELECT cause, attribute, code, value, count(DISTINCT id) AS people
FROM (
    SELECT i.id, flaw ->> 0 AS attribute, flaw ->> 1 AS code, flaw ->> 2 AS value,
        CASE WHEN flaw ->> 0 = 'email' THEN 'address_not_followed'
            WHEN flaw ->> 1 = 'not_a_date' THEN 'impossible_date' ELSE 'refused_value' END AS cause
    FROM integrations_externalidentity AS i, jsonb_array_elements(i.flaws) AS flaw
    WHERE i.connection_id = %(connection)s AND i.flaws IS NOT NULL AND flaw ->> 1 <> 'characters_removed'
) AS flaws
GROUP BY GROUPING SETS ((cause), (cause, attribute, code, value))
ORDER BY attribute NULLS FIRST, people DESC, value
"""
_MANAGERS_MISSING = """
SELECT count(*)
FROM integrations_externalidentity AS i
WHERE i.connection_id = %(connection)s AND i.state = 'linked' AND i.snapshot ->> 'manager_key' <> ''
    AND i.snapshot ->> 'status' IS DISTINCT FROM 'inactive' AND NOT EXISTS (
        SELECT FROM integrations_externalidentity AS boss
        WHERE boss.connection_id = %(connection)s AND boss.external_id = i.snapshot ->> 'manager_key')
"""


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A value that could not be taken over, and how many people have it."""

    attribute: str
    code: str
    value: str
    people: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause with the number of people; for refused values, those too."""

    cause: str
    people: int
    values: Sequence[RefusedValue] = field(default=())


def open_problems(connection: Connection, now: datetime) -> list[Problem]:
    """Return the causes that concern somebody, the ones with the most people first; six statements or seven."""
    found = [
        *_by_reason(connection),
        *_flaws(connection),
        Problem(Cause.MANAGER_MISSING, _managers_missing(connection)),
        Problem(Cause.NOT_LISTED, _not_listed(connection).count()),
        Problem(Cause.MAIL_FAILED, _unsent(connection).count()),
        Problem(Cause.HELD, _held_people(connection, now).values("external_id").distinct().count()),
    ]
    return sorted((one for one in found if one.people), key=lambda one: -one.people)


def people_of(
    connection: Connection, cause: str, now: datetime, *, attribute: str = "", value: str = ""
) -> QuerySet[ExternalIdentity]:
    """Return the people whom a cause concerns; of refused values, those with one value if it is named."""
    people = ExternalIdentity.objects.filter(connection=connection)
    if cause in FLAW_PATHS:
        is_flawed = Q(flaws__contains=[[attribute, value]]) if attribute else Q(_has_flaw(FLAW_PATHS[Cause(cause)]))
        return people.filter(is_flawed, flaws__isnull=False)
    if cause == Cause.MANAGER_MISSING:
        return _without_manager(people, connection)
    if cause == Cause.NOT_LISTED:
        return _not_listed(connection)
    if cause == Cause.MAIL_FAILED:
        return people.filter(membership__in=_unsent(connection).values("membership"))
    if cause == Cause.HELD:
        return people.filter(external_id__in=_held_people(connection, now).values("external_id"))
    return people.filter(reason=cause)


def cause_of_flaw(attribute: str, code: str) -> Cause | None:
    """Return which cause a refused value belongs to; None when the value was taken over all the same."""
    if attribute == "email":
        return Cause.ADDRESS_NOT_FOLLOWED
    if code == "characters_removed":
        return None
    return Cause.IMPOSSIBLE_DATE if code == "not_a_date" else Cause.REFUSED_VALUE


def held_run(connection: Connection, now: datetime) -> SyncRun | None:
    """Return the run whose held changes wait for an answer, if there is one."""
    return approval.waiting_run(connection, now)


def _by_reason(connection: Connection) -> list[Problem]:
    rows = ExternalIdentity.objects.filter(connection=connection, reason__in=REASONS)
    counts = rows.exclude(reason="").values_list("reason").annotate(people=Count("pk")).order_by()
    return [Problem(reason, people) for reason, people in counts]


def _flaws(connection: Connection) -> list[Problem]:
    people: dict[str, int] = {}
    values: dict[str, list[RefusedValue]] = {}
    for cause, attribute, code, value, count in statements.rows(_FLAWS, {"connection": connection.pk}):
        if attribute is None:
            people[cause] = count
        elif len(values.setdefault(cause, [])) < MOST_VALUES:
            values[cause].append(RefusedValue(attribute, code, value or "", count))
    return [
        Problem(cause, count, sorted(values.get(cause, []), key=lambda one: -one.people))
        for cause, count in people.items()
    ]


def _managers_missing(connection: Connection) -> int:
    return int(statements.rows(_MANAGERS_MISSING, {"connection": connection.pk})[0][0])


def _without_manager(people: QuerySet[ExternalIdentity], connection: Connection) -> QuerySet[ExternalIdentity]:
    managers = ExternalIdentity.objects.filter(connection=connection, external_id=OuterRef("manager_key"))
    linked = people.filter(state=ExternalIdentity.State.LINKED).exclude(snapshot__contains={"status": "inactive"})
    named = linked.annotate(manager_key=KT("snapshot__manager_key")).filter(manager_key__gt="")
    return named.filter(~Exists(managers))


def _not_listed(connection: Connection) -> QuerySet[ExternalIdentity]:
    """Return people with access whom the last complete list lacked."""
    missing = ExternalIdentity.objects.filter(connection=connection, times_missing__gt=0, membership__isnull=False)
    return missing.exclude(membership__status=Membership.Status.ENDED)


def _unsent(connection: Connection) -> QuerySet[Invitation]:
    linked = Exists(ExternalIdentity.objects.filter(connection=connection, membership=OuterRef("membership")))
    portal = Q(membership__portal=connection.portal_id)
    return Invitation.objects.filter(portal, linked, state=Invitation.State.FAILED)


def _held_people(connection: Connection, now: datetime) -> QuerySet[PlannedChange]:
    run = held_run(connection, now)
    return (
        PlannedChange.objects.filter(run=run, state=PlannedChange.State.HELD) if run else PlannedChange.objects.none()
    )


def _has_flaw(path: str) -> Func:
    return Func(
        F("flaws"),
        Value(path),
        function="jsonb_path_exists",
        template="%(function)s(%(expressions)s::jsonpath)",
        output_field=BooleanField(),
    )
