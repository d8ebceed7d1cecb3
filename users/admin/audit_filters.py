"""Filters of the audit trail: what was done, to what, to whom, and when."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from portals.numbers import number_from
from portals.scoping import portal_of
from users import audit_words
from users.admin.person_filters import CreatedAfterFilter
from users.models import AuditEntry, Membership

Entries = QuerySet[AuditEntry]
KINDS = (
    "users.membership",
    "portals.group",
    "portals.course",
    "portals.customfield",
    "portals.portal",
    "integrations.connection",
)
PERSON_KINDS = ("users.membership", "users.pendinguser")


class ActionFilter(DropdownFilter):
    """What was done."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return every action by its name."""
        edits = [f"{kind.partition('.')[2]}_{edit}" for kind in KINDS[1:] for edit in audit_words.EDITS]
        found = [(code, audit_words.action(code)) for code in (*audit_words.ACTIONS, *edits)]
        return sorted(found, key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        """Return the entries about it."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class KindFilter(DropdownFilter):
    """What it was done to."""

    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the kinds of things."""
        return [(kind, audit_words.kind(kind)) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        """Return the entries about such things."""
        return queryset.filter(object_type=self.value()) if self.value() else queryset


class PersonFilter(DropdownFilter):
    """The history of one person; their page leads here."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the person who is asked for, if there is one here."""
        asked, portal = request.GET.get(self.parameter_name, ""), portal_of(request)
        people = Membership.objects.filter(pk=number_from(asked) or 0).select_related("user")
        people = people.filter(portal=portal) if portal else people
        return [(str(person.pk), str(person)) for person in people]

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        """Return the entries about the person."""
        if not self.value():
            return queryset
        return queryset.filter(object_type__in=PERSON_KINDS, object_id=self.value())


class SinceFilter(CreatedAfterFilter):
    """Entries of a day or later."""

    title = _("from day")
    parameter_name = "since"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return those since the day began at the portal."""
        day = _day(self.value())
        return queryset.filter(at__gte=_beginning(day)) if day else queryset


class UntilFilter(CreatedAfterFilter):
    """Entries of a day or earlier."""

    title = _("to day")
    parameter_name = "until"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return those until the day ends at the portal."""
        day = _day(self.value())
        return queryset.filter(at__lt=_beginning(day + timedelta(days=1))) if day else queryset


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    # Nothing is older, and the last days of the calendar have no day after them.
    return day if 2000 <= day.year <= 9000 else None


def _beginning(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
