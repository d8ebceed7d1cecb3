"""The rule builder: a page of the group, which works with and without scripts and loses nothing that was entered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.views import View

from portals import drafts, rules
from portals.admin.rule_forms import BaseForm, ConditionForm, Row, row_of
from portals.admin.rule_words import REFUSALS
from portals.models import CustomField, DynamicRule, Group
from portals.numbers import number_from
from portals.rules import Condition, ConditionRefused, Rule
from users import audit

State = DynamicRule.State


class RulePage(View):
    """A page about one group's rule, for those who may change the group."""

    model_admin: Any = None
    group: Group

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in whoever may change the group. Raises Http404 for groups out of sight."""
        self.group = self.model_admin.get_object_or_404(request, kwargs["object_id"])
        if not self.model_admin.has_change_permission(request, self.group):
            raise PermissionDenied
        return self.detour() or super().dispatch(request, *args, **kwargs)

    def detour(self) -> HttpResponseBase | None:
        """Return what to show instead of this page, if anything."""
        return None

    @cached_property
    def rule(self) -> DynamicRule | None:
        """The group's rule, if there is one."""
        return DynamicRule.objects.select_related("group__portal").filter(group=self.group.pk).first()

    def url(self, page: str) -> str:
        """Return the address of another page about the rule."""
        return reverse(f"admin:portals_group_{page}", args=[self.group.pk])

    def record(self, action: str, rule: DynamicRule, **what: Any) -> None:
        """Write down what was done to the rule."""
        audit.record(portal=self.group.portal, action=action, object=rule, request=self.request, **what)

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """Return the page around what is special about it."""
        common = {
            **self.model_admin.admin_site.each_context(self.request),
            "opts": self.model_admin.opts,
            "title": _("Dynamic rule of “%s”") % self.group,
            "group": self.group,
            "group_url": self.url("change"),
            "builder_url": self.url("rule"),
            "preview_url": self.url("rule_preview"),
            "deactivate_url": self.url("rule_deactivate"),
            "discard_url": self.url("rule_discard"),
            "rule": self.rule,
        }
        return TemplateResponse(self.request, f"admin/rules/{template}.html", {**common, **context}, status=status)


class BuilderPage(RulePage):
    """Whose people, and the blocks of conditions; nothing goes to work here."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show what was built last; a broken rule shows what is wrong with it."""
        latest = drafts.latest(self.rule) if self.rule else Rule(self.group.pk)
        rows = [row_of(one, number) for number, block in enumerate(latest.blocks, 1) for one in block]
        base = BaseForm(initial={"base_group": latest.base_group_id}, group=self.group)
        if self.rule and (self.rule.state == State.BROKEN or "check" in request.GET):
            # As if they had just been entered, so that each line says what is wrong with it.
            return self.builder(base, self.posted(_as_posted(rows), len(rows)))
        return self.builder(base, self.lines(rows))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Change the lines without saving, or save and go on to the preview."""
        base = BaseForm(request.POST, group=self.group)
        lines = self.posted(request.POST, _count(request.POST))
        what, _colon, which = request.POST.get("do", "").partition(":")
        if what in {"save", "preview"}:
            return self.save(base, lines, goes_on=what == "preview")
        rows = _edited([line.row() for line in lines], what, which)
        base = BaseForm(initial={"base_group": base["base_group"].value()}, group=self.group)
        return self.builder(base, self.lines(rows), is_changed=True, is_longer=len(rows) > len(lines))

    def save(self, base: BaseForm, lines: list[ConditionForm], *, goes_on: bool) -> HttpResponse:
        """Keep what was built, or show what is wrong with it."""
        # Every line says what is wrong with it, not only the first.
        if not all([base.is_valid(), *[line.is_valid() for line in lines]]):
            return self.builder(base, lines, status=422)
        blocks: dict[int, list[Condition]] = {}
        for line in lines:
            blocks.setdefault(line.cleaned_data["block"], []).append(line.condition)
        try:
            self.keep([blocks[number] for number in sorted(blocks)], base.cleaned_data["base_group"])
        except (ConditionRefused, ValidationError, rules.CircularBase) as refusal:
            base.add_error(None, words_of(refusal))
            return self.builder(base, lines, status=422)
        if goes_on:
            return redirect(self.url("rule_preview"))
        messages.success(self.request, _("Saved. Nobody joins or leaves before you run the rule."))
        return redirect(self.url("rule"))

    @transaction.atomic
    def keep(self, blocks: list[list[Condition]], base_group: Group | None) -> None:
        """Save the draft and write it down."""
        before = summary(drafts.latest(self.rule)) if self.rule else {}
        rule = drafts.save_draft(group=self.group, blocks=blocks, base_group=base_group)
        self.__dict__.pop("rule", None)
        after = summary(drafts.latest(self.rule or rule))
        if after != before:
            self.record("rule_drafted", rule, before=before, after=after)

    @cached_property
    def custom_fields(self) -> list[CustomField]:
        """The fields of the portal with their choices."""
        fields = CustomField.objects.filter(portal=self.group.portal_id).prefetch_related("choices")
        return list(fields.order_by("position", "pk"))

    def lines(self, rows: list[Row]) -> list[ConditionForm]:
        """Return rows as forms that complain about nothing yet."""
        return [
            ConditionForm(initial=row, prefix=f"row-{number}", custom_fields=self.custom_fields)
            for number, row in enumerate(rows)
        ]

    def posted(self, data: Any, count: int) -> list[ConditionForm]:
        """Return posted rows as forms that check what was entered."""
        return [
            ConditionForm(data, prefix=f"row-{number}", custom_fields=self.custom_fields) for number in range(count)
        ]

    def builder(
        self,
        base: BaseForm,
        lines: list[ConditionForm],
        *,
        is_changed: bool = False,
        is_longer: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        """Return the page around the lines; a new one gets the focus."""
        if is_longer:
            lines[-1].fields["looks_at"].widget.attrs["autofocus"] = True
        blocks: dict[int, list[ConditionForm]] = {}
        for place, line in enumerate(lines):
            # Where it is in what comes back, for the button that removes it.
            line.place = place
            blocks.setdefault(line.block_number, []).append(line)
        context = {
            "base": base,
            "count": len(lines),
            "blocks": [blocks[number] for number in sorted(blocks)],
            "is_changed": is_changed,
            "has_errors": status != 200,
            "is_full": len(lines) >= rules.MAX_CONDITIONS,
            "most": rules.MAX_CONDITIONS,
        }
        return self.page("builder", context, status)


def summary(rule: Rule) -> dict[str, Any]:
    """Return a rule as the audit trail keeps it."""
    return {
        "base_group": rule.base_group_id,
        "blocks": [
            [[one.field_key or one.subject.value, one.operator.value, *one.operands] for one in block]
            for block in rule.blocks
        ],
    }


def words_of(refusal: Exception) -> str:
    """Return why a rule cannot be saved or run."""
    if isinstance(refusal, ConditionRefused):
        return str(REFUSALS[refusal.reason])
    if isinstance(refusal, ValidationError):
        return " ".join(refusal.messages)
    return _("The groups take their people from each other in a circle.")


def _count(data: Mapping[str, Any]) -> int:
    # A few more than may be saved, so that what is too much is still there to be removed.
    return min(number_from(str(data.get("rows", ""))) or 0, 2 * rules.MAX_CONDITIONS)


def _as_posted(rows: list[Row]) -> MultiValueDict[str, Any]:
    data: MultiValueDict[str, Any] = MultiValueDict()
    for number, row in enumerate(rows):
        for name, value in row.items():
            data.setlist(f"row-{number}-{name}", value if isinstance(value, list) else [value])
    return data


def _edited(rows: list[Row], what: str, which: str) -> list[Row]:
    """Return the rows after a button for a line or a block was pressed, the blocks numbered without gaps."""
    number = number_from(which) or 0
    last = max((row["block"] for row in rows), default=0)
    if what == "add-row":
        rows = [*rows, {"block": number or 1}]
    elif what == "add-block":
        rows = [*rows, {"block": last + 1}]
    elif what == "remove-row":
        rows = rows[:number] + rows[number + 1 :]
    elif what == "remove-block":
        rows = [row for row in rows if row["block"] != number]
    order = {block: place for place, block in enumerate(sorted({row["block"] for row in rows}), 1)}
    numbered = [{**row, "block": order[row["block"]]} for row in rows]
    return sorted(numbered, key=lambda row: int(row["block"]))
