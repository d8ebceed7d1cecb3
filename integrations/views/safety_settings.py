"""Scope and safety: whom the syncs are about, and when they wait for an admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import providers
from integrations.engine.guard import MANY_SHARE
from integrations.engine.scope import Condition
from integrations.models import Connection, SafetySettings
from integrations.providers import Attribute
from integrations.safety_forms import MAX_CONDITIONS, BaseConditions, Conditions, SafetyForm
from integrations.sync import scoping
from integrations.sync.policy import policy_for, scope_of
from integrations.views import attributes
from integrations.views.confirming import ConfirmedSettings
from integrations.views.mapping import label_of_unknown
from portals.hosts import PortalRequest
from users import audit

Row = dict[str, str]
ROW_FIELDS = ("attribute", "operator", "values")
# Buttons that show the page again without saving.
UNSAVED = ("add", "remove", "count", "edit")
# Values of an attribute that are suggested.
MOST_VALUES = 15


class SafetySettingsPage(ConfirmedSettings):
    """Settings > Integrations > Gusto > Scope and safety."""

    title = gettext_lazy("Scope and safety")
    tab = "safety_settings"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the settings as they are."""
        rows = [row_of(condition) for condition in scope_of(self.settings)]
        return self.form_page(self.form(), self.formset(rows))

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Save, or change the table of conditions without saving."""
        before = summary(self.settings) if self.settings.pk else {}
        form = self.form(request.POST)
        if any(name in request.POST for name in UNSAVED):
            return self.form_page(form, self.formset(changed_rows(request.POST)), is_changed=True)
        formset = self.formset(data=request.POST)
        if not (form.is_valid() and formset.is_valid()):
            return self.form_page(form, formset, is_changed=True, status=422)
        form.instance.scope = [msgspec.to_builtins(condition) for condition in formset.conditions()]
        if question := self.question(policy_for(self.connection, safety=form.instance)):
            return question
        self.save(form, before)
        messages.success(request, _("Saved. It counts from the next sync on."))
        return redirect(self.url("safety_settings"))

    def form(self, data: QueryDict | None = None) -> SafetyForm:
        """Return the form, with the mails only where a sync can bring newcomers in."""
        sends_mails = providers.people_source(self.provider.key).lists_newcomers
        return SafetyForm(data, instance=self.settings, sends_mails=sends_mails)

    @transaction.atomic
    def save(self, form: SafetyForm, before: dict[str, Any]) -> None:
        """Save the settings and record what changed."""
        Connection.objects.select_for_update().get(pk=self.connection.pk)
        saved = form.save()
        after = summary(saved)
        if after != before:
            audit.record(
                portal=self.portal,
                action="safety_settings_changed",
                object=saved,
                before=before,
                after=after,
                request=self.request,
            )

    @cached_property
    def settings(self) -> SafetySettings:
        """The stored settings, or unsaved ones with the defaults."""
        found = SafetySettings.objects.filter(connection=self.connection).first()
        return found or SafetySettings(connection=self.connection)

    @cached_property
    def attributes(self) -> list[Attribute]:
        """What is offered, and what the stored scope looks at though it is not offered any more."""
        offered = attributes.offered(self.connection).attributes
        known = {attribute.key for attribute in offered}
        used = {condition.attribute for condition in scope_of(self.settings)}
        return [*offered, *(Attribute(key, label_of_unknown(key), kind="") for key in sorted(used - known))]

    def formset(self, rows: Sequence[Row] | None = None, data: Mapping[str, Any] | None = None) -> BaseConditions:
        """Return the conditions, the given ones or those that were posted."""
        if rows is not None:
            data = as_posted(rows)
        return Conditions(  # type: ignore[return-value]
            data, prefix="scope", form_kwargs={"attributes": self.attributes}
        )

    def form_page(
        self, form: SafetyForm, formset: BaseConditions, *, is_changed: bool = False, status: int = 200
    ) -> HttpResponse:
        """Return the page with the numbers of people in and out of what the table says now."""
        found = scoping.numbers(self.connection, formset.conditions())
        labels = {attribute.key: str(attribute.label) for attribute in self.attributes}
        context = {
            "form": form,
            "formset": formset,
            "numbers": found,
            "values": [
                (
                    labels.get(name, name),
                    [(value, people) for value, people in values.most_common(MOST_VALUES) if value],
                )
                for name, values in found.values.items()
            ],
            "share": round(MANY_SHARE * 100),
            "missing": self.connection.identities.filter(times_missing__gte=2, membership__isnull=False).count(),
            "is_changed": is_changed,
            "can_add": len(formset.forms) < MAX_CONDITIONS,
        }
        return self.page("integrations/safety_settings.html", context, status=status)


def row_of(condition: Condition) -> Row:
    """Return a condition as a row of the table."""
    return {
        "attribute": condition.attribute,
        "operator": condition.operator.value,
        "values": "\n".join(condition.values),
    }


def changed_rows(data: QueryDict) -> list[Row]:
    """Return the posted rows as they are, with the one more or the one less that was asked for."""
    rows = posted_rows(data)
    if "remove" in data:
        return [row for number, row in enumerate(rows) if str(number) != data["remove"]]
    return [*rows, dict.fromkeys(ROW_FIELDS, "")] if "add" in data else rows


def posted_rows(data: QueryDict) -> list[Row]:
    """Return the rows of a posted table, valid or not."""
    try:
        total = max(0, min(int(data.get("scope-TOTAL_FORMS", "0")), MAX_CONDITIONS))
    except ValueError:
        total = 0
    return [{name: data.get(f"scope-{number}-{name}", "") for name in ROW_FIELDS} for number in range(total)]


def as_posted(rows: Sequence[Row]) -> dict[str, str]:
    """Return rows as a browser would send them, so that what they say can be counted."""
    data = {"scope-TOTAL_FORMS": str(len(rows)), "scope-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        data |= {f"scope-{number}-{name}": row[name] for name in ROW_FIELDS}
    return data


def summary(settings: SafetySettings) -> dict[str, Any]:
    """Return the settings for the audit trail."""
    scope = [" ".join([one["attribute"], one["operator"], ", ".join(one["values"])]).strip() for one in settings.scope]
    numbers = {name: getattr(settings, name) for name in SafetyForm.Meta.fields}
    return {"scope": "; ".join(scope), **numbers}
