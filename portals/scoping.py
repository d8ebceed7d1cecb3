"""The walls between portals in the admin: every registered admin class is either scoped to a portal or global.

At a portal's host a visitor sees and writes rows of that portal only, on every path that the admin offers; at the
platform host the operator sees all of them. `portals.checks` refuses admin classes that do not say which they are.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import BaseModelAdmin, InlineModelAdmin
from django.db import models
from django.forms import Field
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter

from portals.edits import Audited
from portals.forms import DateInput, PortalForm, portal_id_of
from portals.models import Portal


def portal_of(request: HttpRequest) -> Portal | None:
    """Return the portal of the request's host, None at the platform host."""
    found: Portal | None = request.portal  # type: ignore[attr-defined]
    return found


def administers(request: HttpRequest) -> bool:
    """Whether the visitor may use the admin of this host; asked of the database once per request."""
    known: dict[Any, bool] = request.__dict__.setdefault("_administers", {})
    user = request.user
    if user.pk not in known:
        known[user.pk] = bool(user.is_authenticated and user.administers(portal_of(request)))
    return known[user.pk]


def is_operator(request: HttpRequest) -> bool:
    """Whether the visitor is an operator at the platform host."""
    return portal_of(request) is None and administers(request)


def portal_in_hand(request: HttpRequest) -> Portal | None:
    """Return the portal that a form is about: the host's, or that of the row which an operator edits."""
    return portal_of(request) or request.__dict__.get("_edited_portal")


class RelatedFilter(RelatedDropdownFilter):
    """A filter by a related row that offers only rows the visitor may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[Any, str]]:
        """Return id and name of each."""
        related = model_admin.admin_site.get_model_admin(field.remote_field.model)
        return [(row.pk, str(row)) for row in related.get_queryset(request).order_by("pk")]


class _Scoped(BaseModelAdmin):
    """What pages and inlines of scoped rows have in common."""

    # Leads from the model to its portal: "portal", "group__portal"; "pk" for the portal itself.
    portal_path: str = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows of the host's portal; at the platform host those of all portals."""
        rows = super().get_queryset(request)
        if not administers(request):
            return rows.none()
        portal = portal_of(request)
        return rows.filter(**{self.portal_path: portal.pk}) if portal else rows

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        """Return what a relation may point to: rows of the same portal."""
        related = self.admin_site.get_model_admin(db_field.remote_field.model)
        rows = related.get_queryset(request)
        portal = portal_in_hand(request)
        if portal and isinstance(related, PortalScopedAdmin) and related.portal_path != "pk":
            rows = rows.filter(**{related.portal_path: portal.pk})
        return rows

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Field | None:
        """Return the form field, without the buttons that open other rows in pop-ups."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for button in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field and hasattr(field.widget, button):
                setattr(field.widget, button, False)
        return field


class PortalScopedAdmin(_Scoped, Audited):
    """The admin of a model whose rows belong to a portal."""

    form = PortalForm
    formfield_overrides = {models.DateField: {"widget": DateInput}}
    list_filter_submit = True
    warn_unsaved_form = True
    show_full_result_count = False
    # Counting each choice of each filter would read the whole list many times.
    show_facets = ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor administers this host."""
        return administers(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor administers this host, and the row is one of its portal."""
        return administers(request) and self.is_in_scope(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As for viewing."""
        return administers(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for viewing."""
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for viewing."""
        return self.has_view_permission(request, obj)

    def is_in_scope(self, request: HttpRequest, obj: Any) -> bool:
        """Whether a row belongs here; unfold's actions pass an id instead of the row. Raises Http404."""
        if obj is None:
            return True
        if not isinstance(obj, models.Model):
            obj = self.get_object_or_404(request, obj)
        portal = portal_of(request)
        return portal is None or portal_id_of(obj, self.portal_path) == portal.pk

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row if the visitor may see it, and note its portal for the choices of the form."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and portal_of(request) is None and "_edited_portal" not in request.__dict__:
            portals = Portal.objects.filter(pk=portal_id_of(found, self.portal_path) or 0)
            request.__dict__["_edited_portal"] = portals.first()
        return found

    def portal_of_row(self, request: HttpRequest, obj: models.Model) -> Portal | None:
        """Return the portal in whose trail an edit belongs."""
        return portal_of(request) or Portal.objects.filter(pk=portal_id_of(obj, self.portal_path) or 0).first()

    def get_object_or_404(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the row if the visitor may see it. Raises Http404."""
        found = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form class, told which portal it is for."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.portal = portal_in_hand(request)
        form.portal_path = self.portal_path
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fieldsets; operators also see, and when adding choose, the portal."""
        fieldsets = list(super().get_fieldsets(request, obj))
        if portal_of(request) is None and self.portal_path == "portal":
            fieldsets.insert(0, (None, {"fields": ["portal"]}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the read-only fields: a row never moves to another portal."""
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None and self.portal_path == "portal":
            fields.append("portal")
        return fields

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields that no form shows: at a portal's host, its portal."""
        fields = list(super().get_exclude(request, obj) or ())
        return [*fields, "portal"] if portal_of(request) and self.portal_path == "portal" else fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the inlines; their choices depend on the portal, so operators get them once it is saved."""
        return () if obj is None and portal_of(request) is None else super().get_inlines(request, obj)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; operators see whose row it is."""
        columns = list(super().get_list_display(request))
        return columns if portal_of(request) or self.portal_path != "portal" else [*columns, "portal"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; operators may choose a portal."""
        filters = list(super().get_list_filter(request))
        if portal_of(request) is None and self.portal_path != "pk":
            filters.append((self.portal_path, RelatedFilter))
        return filters

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """Return the relations that a list page reads."""
        related = super().get_list_select_related(request)
        if isinstance(related, bool):
            related = ()
        return related if portal_of(request) or self.portal_path != "portal" else (*related, "portal")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow in the query string only what the list's own filters ask for."""
        asked = self.list_filter if request is None else self.get_list_filter(request)
        for item in asked or ():
            path = item[0] if isinstance(item, tuple | list) else getattr(item, "parameter_name", item)
            if lookup == path or lookup.removeprefix(path) in _FILTER_ENDINGS:
                return True
        return False

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return the rows by name, how many rows go with them, and what stands against it."""
        collector = models.deletion.Collector(using=self.model._default_manager.db, origin=objs)
        counts: dict[str, int] = {}
        protected: list[str] = []
        try:
            collector.collect(objs)
        except (models.ProtectedError, models.RestrictedError) as refusal:
            # The second argument of both: the rows that stand against it.
            protected = sorted({self.name_of_use(row) for row in refusal.args[1]})
        else:
            for model, rows in collector.data.items():
                _count(counts, model, len(rows))
            for queryset in collector.fast_deletes:
                _count(counts, queryset.model, queryset.count())
        return [str(obj) for obj in objs], counts, set(), protected

    def name_of_use(self, row: models.Model) -> str:
        """Return how to call a row that forbids a deletion."""
        return f"{row._meta.verbose_name}: {row}"


# What list filters put after the path of a field.
_FILTER_ENDINGS = {
    "__exact",
    "__in",
    "__isnull",
    "__id__exact",
    "__pk__exact",
    "__gte",
    "__lt",
    "_from",
    "_to",
}


def _count(counts: dict[str, int], model: type[models.Model], number: int) -> None:
    if number:
        name = str(model._meta.verbose_name_plural)
        counts[name] = counts.get(name, 0) + number


class _ScopedInline(_Scoped, InlineModelAdmin):
    """Rows below a scoped row; who may edit the parent may edit them."""

    form = PortalForm
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor administers this host."""
        return administers(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for viewing."""
        return administers(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for viewing."""
        return administers(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for viewing."""
        return administers(request)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the formset class, its forms told which portal they are for."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.portal = portal_in_hand(request)
        formset.form.portal_path = self.portal_path
        return formset


class PortalScopedTabularInline(_ScopedInline, TabularInline):
    """A scoped inline with one line per row."""

    hide_title = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the formset class, its fields named for screen readers."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.is_line = True
        return formset


class PortalScopedStackedInline(_ScopedInline, StackedInline):
    """A scoped inline with one block per row."""


class ReadOnly:
    """Mixed into an admin or inline whose rows are only looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False


class GlobalAdmin(Audited):
    """The admin of a model that belongs to no portal: for the operator, at the platform host."""

    list_filter_submit = True
    show_full_result_count = False
    # Counting each choice of each filter would read the whole list many times.
    show_facets = ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor is an operator at the platform host."""
        return is_operator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for the module."""
        return is_operator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As for the module."""
        return is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for the module."""
        return is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for the module."""
        return is_operator(request)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return every row, for operators only."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        return rows if is_operator(request) else rows.none()
