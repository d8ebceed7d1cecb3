"""Custom user data: the fields of a portal, with the choices that they offer."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from portals import definitions, field_types
from portals.field_types import FieldType, ValueRefused
from portals.forms import PortalForm
from portals.models import CustomField, CustomFieldChoice, RuleCondition
from portals.scoping import PortalScopedAdmin, PortalScopedTabularInline

# A field may only become what its values can be read as.
FAMILIES: tuple[set[str], ...] = (
    {FieldType.STRING, FieldType.STRING_CHOICE},
    {FieldType.INTEGER, FieldType.DECIMAL, FieldType.INTEGER_CHOICE, FieldType.DECIMAL_CHOICE},
    {FieldType.DATE},
)


class CustomFieldForm(PortalForm):
    """One field; what is in use keeps its type."""

    def clean(self) -> dict[str, Any]:
        """Refuse one field too many, and types that would make stored values meaningless."""
        super().clean()
        type_, is_multiple = self.cleaned_data.get("type"), self.cleaned_data.get("is_multiple")
        if type_ and is_multiple and not FieldType(type_).is_choice:
            self.add_error("is_multiple", _("Only a choice can have several values."))
        if self.instance.pk is None:
            self._check_limit()
        elif type_:
            self._check_change(type_, bool(is_multiple))
        return self.cleaned_data

    def _check_limit(self) -> None:
        portal = self.cleaned_data.get("portal") or self.portal
        if portal and portal.custom_fields.count() >= portal.custom_field_limit:
            text = _("This portal may have %(limit)d custom fields. Ask the operator for more.")
            raise ValidationError(text % {"limit": portal.custom_field_limit})

    def _check_change(self, type_: str, is_multiple: bool) -> None:
        old_type, was_multiple = self.initial["type"], self.initial["is_multiple"]
        if (type_, is_multiple) == (old_type, was_multiple):
            return
        if not any({type_, old_type} <= family for family in FAMILIES):
            self.add_error("type", _("Texts stay texts, numbers stay numbers, dates stay dates. Create a new field."))
        elif uses := list(uses_of(self.instance)):
            self.add_error("type", _("The type cannot change while the field is in use: %s.") % "; ".join(uses))
        elif is_multiple != was_multiple:
            self.add_error("is_multiple", _("This cannot change any more. Create a new field."))


class ChoiceFormSet(PaginationInlineFormSet):
    """The choices of a field: readable as its type, each once, and none missing that a rule asks for."""

    def clean(self) -> None:
        """Check each value, then what is left of the list."""
        super().clean()
        if not FieldType(self.instance.type).is_choice:
            if self._kept():
                raise ValidationError(_("Only choice fields have choices. Change the type or delete the choices."))
            return
        seen: set[object] = set()
        for form in self._kept():
            seen.add(self._check(form, seen))
        self._check_rules(seen)

    def _kept(self) -> list[BaseModelForm]:
        deleted = set(self.deleted_forms)
        return [form for form in self.forms if form not in deleted and getattr(form, "cleaned_data", {}).get("value")]

    def _check(self, form: BaseModelForm, seen: set[object]) -> object:
        text = form.cleaned_data["value"].strip()
        try:
            value = field_types.read(text, FieldType(self.instance.type).base)
        except ValueRefused:
            form.add_error("value", _("This is no value of the field's type."))
            return None
        if self.instance.is_multiple and ";" in text:
            form.add_error("value", _("A semicolon separates several values, so no value may contain one."))
        if value in seen:
            form.add_error("value", _("This choice exists already."))
        return value

    def _check_rules(self, offered: set[object]) -> None:
        for condition in _conditions(self.instance):
            missing = field_types.read_choices(condition.operands, FieldType(self.instance.type)) - offered
            if missing:
                raise ValidationError(
                    _("The rule of the group “%(group)s” asks for “%(value)s”, so this choice has to stay.")
                    % {"group": condition.rule.group, "value": field_types.to_text(sorted(missing, key=str)[0])}
                )


class ChoiceInline(PortalScopedTabularInline):
    """The choices of a field, in the order in which people see them."""

    model = CustomFieldChoice
    formset = ChoiceFormSet
    portal_path = "field__portal"
    fields = ["value", "position"]
    ordering = ["position", "pk"]
    ordering_field = "position"
    hide_ordering_field = True
    verbose_name_plural = gettext_lazy("choices (for choice fields)")


@admin.register(CustomField)
class CustomFieldAdmin(PortalScopedAdmin):
    """The custom fields of a portal."""

    portal_path = "portal"
    form = CustomFieldForm
    list_display = ["label", "show_type", "is_required", "learner_may_edit", "learner_may_see", "position"]
    list_filter = ["type"]
    search_fields = ["label"]
    ordering = ["position", "pk"]
    inlines = [ChoiceInline]
    actions = ()
    fieldsets = [
        (None, {"fields": ["label", "type", "is_multiple", "position"]}),
        (gettext_lazy("Learners"), {"fields": ["is_required", "learner_may_edit", "learner_may_see"]}),
    ]

    @display(description=gettext_lazy("type"), ordering="type")
    def show_type(self, field: CustomField) -> str:
        """Return the type in words."""
        several = _(", several values") if field.is_multiple else ""
        return f"{field.get_type_display()}{several}"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the choices, then mark the rules that no longer make sense."""
        super().save_related(request, form, formsets, change)
        if change:
            definitions.mark_broken_rules(form.instance.portal_id)

    def name_of_use(self, row: models.Model) -> str:
        """Return how to call a row that forbids a deletion."""
        return _name_of_use(row)


def uses_of(field: CustomField) -> Iterator[str]:
    """Yield what stands in the way of deleting or changing the field, whichever app it belongs to."""
    for relation in CustomField._meta.related_objects:
        if relation.on_delete is models.PROTECT:
            for row in getattr(field, str(relation.get_accessor_name())).all():
                yield _name_of_use(row)


def _name_of_use(row: models.Model) -> str:
    if isinstance(row, RuleCondition):
        return _("rule of the group “%s”") % row.rule.group
    return f"{row._meta.verbose_name} {row}"


def _conditions(field: CustomField) -> models.QuerySet[RuleCondition]:
    return RuleCondition.objects.filter(custom_field_id=field.pk or 0).select_related("rule__group")
