"""Tell the audit trail what was added, changed and deleted on admin pages, and keep no second log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from portals import signals
from portals.models import Portal


class Audited(ModelAdmin):
    """Reports what was edited, for the audit trail, in place of Django's own log."""

    def construct_change_message(
        self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any] | None, add: bool = False
    ) -> list[dict[str, Any]]:
        """Return Django's message, and keep the old and new values until the row is saved."""
        message: list[dict[str, Any]] = super().construct_change_message(request, form, formsets, add)
        names = [name for name in form.changed_data if "password" not in name]
        before = {} if add else {name: _plain(form.initial.get(name)) for name in names}
        after = {name: _plain(form.cleaned_data.get(name)) for name in names}
        request.__dict__["_edit"] = (before, after | _below(message))
        return message

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """Report an addition."""
        self.report(request, "added", obj)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """Report a change, if there was one."""
        if message:
            self.report(request, "changed", obj)

    def log_deletion(self, request: HttpRequest, obj: models.Model, object_repr: str) -> None:
        """Report a deletion."""
        self.report(request, "deleted", obj)

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Report the deletion of several rows."""
        for obj in queryset:
            self.report(request, "deleted", obj)

    def report(self, request: HttpRequest, action: str, obj: models.Model) -> None:
        """Announce what the visitor did to a row."""
        before, after = request.__dict__.pop("_edit", ({}, {}))
        signals.edited.send(
            sender=type(obj),
            request=request,
            portal=self.portal_of_row(request, obj),
            action=action,
            object=obj,
            before=before,
            after=after,
        )

    def portal_of_row(self, request: HttpRequest, obj: models.Model) -> Portal | None:
        """Return the portal in whose trail an edit belongs; None for rows that belong to no portal."""
        return None

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Say that there is no such page: the audit trail tells what happened."""
        raise Http404


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | models.QuerySet):
        return [_plain(part) for part in value]
    if isinstance(value, models.Model):
        return value.pk
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _below(message: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what was added, changed and deleted in the inlines."""
    found: dict[str, Any] = {}
    for part in message:
        for action, what in part.items():
            if "name" in what:
                found.setdefault(what["name"], {}).setdefault(action, []).append(what["object"])
    return found
