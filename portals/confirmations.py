"""Admin actions that ask first: a page of its own on the way, a change only by POST, rows only through the walls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

# Rows that one action takes at a time.
MOST_ROWS = 500

Text = str | Promise
Act = Callable[[Any, HttpRequest, Any, list[Any]], str]


class ConfirmationForm(forms.Form):
    """The question: what will happen to these rows, and whatever has to be said about it."""

    title: Text = ""
    button: Text = gettext_lazy("Confirm")
    is_dangerous = False

    def __init__(self, data: Any, *, rows: Sequence[Any], request: HttpRequest) -> None:
        super().__init__(data)
        self.rows = rows
        self.request = request

    def sentences(self) -> list[Text]:
        """Return what will happen, with numbers."""
        return []


def confirmed_action(
    form_class: type[ConfirmationForm],
    *,
    permissions: Iterable[str],
    description: Text,
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[Act], Any]:
    """Make a method an action for one row or for many, asked about by the form.

    The method gets the request, the valid form and the rows, and returns a sentence about what it did. `permissions`
    name `has_<name>_permission` methods.
    """

    def decorator(act: Act) -> Any:
        def ask(
            self: Any, request: HttpRequest, queryset: QuerySet[Any] | None = None, object_id: str | None = None
        ) -> HttpResponse | None:
            with transaction.atomic():
                if queryset is None:
                    return _about_one(self, request, self.get_object_or_404(request, object_id), form_class, act)
                return _about_many(self, request, queryset, form_class, act)

        ask.__name__, ask.__doc__ = act.__name__, act.__doc__
        path = act.__name__.replace("_", "-")
        made = action(description=description, permissions=permissions, url_path=path, icon=icon, variant=variant)(ask)
        made.asks_first = True
        return made

    return decorator


def _about_one(
    model_admin: Any, request: HttpRequest, row: Model, form_class: type[ConfirmationForm], act: Act
) -> HttpResponse:
    options = model_admin.opts
    page = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
    form = form_class(request.POST if request.method == "POST" else None, rows=[row], request=request)
    if form.is_valid():
        messages.success(request, act(model_admin, request, form, [row]))
        # What was done may have moved the row to another list.
        is_here = model_admin.get_object(request, str(row.pk)) is not None
        return redirect(page if is_here else reverse(f"admin:{options.app_label}_{options.model_name}_changelist"))
    return _page(model_admin, request, form, page, {})


def _about_many(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], form_class: type[ConfirmationForm], act: Act
) -> HttpResponse | None:
    rows = list(queryset[: MOST_ROWS + 1])
    if len(rows) > MOST_ROWS:
        messages.error(request, _("Choose at most %(number)d at a time.") % {"number": MOST_ROWS})
        return None
    form = form_class(request.POST if "confirmed" in request.POST else None, rows=rows, request=request)
    if form.is_valid():
        messages.success(request, act(model_admin, request, form, rows))
        return None
    hidden = {
        "action": [act.__name__],
        "confirmed": ["1"],
        helpers.ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows],
    }
    return _page(model_admin, request, form, request.get_full_path(), hidden)


def _page(
    model_admin: Any, request: HttpRequest, form: ConfirmationForm, back: str, hidden: dict[str, list[str]]
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": form.rows[0] if len(form.rows) == 1 else None,
        "title": form.title,
        "form": form,
        "names": [str(row) for row in form.rows[:20]],
        "more": max(len(form.rows) - 20, 0),
        "hidden": [(name, value) for name, values in hidden.items() for value in values],
        "back": back,
    }
    return TemplateResponse(request, "admin/confirmation.html", context)
