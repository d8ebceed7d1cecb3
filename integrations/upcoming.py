"""Who starts and who leaves in the next weeks, as far as the connected system has told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db.models import CharField, DateField, F, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from integrations.engine.changes import Reason
from integrations.models import ExternalIdentity
from portals.models import Portal
from users.models import Membership

DAYS = 60
STARTS, LEAVES = "starts", "leaves"


class Move(NamedTuple):
    """A person who starts or leaves; `key` names the row that says so."""

    day: date
    kind: str
    first_name: str
    last_name: str
    key: int


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a day on, with how many people start and leave in them."""

    begins_on: date
    joiners: int
    leavers: int


def moves(
    portal: Portal, today: date, *, days: int = DAYS, kind: str = "", searched: str = ""
) -> QuerySet[Any, dict[str, Any]]:
    """Return who starts and leaves from today on, by day and name, as rows with the fields of Move; one statement.

    Starters are those who wait for their hiring date, and those who were added before it.
    """
    until = today + timedelta(days=days)
    parts = []
    if kind != LEAVES:
        parts += [_waiting(portal, today, until, searched), _added_early(portal, today, until, searched)]
    if kind != STARTS:
        parts.append(_leaving(portal, today, until, searched))
    first, *others = parts
    return first.union(*others, all=True).order_by("day", "last_name", "first_name", "key")


def weeks(portal: Portal, today: date) -> list[Week]:
    """Return the weeks of the next sixty days; none when nobody starts or leaves."""
    counts: Counter[tuple[int, str]] = Counter()
    for row in moves(portal, today):
        counts[(row["day"] - today).days // 7, row["kind"]] += 1
    if not counts:
        return []
    return [Week(today + timedelta(weeks=n), counts[n, STARTS], counts[n, LEAVES]) for n in range(DAYS // 7 + 1)]


def _waiting(portal: Portal, today: date, until: date, searched: str) -> QuerySet[Any, dict[str, Any]]:
    people = ExternalIdentity.objects.filter(
        connection__portal=portal, reason=Reason.HIRE_DATE_AHEAD, due_on__range=(today, until)
    )
    return _rows(people, searched, kind=STARTS, path="snapshot__", day=F("due_on"), read=KT)


def _added_early(portal: Portal, today: date, until: date, searched: str) -> QuerySet[Any, dict[str, Any]]:
    people = ExternalIdentity.objects.filter(connection__portal=portal, state=ExternalIdentity.State.LINKED)
    here = people.filter(membership__isnull=False).exclude(membership__status=Membership.Status.ENDED)
    # ISO dates sort as text.
    told: QuerySet[Any] = here.annotate(hired_on=KT("snapshot__hired_on"))
    starting = told.filter(hired_on__gte=today.isoformat(), hired_on__lte=until.isoformat())
    return _rows(starting, searched, kind=STARTS, path="membership__user__", day=Cast("hired_on", DateField()), read=F)


def _leaving(portal: Portal, today: date, until: date, searched: str) -> QuerySet[Any, dict[str, Any]]:
    people = Membership.objects.filter(portal=portal, last_day__range=(today, until))
    staying = people.exclude(status=Membership.Status.ENDED)
    return _rows(staying, searched, kind=LEAVES, path="user__", day=F("last_day"), read=F)


def _rows(
    people: QuerySet[Any], searched: str, *, kind: str, path: str, day: Any, read: Any
) -> QuerySet[Any, dict[str, Any]]:
    """Return rows with the fields of Move; `path` leads to the names."""
    named = people.annotate(
        day=day,
        kind=Value(kind, CharField()),
        first=Coalesce(Cast(read(f"{path}first_name"), CharField()), Value("")),
        last=Coalesce(Cast(read(f"{path}last_name"), CharField()), Value("")),
    )
    for word in searched.split()[:5]:
        named = named.filter(Q(first__icontains=word) | Q(last__icontains=word))
    rows: QuerySet[Any, dict[str, Any]] = named.order_by().values(
        "day", "kind", first_name=F("first"), last_name=F("last"), key=F("pk")
    )
    return rows
