"""The audit trail: shown page by page, and filled by what is edited in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, Func, Model, OuterRef, Q, QuerySet, Subquery
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portals import csv_files, signals
from portals.models import Course, CustomField, Group, Portal
from portals.paging import InfinitePaginator
from portals.scoping import PortalScopedAdmin, ReadOnly, portal_of
from users import audit, audit_words
from users.admin import cells
from users.admin.audit_filters import PERSON_KINDS, ActionFilter, KindFilter, PersonFilter, SinceFilter, UntilFilter
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


# Models whose rows the trail names and links to, with the column of their name.
NAMED: dict[str, tuple[type[Model], str]] = {
    "group": (Group, "title"),
    "course": (Course, "title"),
    "customfield": (CustomField, "label"),
}
# People whom a search may mean.
MOST_PEOPLE = 200


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, PortalScopedAdmin):
    """The trail of a portal, newest first; never counted as a whole, because it only grows."""

    portal_path = "portal"
    list_display = ["show_at", "action_and_reason", "show_object", "actor_and_address", "show_changes"]
    list_filter = [ActionFilter, KindFilter, PersonFilter, SinceFilter, UntilFilter]
    list_before_template = "users/audit_download.html"
    search_fields = ["action"]
    search_help_text = gettext_lazy("Search by name or e-mail address, of who did it or whom it was done to")
    ordering = ["-at", "-pk"]
    paginator = InfinitePaginator
    list_per_page = 50
    fields = ["at", "show_action", "show_reason", "show_object", "show_actor", "address", "show_changes"]
    readonly_fields = ["show_action", "show_object", "show_actor", "show_changes", "show_reason"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return the entries with the names of who did it and of what it was done to."""
        actor = User.objects.filter(pk=OuterRef("actor_id"))
        person = Membership.objects.filter(pk=OuterRef("object_id"), portal=OuterRef("portal"))
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        names = {
            f"{kind}_name": Subquery(
                model._base_manager.filter(pk=OuterRef("object_id"), portal=OuterRef("portal")).values(column)[:1]
            )
            for kind, (model, column) in NAMED.items()
        }
        return entries.annotate(
            actor_email=Subquery(actor.values("email")[:1]),
            person_email=Subquery(person.values("user__email")[:1]),
            person_status=Subquery(person.values("status")[:1]),
            portal_name=F("portal__name"),
            **names,
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the entries by or about the people whom the words name."""
        if not search_term.strip():
            return queryset, False
        people = Membership.objects.filter(
            Q(user__email__icontains=search_term)
            | Q(user__first_name__icontains=search_term)
            | Q(user__last_name__icontains=search_term)
        )
        if portal := portal_of(request):
            people = people.filter(portal=portal)
        found = list(people.order_by("pk").values_list("pk", "user")[:MOST_PEOPLE])
        about = Q(object_type__in=PERSON_KINDS, object_id__in=[pk for pk, _user in found])
        return queryset.filter(about | Q(actor_id__in=[user for _pk, user in found])), False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; custom values go by their labels, asked for once per page."""
        labels = labels_of(portal_of(request))

        @display(description=gettext_lazy("changes"))
        def show_changes(entry: AuditEntry) -> str:
            return audit_words.changes(entry.object_type, entry.before, entry.after, labels)

        columns = super().get_list_display(request)
        return [show_changes if name == "show_changes" else name for name in columns]

    def get_urls(self) -> list[URLPattern]:
        """Add the download."""
        view = self.admin_site.admin_view(self.download)
        urls: list[URLPattern] = super().get_urls()
        return [path("download/", view, name="users_auditentry_download"), *urls]

    def download(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with what the list shows, as CSV; that is an entry of its own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        portal = portal_of(request)
        entries: QuerySet[Any] = self.get_changelist_instance(request).queryset
        if portal:
            audit.record(portal=portal, action="trail_exported", object=portal, request=request)
        labels = labels_of(portal)
        header = [_("When"), _("Action"), _("What"), _("Who"), _("Changes"), _("Reason"), _("Network address")]
        rows = (
            [
                timezone.localtime(entry.at).isoformat(timespec="seconds"),
                audit_words.action(entry.action),
                self.name_of(entry),
                self.show_actor(entry),
                audit_words.changes(entry.object_type, entry.before, entry.after, labels),
                audit_words.reason(entry.reason),
                entry.address or "",
            ]
            for entry in entries.iterator(chunk_size=1000)
        )
        return csv_files.streamed(header, rows, name="audit-trail")

    @display(description=gettext_lazy("when"), ordering="at")
    def show_at(self, entry: AuditEntry) -> SafeString:
        """Return day and time in two lines."""
        return cells.with_note(cells.day(entry.at), date_format(timezone.localtime(entry.at), "TIME_FORMAT"))

    @display(description=gettext_lazy("action"))
    def action_and_reason(self, entry: AuditEntry) -> SafeString:
        """Return what happened, and why."""
        return cells.with_note(self.show_action(entry), self.show_reason(entry))

    @display(description=gettext_lazy("who"))
    def actor_and_address(self, entry: AuditEntry) -> SafeString:
        """Return who did it, and from which network address."""
        return cells.with_note(self.show_actor(entry), entry.address)

    @display(description=gettext_lazy("action"))
    def show_action(self, entry: AuditEntry) -> str:
        """Return what happened, in words."""
        return audit_words.action(entry.action)

    @display(description=gettext_lazy("what"))
    def show_object(self, entry: Any) -> str:
        """Return what it happened to, with a link while it is there."""
        name, model_name = self.name_of(entry), entry.object_type.partition(".")[2]
        if model_name in NAMED and getattr(entry, f"{model_name}_name"):
            page = f"admin:portals_{model_name}_change"
        elif entry.object_type in PERSON_KINDS and entry.person_email:
            is_pending = entry.person_status == Membership.Status.PENDING
            page = f"admin:users_{'pendinguser' if is_pending else 'membership'}_change"
        else:
            return name
        return format_html(
            '<a href="{}" class="text-link underline">{}</a>', reverse(page, args=[entry.object_id]), name
        )

    def name_of(self, entry: Any) -> str:
        """Return how to call what it happened to."""
        model_name = entry.object_type.partition(".")[2]
        if entry.object_type in PERSON_KINDS and entry.person_email:
            return str(entry.person_email)
        if model_name in NAMED and getattr(entry, f"{model_name}_name"):
            return str(getattr(entry, f"{model_name}_name"))
        if entry.object_type == Portal._meta.label_lower and entry.portal_name:
            return str(entry.portal_name)
        return f"{audit_words.kind(entry.object_type)} {entry.object_id or ''}".strip()

    @display(description=gettext_lazy("who"))
    def show_actor(self, entry: Any) -> str:
        """Return who did it: an account, a sync run, or nobody but the clock."""
        if entry.run_id:
            return _("Sync %(run)d") % {"run": entry.run_id}
        if entry.actor_email:
            return str(entry.actor_email)
        return _("Deleted account") if entry.actor_id else "–"

    @display(description=gettext_lazy("changes"))
    def show_changes(self, entry: AuditEntry) -> str:
        """Return the values before and after."""
        return audit_words.changes(entry.object_type, entry.before, entry.after, labels_of(entry.portal))

    @display(description=gettext_lazy("reason"))
    def show_reason(self, entry: AuditEntry) -> str:
        """Return why, in words."""
        return audit_words.reason(entry.reason)


def labels_of(portal: Portal | None) -> dict[str, str]:
    """Return the names of a portal's custom fields by their keys; of every portal for None."""
    fields = CustomField.objects.filter(portal=portal) if portal else CustomField.objects.all()
    return {str(pk): label for pk, label in fields.values_list("pk", "label")}
