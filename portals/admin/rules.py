"""The rule builder: who belongs to a group by itself."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portals import definitions, rules
from portals.admin.rule_forms import ConditionForm, RuleForm
from portals.models import CustomField, DynamicRule, RuleCondition
from portals.rules import Condition
from portals.scoping import PortalScopedAdmin, PortalScopedTabularInline, portal_in_hand

State = DynamicRule.State


class ConditionInline(PortalScopedTabularInline):
    """The conditions; lines with the same number must all hold, one such set is enough."""

    model = RuleCondition
    form = ConditionForm
    portal_path = "rule__group__portal"
    fields = ["block", "looks_at", "operator", "values"]
    ordering = ["block", "pk"]
    max_num = rules.MAX_CONDITIONS
    verbose_name_plural = gettext_lazy(
        "conditions: those with the same block number must all hold, and one block is enough"
    )

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the formset class, its forms told what they may look at."""
        formset = super().get_formset(request, obj, validate_max=True, **kwargs)
        fields = CustomField.objects.filter(portal=portal_in_hand(request)).prefetch_related("choices")
        formset.form.custom_fields = list(fields.order_by("position", "pk"))
        return formset


@admin.register(DynamicRule)
class DynamicRuleAdmin(PortalScopedAdmin):
    """One rule per group, saved as a whole."""

    portal_path = "group__portal"
    form = RuleForm
    list_display = ["group_title", "show_state", "base_group"]
    list_filter = ["state"]
    list_select_related = ["group", "base_group"]
    search_fields = ["group__title"]
    ordering = ["group__title", "pk"]
    inlines = [ConditionInline]
    fields = ["group", "state", "base_group", "on_leaving"]
    actions = ()

    def get_readonly_fields(self, request: HttpRequest, obj: DynamicRule | None = None) -> Any:
        """Return what cannot change: a rule stays with its group."""
        return ["group"] if obj else []

    @display(description=gettext_lazy("group"), ordering="group__title")
    def group_title(self, rule: DynamicRule) -> str:
        """Return the group's title."""
        return rule.group.title

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={State.ACTIVE: "success", State.DRAFT: "info", State.BROKEN: "danger"},
    )
    def show_state(self, rule: DynamicRule) -> tuple[str, str]:
        """Return the state as a label."""
        return rule.state, rule.get_state_display()

    def save_model(self, request: HttpRequest, obj: DynamicRule, form: Any, change: Any) -> None:
        """Do nothing yet: the rule is saved with its conditions."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the rule with its conditions, and let it go to work when it is active."""
        blocks: dict[int, list[Condition]] = {}
        for formset in formsets:
            # Nothing is written here: this notes for the audit trail what changed.
            formset.save(commit=False)
            for line in formset.forms:
                if line not in formset.deleted_forms and "condition" in line.cleaned_data:
                    blocks.setdefault(line.cleaned_data["block"], []).append(line.cleaned_data["condition"])
        rule = form.instance
        rule.pk = definitions.save_rule(
            group=rule.group,
            blocks=[blocks[number] for number in sorted(blocks)],
            base_group=rule.base_group,
            on_leaving=rule.on_leaving,
            state=rule.state,
        ).pk
        if rule.state == State.ACTIVE and not blocks and rule.base_group is None:
            self.message_user(request, _("The rule has no condition: everyone belongs to the group."))

    def response_post_save_add(self, request: HttpRequest, obj: DynamicRule) -> HttpResponse:
        """Go back to the group."""
        return redirect(reverse("admin:portals_group_change", args=[obj.group_id]))

    def response_post_save_change(self, request: HttpRequest, obj: DynamicRule) -> HttpResponse:
        """Go back to the group."""
        return redirect(reverse("admin:portals_group_change", args=[obj.group_id]))
