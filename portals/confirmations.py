"""Admin actions that ask first: a page of its own on the way, a change only by POST, rows only through the walls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db import transaction
from django.db.models import QuerySet
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
# Rows that the question names.
MOST_NAMES = 20

Text = str | Promise
Act = Callable[[Any, HttpRequest, Any, Any], str]


class ConfirmationForm(forms.Form):
    """The question: what will happen to these rows, and whatever has to be said about it."""

    title: Text = ""
    button: Text = gettext_lazy("Confirm")
    is_dangerous = False

    def __init__(self, data: Any, *, rows: Any, request: HttpRequest) -> None:
        super().__init__(data)
        self.rows = rows
        self.request = request

    def sentences(self) -> list[Text]:
        """Return what will happen, with numbers."""
        return []

    def names(self) -> list[str]:
        """Return what the first rows are called."""
        return [str(row) for row in self.rows[:20]]


def confirmed_action(
    form_class: type[ConfirmationForm],
    *,
    permissions: Iterable[str],
    description: Text,
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
    takes_all: bool = False,
) -> Callable[[Act], Any]:
    """Make a method an action for one row or for many, asked about by the form.

    The method gets the request, the valid form and the rows, and returns a sentence about what it did. `permissions`
    name `has_<name>_permission` methods. With `takes_all` form and method get a queryset instead of a list, of any
    number of rows: also all that match the filters of the list.
    """

    def decorator(act: Act) -> Any:
        def ask(
            self: Any, request: HttpRequest, queryset: QuerySet[Any] | None = None, object_id: str | None = None
        ) -> HttpResponse | None:
            with transaction.atomic():
                if queryset is None:
                    row = self.get_object_or_404(request, object_id)
                    rows = self.get_queryset(request).filter(pk=row.pk) if takes_all else [row]
                    return _about_one(self, request, rows, form_class, act)
                about = _about_all if takes_all else _about_many
                return about(self, request, queryset, form_class, act)

        ask.__name__, ask.__doc__ = act.__name__, act.__doc__
        path = act.__name__.replace("_", "-")
        made = action(description=description, permissions=permissions, url_path=path, icon=icon, variant=variant)(ask)
        made.asks_first = True
        return made

    return decorator


def _about_one(
    model_admin: Any, request: HttpRequest, rows: Any, form_class: type[ConfirmationForm], act: Act
) -> HttpResponse:
    row, options = rows[0], model_admin.opts
    page = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
    form = form_class(request.POST if request.method == "POST" else None, rows=rows, request=request)
    if form.is_valid():
        messages.success(request, act(model_admin, request, form, rows))
        # What was done may have moved the row to another list.
        is_here = model_admin.get_object(request, str(row.pk)) is not None
        return redirect(page if is_here else reverse(f"admin:{options.app_label}_{options.model_name}_changelist"))
    return _page(model_admin, request, form, back=page, hidden={}, rows=[row])


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
    return _page(model_admin, request, form, back=request.get_full_path(), hidden=hidden, rows=rows)


def _about_all(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], form_class: type[ConfirmationForm], act: Act
) -> HttpResponse | None:
    count, is_confirmed = queryset.count(), "confirmed" in request.POST
    if is_confirmed and request.POST.get("counted") != str(count):
        messages.warning(request, _("The list has changed meanwhile. Please look at the numbers again."))
        is_confirmed = False
    form = form_class(request.POST if is_confirmed else None, rows=queryset, request=request)
    if form.is_valid():
        messages.success(request, act(model_admin, request, form, queryset))
        return None
    hidden = {
        "action": [act.__name__],
        "confirmed": ["1"],
        "counted": [str(count)],
        "select_across": [request.POST.get("select_across", "0")],
        helpers.ACTION_CHECKBOX_NAME: request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
    }
    named = list(queryset[:MOST_NAMES])
    more, back = count - len(named), request.get_full_path()
    return _page(model_admin, request, form, back=back, hidden=hidden, rows=named, more=more)


def _page(
    model_admin: Any,
    request: HttpRequest,
    form: ConfirmationForm,
    *,
    back: str,
    hidden: dict[str, list[str]],
    rows: Sequence[Any],
    more: int = 0,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": rows[0] if len(rows) == 1 else None,
        "title": form.title,
        "form": form,
        "names": [str(row) for row in rows[:MOST_NAMES]],
        "more": more + max(len(rows) - MOST_NAMES, 0),
        "hidden": [(name, value) for name, values in hidden.items() for value in values],
        "back": back,
    }
    return TemplateResponse(request, "admin/confirmation.html", context)
