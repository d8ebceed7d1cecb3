"""Start-up checks: every admin class says to whom it belongs, and none has a way around the walls."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.constants import LOOKUP_SEP

from portals.models import Portal
from portals.scoping import (
    GlobalAdmin,
    PortalScopedAdmin,
    PortalScopedStackedInline,
    PortalScopedTabularInline,
    RelatedFilter,
)


def unguarded(site: AdminSite) -> Iterator[str]:
    """Yield a sentence for each way past the walls: unmarked admins, foreign inlines, filters and open actions."""
    for model, model_admin in site._registry.items():
        name = f"{type(model_admin).__name__} ({model._meta.label})"
        if isinstance(model_admin, GlobalAdmin):
            continue
        if not isinstance(model_admin, PortalScopedAdmin):
            yield f"{name} is neither a PortalScopedAdmin nor a GlobalAdmin."
            continue
        if not _leads_to_portal(model, model_admin.portal_path):
            yield f"{name}: portal_path {model_admin.portal_path!r} does not lead to a portal."
        yield from _unguarded_parts(name, model_admin)


def _unguarded_parts(name: str, model_admin: PortalScopedAdmin) -> Iterator[str]:
    for inline in model_admin.inlines:
        is_scoped = issubclass(inline, PortalScopedTabularInline | PortalScopedStackedInline)
        if not is_scoped or not _leads_to_portal(inline.model, inline.portal_path):
            yield f"{name}: inline {inline.__name__} is not scoped."
    for item in model_admin.list_filter:
        if isinstance(item, str) and _is_relation(model_admin.model, item):
            yield f"{name}: the filter by {item} lists rows of every portal; use RelatedFilter."
        is_pair = isinstance(item, tuple | list)
        if is_pair and _is_relation(model_admin.model, item[0]) and not issubclass(item[1], RelatedFilter):
            yield f"{name}: the filter by {item[0]} lists rows of every portal; use RelatedFilter."
    for field in model_admin.raw_id_fields:
        yield f"{name}: the raw id field {field} shows the names of foreign rows."
    pages = (model_admin.actions_list, model_admin.actions_row, model_admin.actions_detail)
    names = [action for page in pages for action in model_admin._extract_action_names(page)]
    for action in (*names, *(model_admin.actions or ())):
        method = getattr(model_admin, action)
        if not getattr(method, "allowed_permissions", ()) or not getattr(method, "asks_first", False):
            yield f"{name}: the action {action} needs permissions and a confirmation; use confirmed_action."


def _leads_to_portal(model: Any, path: str) -> bool:
    if path == "pk":
        return issubclass(model, Portal)
    try:
        for step in path.split(LOOKUP_SEP):
            model = model._meta.get_field(step).related_model
    except (FieldDoesNotExist, AttributeError):
        return False
    return model is Portal


def _is_relation(model: type[models.Model], path: str) -> bool:
    field: Any = None
    for step in path.split(LOOKUP_SEP):
        field = model._meta.get_field(step)
        model = field.related_model
    return bool(field and field.is_relation)
