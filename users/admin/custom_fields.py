"""Custom user data with the people behind it: how many have a choice, renaming it for them, types that must fit."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from portals.admin.custom_fields import ChoiceFormSet, ChoiceInline
from portals.admin.custom_fields import CustomFieldAdmin as DefinitionAdmin
from portals.field_types import FieldType, Scalar, ValueRefused, read, read_choices
from portals.models import CustomField, CustomFieldChoice, DynamicRule, RuleCondition
from users import choice_values, tasks
from users.models import Membership

admin.site.unregister(CustomField)

# Values that a complaint names.
NAMED = 5


class PeopleChoiceFormSet(ChoiceFormSet):
    """The choices of a field: none goes that somebody has, and a new type must fit what people have."""

    def clean(self) -> None:
        """Check the values that people have."""
        super().clean()
        if self.instance.pk is None or self.errors_so_far():
            return
        has_new_type = self.instance.type != CustomField.objects.values_list("type", flat=True).get(
            pk=self.instance.pk
        )
        if has_new_type:
            self._check_new_type()
        elif self.deleted_forms:
            self._check_deleted()

    def errors_so_far(self) -> bool:
        """Whether a line is refused already."""
        return any(form.errors for form in self.forms if form not in self.deleted_forms)

    def _check_new_type(self) -> None:
        type_ = FieldType(self.instance.type)
        texts = [form.cleaned_data["value"] for form in self._kept()] if type_.is_choice else []
        found = choice_values.misfits(self.instance, type_, read_choices(texts, type_))
        if found:
            people = sum(one.people for one in found)
            named = ", ".join(f"“{one.value}” ({one.people})" for one in found[:NAMED])
            text = ngettext(
                "%(people)d person has a value that does not fit the new type: %(values)s. Add it to the choices, or "
                "change it first.",
                "%(people)d values of people do not fit the new type: %(values)s. Add them to the choices, or change "
                "them first.",
                people,
            )
            more = " …" if len(found) > NAMED else ""
            raise ValidationError(text % {"people": people, "values": named + more})

    def _check_deleted(self) -> None:
        for form in self.deleted_forms:
            if form.instance.pk and (people := choice_values.people_with(form.instance)):
                text = ngettext(
                    "%(people)d person has “%(value)s”, so it cannot be deleted. Archive it: it is kept, and nobody "
                    "is offered it any more.",
                    "%(people)d people have “%(value)s”, so it cannot be deleted. Archive it: it is kept, and nobody "
                    "is offered it any more.",
                    people,
                )
                raise ValidationError(text % {"people": people, "value": form.instance.value})


class PeopleChoiceInline(ChoiceInline):
    """The choices of a field, with what uses each."""

    formset = PeopleChoiceFormSet
    fields = [*ChoiceInline.fields, "used_by"]
    readonly_fields = ["used_by"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[CustomFieldChoice]:
        """Return the choices with the number of values of other systems that stand for each."""
        rows: models.QuerySet[CustomFieldChoice] = super().get_queryset(request)
        return rows.select_related("field")

    @display(description=gettext_lazy("used by"))
    def used_by(self, choice: CustomFieldChoice) -> str:
        """Return how many people have the choice, as a link to them, and how many rules and mappings use it."""
        if choice._state.adding:
            return "–"
        uses = self._uses_of(choice.field)
        value = _stored(choice)
        people = uses.people.get(value, 0)
        url = reverse("admin:users_membership_changelist")
        return format_html(
            '<a href="{}?custom_{}={}" class="text-link underline">{}</a>, {}, {}',
            url,
            choice.field_id,
            choice.value,
            ngettext("%d person", "%d people", people) % people,
            ngettext("%d rule", "%d rules", uses.rules.get(value, 0)) % uses.rules.get(value, 0),
            ngettext("%d mapping", "%d mappings", uses.mappings) % uses.mappings,
        )

    def _uses_of(self, field: CustomField) -> _Uses:
        # The inline lives as long as the request, and has one field.
        known: _Uses | None = self.__dict__.get("_uses")
        if known is None:
            known = self.__dict__["_uses"] = _Uses(field)
        return known


class _Uses:
    """What uses the values of one field; asked of the database once per page."""

    def __init__(self, field: CustomField) -> None:
        self.people = choice_values.people_by_value(field)
        self.rules: dict[Scalar, int] = {}
        rules: dict[Scalar, set[int]] = {}
        for operands, rule in RuleCondition.objects.filter(custom_field=field).values_list("operands", "rule"):
            for value in read_choices(operands, FieldType(field.type)):
                rules.setdefault(value, set()).add(rule)
        self.rules = {value: len(found) for value, found in rules.items()}
        others = [
            relation
            for relation in CustomField._meta.related_objects
            if relation.on_delete is models.PROTECT and relation.related_model is not RuleCondition
        ]
        self.mappings = sum(getattr(field, str(relation.get_accessor_name())).count() for relation in others)


def _stored(choice: CustomFieldChoice) -> Any:
    try:
        return read(choice.value, FieldType(choice.field.type).base)
    except ValueRefused:
        return choice.value


@admin.register(CustomField)
class CustomFieldAdmin(DefinitionAdmin):
    """Custom user data, with the people who have it."""

    inlines = [PeopleChoiceInline]
    delete_confirmation_template = "admin/rules/delete_field.html"
    readonly_fields = ["used_in"]

    def get_fieldsets(self, request: HttpRequest, obj: CustomField | None = None) -> Any:
        """Return the fieldsets; what uses the field needs a saved one."""
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, (_("Used by"), {"fields": ["used_in"]})] if obj else fieldsets

    @display(description=gettext_lazy("rules and mappings"))
    def used_in(self, field: CustomField) -> Any:
        """Return the rules, as links, and everything else that uses the field."""
        # The theme asks several times while it lays out a page.
        known = field.__dict__.get("_used_in")
        if known is None:
            parts = [*self._rule_links(field), *self.other_uses(field)]
            known = format_html_join(", ", "{}", ((part,) for part in parts)) if parts else _("Nothing")
            field.__dict__["_used_in"] = known
        return known

    def _rule_links(self, field: CustomField) -> list[str]:
        rules = DynamicRule.objects.filter(conditions__custom_field=field).select_related("group").distinct()
        return [
            format_html(
                '<a href="{}" class="text-link underline">{}</a>',
                reverse("admin:portals_group_rule", args=[rule.group_id]),
                _("rule of the group “%s”") % rule.group,
            )
            for rule in rules.order_by("group__title")
        ]

    def other_uses(self, field: CustomField) -> list[str]:
        """Return what else would be in the way of deleting the field."""
        return [
            f"{row._meta.verbose_name} {row}"
            for relation in CustomField._meta.related_objects
            if relation.on_delete is models.PROTECT and relation.related_model is not RuleCondition
            for row in getattr(field, str(relation.get_accessor_name())).all()
        ]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the choices; a renamed one is renamed for everyone, for many people in the background."""
        renames = formset.renames() if isinstance(formset, ChoiceFormSet) and change else {}
        for line in formset.forms:
            old = line.initial.get("value")
            if old in renames:
                # The use-case writes the new name, together with everything that knows the old one.
                line.instance.value = old
        super().save_formset(request, form, formset, change)
        for old, new in renames.items():
            self._rename(request, CustomFieldChoice.objects.get(field=form.instance, value=old), new)

    def _rename(self, request: HttpRequest, choice: CustomFieldChoice, value: str) -> None:
        people, names = choice_values.people_with(choice), {"old": choice.value, "new": value}
        if people > choice_values.LARGE:
            later = partial(tasks.rename_choice.delay, choice_id=choice.pk, value=value, actor_id=request.user.pk)
            transaction.on_commit(later)
            text = _("Many people have “%(old)s”: it becomes “%(new)s” in the background, within minutes.")
            self.message_user(request, text % names)
            return
        choice_values.rename(choice=choice, value=value, now=timezone.now(), actor_id=request.user.pk)
        text = ngettext(
            "“%(old)s” is “%(new)s” now, also for %(people)d person and in the rules.",
            "“%(old)s” is “%(new)s” now, also for %(people)d people and in the rules.",
            people,
        )
        self.message_user(request, text % {**names, "people": people})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Tell how many people lose a value, or offer to archive the field instead."""
        field = self.get_object(request, object_id)
        people = 0
        if field:
            people = Membership.objects.filter(portal=field.portal_id, custom_data__has_key=field.key).count()
        return super().delete_view(request, object_id, {**(extra_context or {}), "people": people})
