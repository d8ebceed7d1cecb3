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
from portals.paging import ListPaginator
from portals.standing import Level, Permission, Standing, standing_at


def portal_of(request: HttpRequest) -> Portal | None:
    """Return the portal of the request's host, None at the platform host."""
    found: Portal | None = request.portal  # type: ignore[attr-defined]
    return found


def standing(request: HttpRequest) -> Standing:
    """Return what the visitor may do at this host; asked of the database once per request."""
    return standing_at(request, request.user)


def may_use_admin(request: HttpRequest) -> bool:
    """Whether there is anything in the admin of this host that the visitor may see."""
    return standing(request).level > Level.NONE


def administers(request: HttpRequest) -> bool:
    """Whether the visitor is an admin of this host, of whatever kind."""
    return standing(request).administers


def is_full_admin(request: HttpRequest) -> bool:
    """Whether the visitor may also change the portal's settings, integrations and single sign-on."""
    return standing(request).level >= Level.FULL_ADMIN


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
        return [(row.pk, str(row)) for row in rows_to_choose(related, request).order_by("pk")]


def rows_to_choose(related: Any, request: HttpRequest) -> models.QuerySet[Any]:
    """Return the rows of another admin class that a field or filter offers."""
    return related.choices(request) if isinstance(related, _Scoped) else related.get_queryset(request)


class _Scoped(BaseModelAdmin):
    """What pages and inlines of scoped rows have in common."""

    # Leads from the model to its portal: "portal", "group__portal"; "pk" for the portal itself.
    portal_path: str = ""
    # Who may see the rows, and who may change them.
    least_level: Level = Level.LIMITED_ADMIN
    least_level_to_change: Level = Level.LIMITED_ADMIN
    # Lead from the model to a group and to a course: managers see only rows of their groups, instructors only rows of
    # their courses. Without a path they see none.
    group_path: str = ""
    course_path: str = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows of the host's portal that the visitor may see; at the platform host those of all portals."""
        rows = super().get_queryset(request)
        if not self.may_see(request):
            return rows.none()
        portal = portal_of(request)
        return self.managed(request, rows.filter(**{self.portal_path: portal.pk})) if portal else rows

    def choices(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the rows that relations offer; an admin whose list counts things leaves them uncounted here."""
        return self.get_queryset(request)

    def managed(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return the rows narrowed to the groups of a manager and the courses of an instructor."""
        who = standing(request)
        if who.administers:
            return rows
        wanted = models.Q(pk__in=[])
        if self.group_path and who.group_ids:
            wanted |= models.Q(**{f"{self.group_path}__in": who.group_ids})
        if self.course_path and who.course_ids:
            wanted |= models.Q(**{f"{self.course_path}__in": who.course_ids})
        # A subquery: somebody in two of the groups is listed once.
        return rows.filter(pk__in=self.model._default_manager.filter(wanted).order_by().values("pk"))

    def may_see(self, request: HttpRequest) -> bool:
        """Whether the visitor's level is enough to see rows."""
        return standing(request).level >= self.least_level

    def may_change(self, request: HttpRequest) -> bool:
        """Whether the visitor's level is enough to change rows."""
        return self.may_see(request) and standing(request).level >= self.least_level_to_change

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        """Return what a relation may point to: rows of the same portal."""
        related = self.admin_site.get_model_admin(db_field.remote_field.model)
        rows = rows_to_choose(related, request)
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
    paginator = ListPaginator
    show_full_result_count = False
    # Counting each choice of each filter would read the whole list many times.
    show_facets = ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor's level is enough."""
        return self.may_see(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor's level is enough, and the row is one of its portal and not narrowed away."""
        return self.may_see(request) and self.is_in_scope(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the visitor's level is enough to change rows."""
        return self.may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor's level is enough to change rows, and the row is in sight."""
        return self.may_change(request) and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changing."""
        return self.has_change_permission(request, obj)

    def has_enroll_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may enroll people in courses."""
        return standing(request).may(Permission.ENROLL) and self.has_view_permission(request, obj)

    def has_unenroll_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may take courses away from people."""
        return standing(request).may(Permission.UNENROLL) and self.has_view_permission(request, obj)

    def has_mark_complete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may set courses complete for others."""
        return standing(request).may(Permission.MARK_COMPLETE) and self.has_view_permission(request, obj)

    def has_move_groups_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor may put people into groups and take them out."""
        return standing(request).may(Permission.MOVE_GROUPS) and self.has_view_permission(request, obj)

    def is_in_scope(self, request: HttpRequest, obj: Any) -> bool:
        """Whether a row belongs here; unfold's actions pass an id instead of the row. Raises Http404."""
        if obj is None:
            return True
        if not isinstance(obj, models.Model):
            obj = self.get_object_or_404(request, obj)
        portal = portal_of(request)
        if portal is None:
            return True
        return portal_id_of(obj, self.portal_path) == portal.pk and self.is_managed(request, obj)

    def is_managed(self, request: HttpRequest, obj: models.Model) -> bool:
        """Whether a manager's groups or an instructor's courses lead to a row; asked once per request and row."""
        if standing(request).administers or obj.pk is None:
            return True
        known: dict[Any, bool] = request.__dict__.setdefault("_managed", {})
        key = (self.model, obj.pk)
        if key not in known:
            rows = self.model._default_manager.filter(pk=obj.pk)
            known[key] = self.managed(request, rows).exists()
        return known[key]

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
        """Allow in the query string only what the list's own filters ask for, and nothing that cannot be stored."""
        if "\0" in value:
            return False
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
    """Rows below a scoped row, whose own page decides who gets that far."""

    form = PortalForm
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor's level is enough."""
        return self.may_see(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor's level is enough to change rows."""
        return self.may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding."""
        return self.may_change(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding."""
        return self.may_change(request)

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
    paginator = ListPaginator
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

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what Django allows, but for what cannot be stored."""
        return "\0" not in value and super().lookup_allowed(lookup, value, request)

    def get_object_or_404(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the row if the visitor may see it. Raises Http404."""
        found = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        return found

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return every row, for operators only."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        return rows if is_operator(request) else rows.none()
