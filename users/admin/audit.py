"""The audit trail: shown page by page, and filled by what is edited in the admin."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Func, Model, OuterRef, QuerySet, Subquery
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from portals import signals
from portals.models import CustomField, Portal
from portals.scoping import PortalScopedAdmin, ReadOnly
from users import audit
from users.models import AuditEntry, Membership, User


@receiver(signals.edited, dispatch_uid="users.admin.audit")
def record_edit(
    *,
    request: HttpRequest,
    portal: Portal | None,
    action: str,
    object: Model,  # noqa: A002
    before: dict[str, Any],
    after: dict[str, Any],
    **kwargs: Any,
) -> None:
    """Write down what was edited; values of a deleted custom field go with it."""
    name = f"{object._meta.model_name}_{action}"
    audit.record(portal=portal, action=name, object=object, before=before, after=after, request=request)
    if isinstance(object, CustomField) and action == "deleted":
        _forget_values(object)


def _forget_values(field: CustomField) -> None:
    people = Membership.objects.filter(portal=field.portal_id, custom_data__has_key=field.key)
    people.update(custom_data=Func("custom_data", template=f"%(expressions)s - '{int(field.key)}'"))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, PortalScopedAdmin):
    """The trail of a portal, newest first; never counted as a whole, because it only grows."""

    portal_path = "portal"
    list_display = ["at", "show_action", "show_object", "show_actor", "show_changes", "reason"]
    list_display_links = None
    list_filter: list[Any] = []
    ordering = ["-at", "-pk"]
    paginator = InfinitePaginator
    list_per_page = 50
    fields = ["at", "show_action", "show_object", "show_actor", "show_changes", "reason", "address"]
    readonly_fields = ["show_action", "show_object", "show_actor", "show_changes"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return the entries with the name of who did it."""
        actor = User.objects.filter(pk=OuterRef("actor_id"))
        person = Membership.objects.filter(pk=OuterRef("object_id"), portal=OuterRef("portal"))
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries.annotate(
            actor_email=Subquery(actor.values("email")[:1]),
            person_email=Subquery(person.values("user__email")[:1]),
        )

    @display(description=_("action"))
    def show_action(self, entry: AuditEntry) -> str:
        """Return what happened, in words."""
        return entry.action.replace("_", " ").capitalize()

    @display(description=_("what"))
    def show_object(self, entry: Any) -> str:
        """Return what it happened to."""
        if entry.object_type == Membership._meta.label_lower and entry.person_email:
            return str(entry.person_email)
        try:
            kind = apps.get_model(entry.object_type)._meta.verbose_name
        except (LookupError, ValueError):
            kind = entry.object_type
        return f"{kind} {entry.object_id or ''}"

    @display(description=_("who"))
    def show_actor(self, entry: Any) -> str:
        """Return who did it: an account, a sync run, or the clock."""
        if entry.run_id:
            return format_html("{} {}", _("Sync run"), entry.run_id)
        return entry.actor_email or "–"

    @display(description=_("changes"))
    def show_changes(self, entry: AuditEntry) -> str:
        """Return the values before and after, one line per field."""
        names = dict.fromkeys([*entry.before, *entry.after])
        lines = [f"{name}: {_plain(entry.before.get(name))} → {_plain(entry.after.get(name))}" for name in names]
        return "; ".join(lines)


def _plain(value: Any) -> str:
    return "–" if value in (None, "", {}, []) else value if isinstance(value, str) else json.dumps(value)
