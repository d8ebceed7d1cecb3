"""Custom user data: the fields of a portal, with the choices that they offer."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from portals import definitions, field_types
from portals.confirmations import ConfirmationForm, confirmed_action
from portals.field_types import FAMILIES, FieldType, ValueRefused
from portals.forms import PortalForm
from portals.models import CustomField, CustomFieldChoice, DynamicRule, Portal, RuleCondition
from portals.scoping import PortalScopedAdmin, PortalScopedTabularInline

TOO_MANY = gettext_lazy(
    "This portal may have %(limit)d custom fields. Archive one that is not needed, or ask the operator for more."
)


class ArchiveForm(ConfirmationForm):
    """Offer a field no more."""

    title = gettext_lazy("Archive the field")
    button = gettext_lazy("Archive")

    def sentences(self) -> list[Any]:
        """Say what stays, and what breaks."""
        rules = [rule for field in self.rows for rule in rules_of(field)]
        found = [_("Nobody is offered the field any more; whoever has a value keeps it, and integrations go on.")]
        if rules:
            titles = ", ".join(f"“{rule.group}”" for rule in rules)
            text = _("The rules of these groups break, and change nobody until they are mended: %s.")
            found.append(text % titles)
        return found


class BringBackForm(ConfirmationForm):
    """Offer an archived field again."""

    title = gettext_lazy("Bring the field back")
    button = gettext_lazy("Bring back")

    def clean(self) -> dict[str, Any]:
        """Refuse one field more than the portal may have."""
        for portal in {row.portal for row in self.rows}:
            if is_full(portal):
                raise ValidationError(TOO_MANY % {"limit": portal.custom_field_limit})
        return self.cleaned_data


def is_full(portal: Portal) -> bool:
    """Whether the portal has as many fields as it may have; archived ones do not count."""
    return portal.custom_fields.offered().count() >= portal.custom_field_limit


def rules_of(field: CustomField) -> list[DynamicRule]:
    """Return the active rules that look at a field."""
    rules = DynamicRule.objects.filter(conditions__custom_field=field, state=DynamicRule.State.ACTIVE)
    return list(rules.distinct().select_related("group").order_by("group__title"))


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
        if portal and is_full(portal):
            raise ValidationError(TOO_MANY % {"limit": portal.custom_field_limit})

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


class OrderForm(forms.ModelForm):
    """One row of the list: its place among the fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "position" in self.fields:
            self.fields["position"].widget.attrs["aria-label"] = _("Position of %s") % self.instance.label


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

    def renames(self) -> dict[str, str]:
        """Return the new values of renamed choices by the old ones."""
        changed = [form for form in self._kept() if form.instance.pk and form.initial.get("value")]
        pairs = {form.initial["value"]: form.cleaned_data["value"].strip() for form in changed}
        return {old: new for old, new in pairs.items() if old != new}

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
        elif text in self._names_in_use() - {form.initial.get("value")}:
            # Both would have the same name for a moment, and then nobody knows whose value it was.
            form.add_error("value", _("Another choice has this name until the change is saved. Rename it first."))
        return value

    def _names_in_use(self) -> set[str]:
        return {form.initial["value"] for form in self.initial_forms if form.initial.get("value")}

    def _check_rules(self, offered: set[object]) -> None:
        renames, type_ = self.renames(), FieldType(self.instance.type)
        for condition in _conditions(self.instance):
            operands = [renames.get(operand, operand) for operand in condition.operands]
            missing = field_types.read_choices(operands, type_) - offered
            if missing:
                raise ValidationError(
                    _(
                        "The rule of the group “%(group)s” asks for “%(value)s”, so this choice has to stay. "
                        "Archive it instead: nobody is offered it any more."
                    )
                    % {"group": condition.rule.group, "value": field_types.to_text(sorted(missing, key=str)[0])}
                )


class ChoiceInline(PortalScopedTabularInline):
    """The choices of a field, in the order in which people see them."""

    model = CustomFieldChoice
    formset = ChoiceFormSet
    portal_path = "field__portal"
    fields = ["value", "is_archived", "position"]
    ordering = ["position", "pk"]
    # Lines can be dragged; without scripts the numbers do the same.
    ordering_field = "position"
    verbose_name_plural = gettext_lazy("choices (for choice fields)")


@admin.register(CustomField)
class CustomFieldAdmin(PortalScopedAdmin):
    """The custom fields of a portal."""

    portal_path = "portal"
    form = CustomFieldForm
    list_display = [
        "label",
        "show_type",
        "show_state",
        "is_required",
        "learner_may_edit",
        "learner_may_see",
        "position",
    ]
    list_editable = ["position"]
    # Rows can be dragged; without scripts the numbers do the same.
    ordering_field = "position"
    list_filter = ["type", "is_archived"]
    search_fields = ["label"]
    ordering = ["position", "pk"]
    inlines = [ChoiceInline]
    actions = ()
    actions_detail = ["archive_field", "bring_field_back"]
    fieldsets = [
        (None, {"fields": ["label", "type", "is_multiple", "position"]}),
        (gettext_lazy("Learners"), {"fields": ["is_required", "learner_may_edit", "learner_may_see"]}),
    ]

    @display(description=gettext_lazy("type"), ordering="type")
    def show_type(self, field: CustomField) -> str:
        """Return the type in words."""
        several = _(", several values") if field.is_multiple else ""
        return f"{field.get_type_display()}{several}"

    @display(
        description=gettext_lazy("state"), ordering="is_archived", label={"archived": "warning", "offered": "success"}
    )
    def show_state(self, field: CustomField) -> tuple[str, str]:
        """Return whether the field is offered as a label."""
        return ("archived", _("Archived")) if field.is_archived else ("offered", _("In use"))

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form of one row, its number named for screen readers."""
        return super().get_changelist_form(request, form=OrderForm, **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the field as things are."""
        field = self.get_object(request, str(object_id))
        unfit = "archive_field" if field and field.is_archived else "bring_field_back"
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(unfit)]

    @confirmed_action(ArchiveForm, permissions=["change"], description=gettext_lazy("Archive"), icon="archive")
    def archive_field(self, request: HttpRequest, form: Any, rows: list[CustomField]) -> str:
        """Offer the field no more; whoever has a value keeps it."""
        broken = [rule for row in rows for rule in definitions.archive_field(row)]
        for row in rows:
            self.report(request, "archived", row)
        text = _("Archived. People keep their values.")
        if broken:
            text += " " + ngettext("%d rule is broken now.", "%d rules are broken now.", len(broken)) % len(broken)
        return text

    @confirmed_action(BringBackForm, permissions=["change"], description=gettext_lazy("Bring back"), icon="unarchive")
    def bring_field_back(self, request: HttpRequest, form: Any, rows: list[CustomField]) -> str:
        """Offer an archived field again."""
        for row in rows:
            definitions.bring_field_back(row)
            self.report(request, "brought_back", row)
        return _("The field is offered again. Run the rules that broke, to let them work again.")

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
