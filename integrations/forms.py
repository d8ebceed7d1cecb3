"""The forms of the integration pages: field mappings, and the invite configuration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import RADIO_CLASSES, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations import explanations
from integrations.models import FieldMapping, InviteSettings
from integrations.providers import Attribute
from portals.field_types import FieldType, ValueRefused, read, read_choices
from portals.models import CustomField

COMPANY_FIELD = "custom:"
# More rows than a portal has fields are an attack or a mistake.
MAX_ROWS = 200

_TEXTS = {FieldType.STRING, FieldType.STRING_CHOICE}
_WHOLE_NUMBERS = {FieldType.STRING, FieldType.INTEGER, FieldType.DECIMAL, FieldType.INTEGER_CHOICE}
_ALL_CHOICES = {FieldType.STRING_CHOICE, FieldType.INTEGER_CHOICE, FieldType.DECIMAL_CHOICE}
_FITTING_TYPES = {
    "text": _TEXTS,
    "email": _TEXTS,
    "boolean": _TEXTS,
    "choice": _TEXTS,
    "date": {FieldType.STRING, FieldType.DATE},
    "integer": _WHOLE_NUMBERS,
    "decimal": _WHOLE_NUMBERS | {FieldType.DECIMAL_CHOICE},
}


def fitting_types(attribute: Attribute) -> set[FieldType]:
    """Return the types of custom fields that an attribute can fill; all of them when its kind is not known."""
    types = set(_FITTING_TYPES.get(attribute.kind, FieldType))
    if attribute.kind == "text" and attribute.is_own:
        # What the company wrote into a field of its own may well be a list of numbers.
        return types | _ALL_CHOICES
    if attribute.kind == "choice" and attribute.options:
        types |= {
            type_
            for type_ in (FieldType.INTEGER_CHOICE, FieldType.DECIMAL_CHOICE)
            if len(read_choices(attribute.options, type_)) == len(set(attribute.options))
        }
    return types


class MappingRow(forms.Form):
    """One row of "Map your data"; left blank as a whole it counts for nothing."""

    attribute = forms.ChoiceField(
        label=gettext_lazy("Select attribute"), required=False, widget=UnfoldAdminSelectWidget
    )
    custom_field = forms.ChoiceField(
        label=gettext_lazy("Select CUD field"), required=False, widget=UnfoldAdminSelectWidget
    )
    fallback_attribute = forms.ChoiceField(
        label=gettext_lazy("If empty, use"), required=False, widget=UnfoldAdminSelectWidget
    )
    default = forms.CharField(
        label=gettext_lazy("Else this value"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )
    when_empty = forms.ChoiceField(
        label=gettext_lazy("When all is empty"),
        choices=FieldMapping.WhenEmpty,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(
        self, *args: Any, attributes: Sequence[Attribute], custom_fields: Sequence[CustomField], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.attributes = {attribute.key: attribute for attribute in attributes}
        self.custom_fields = {str(field.pk): field for field in custom_fields}
        choices = attribute_choices(attributes)
        self.fields["attribute"].choices = choices  # type: ignore[attr-defined]
        self.fields["fallback_attribute"].choices = [("", _("Nothing")), *choices[1:]]  # type: ignore[attr-defined]
        self.fields["custom_field"].choices = [  # type: ignore[attr-defined]
            ("", _("Select CUD field")),
            *((key, f"{field.label} ({field.get_type_display()})") for key, field in self.custom_fields.items()),
        ]

    def clean(self) -> dict[str, Any]:
        """Check that both sides are named and fit each other."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        attribute = self.attributes.get(cleaned["attribute"])
        field = self.custom_fields.get(cleaned["custom_field"])
        if attribute and not field:
            self.add_error("custom_field", _("Select the CUD field that this attribute fills."))
        elif field and not attribute:
            self.add_error("attribute", _("Select the attribute that fills this CUD field."))
        elif attribute and field and (problem := unfit(attribute, field)):
            self.add_error("custom_field", problem)
        elif attribute and field:
            self._check_fallback(attribute, field)
            self._check_default(field)
        return cleaned

    def _check_fallback(self, attribute: Attribute, field: CustomField) -> None:
        fallback = self.attributes.get(self.cleaned_data["fallback_attribute"])
        if fallback is None:
            return
        if fallback.key == attribute.key:
            self.add_error("fallback_attribute", _("Select another attribute, or nothing."))
        elif problem := unfit(fallback, field):
            self.add_error("fallback_attribute", problem)

    def _check_default(self, field: CustomField) -> None:
        type_ = FieldType(field.type)
        choices = read_choices([choice.value for choice in field.choices.all()], type_) if type_.is_choice else ()
        try:
            read(self.cleaned_data["default"], type_, choices=choices, is_multiple=field.is_multiple)
        except ValueRefused as refusal:
            self.add_error("default", str(explanations.field_problem(refusal.reason)))

    @property
    def mapping(self) -> FieldMapping | None:
        """The valid row as an unsaved mapping, or None for a blank one."""
        # Django cleans nothing of a row that was not even posted.
        field = self.custom_fields.get(self.cleaned_data.get("custom_field", ""))
        if field is None:
            return None
        return FieldMapping(
            attribute=self.cleaned_data["attribute"],
            custom_field=field,
            fallback_attribute=self.cleaned_data["fallback_attribute"],
            default=self.cleaned_data["default"],
            when_empty=self.cleaned_data["when_empty"] or FieldMapping.WhenEmpty.CLEAR,
        )


class BaseMappings(BaseFormSet):  # type: ignore[type-arg]
    """The table of "Map your data"."""

    def clean(self) -> None:
        """Check that every custom field has one source."""
        seen: dict[str, int] = {}
        for number, row in enumerate(self.forms, start=1):
            key = row.cleaned_data.get("custom_field", "") if row.is_valid() else ""
            if key and key in seen:
                row.add_error("custom_field", already_filled(row.custom_fields[key], seen[key]))
            elif key:
                seen[key] = number

    def mappings(self) -> list[FieldMapping]:
        """Return the rows of a valid formset as unsaved mappings."""
        return [row.mapping for row in self.forms if row.mapping]


Mappings = formset_factory(
    MappingRow, formset=BaseMappings, extra=0, max_num=MAX_ROWS, absolute_max=MAX_ROWS, validate_max=True
)


def attribute_choices(attributes: Sequence[Attribute]) -> list[tuple[str, Any]]:
    """Return the choices of "Select attribute": the system's own attributes, then those the company made."""
    standard = [_option(attribute) for attribute in attributes if not attribute.is_own]
    own = [_option(attribute) for attribute in attributes if attribute.is_own]
    choices: list[tuple[str, Any]] = [("", _("Select attribute"))]
    if standard:
        choices.append((_("Standard attributes"), standard))
    if own:
        choices.append((_("Your company's own fields"), own))
    return choices


def _option(attribute: Attribute) -> tuple[str, str]:
    if attribute.is_sensitive:
        return attribute.key, _("%(attribute)s (sensitive)") % {"attribute": attribute.label}
    return attribute.key, str(attribute.label)


def unfit(attribute: Attribute, field: CustomField) -> str:
    """Return why an attribute cannot fill a field, and what could take it; an empty text when it can."""
    type_ = FieldType(field.type)
    if type_ in fitting_types(attribute):
        if not attribute.is_multiple or not type_.is_choice or field.is_multiple:
            return ""
        return _("“%(attribute)s” may have several values at once. Select a field that allows several choices.") % {
            "attribute": attribute.label
        }
    labels = dict(CustomField.Type.choices)
    types = [str(labels[type_]) for type_ in FieldType if type_ in fitting_types(attribute)]
    return _("“%(attribute)s” cannot fill a field of the type “%(type)s”. Select a field of the type: %(types)s.") % {
        "attribute": attribute.label,
        "type": field.get_type_display(),
        "types": ", ".join(types),
    }


def already_filled(field: CustomField, row: int) -> str:
    """Return that a field has a source already."""
    return _("“%(field)s” is filled by row %(row)s already. A CUD field takes one attribute.") % {
        "field": field.label,
        "row": row,
    }


@dataclass(frozen=True, slots=True)
class Option:
    """One radio button with what it means."""

    id: str
    widget: str
    label: str | Promise
    help: str | Promise
    is_disabled: bool


class ExplainedRadios(forms.RadioSelect):
    """Radio buttons of which some may be out of reach."""

    unavailable: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Grey out what is not available."""
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.unavailable:
            option["attrs"]["disabled"] = True
        return option


class InviteSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The two questions of the invite configuration, and which address is used."""

    HELP = {
        InviteSettings.When.ADDED: gettext_lazy("The next sync adds them, even before their first day of work."),
        InviteSettings.When.HIRE_DATE: gettext_lazy(
            "They are added on that day, in the portal's time zone. A past date means at once."
        ),
        InviteSettings.How.ACTIVE_WELCOME: gettext_lazy(
            "They can be enrolled at once. The email has a link to set a password; it works for 72 hours."
        ),
        InviteSettings.How.ACTIVE: gettext_lazy(
            "They can be enrolled at once. No email is sent; “Forgot password” lets them in."
        ),
        InviteSettings.How.PENDING_INVITE: gettext_lazy(
            "They become active when they accept. The link in the email works for 72 hours; "
            "until then they are listed under Pending Users."
        ),
    }

    class Meta:
        model = InviteSettings
        fields = ["when", "how", "address"]
        widgets = {name: ExplainedRadios(attrs={"class": " ".join(RADIO_CLASSES)}) for name in fields}

    def __init__(self, *args: Any, uses_passwords: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not uses_passwords:
            self._without_mail()

    def _without_mail(self) -> None:
        """People who sign in through SSO have their sign-in details: they become active without a mail."""
        how = InviteSettings.How
        self.initial["how"] = how.ACTIVE
        widget = self.fields["how"].widget
        widget.unavailable = frozenset({how.ACTIVE_WELCOME.value, how.PENDING_INVITE.value})
        self.fields["how"].choices = how.choices  # type: ignore[attr-defined]

    def clean_how(self) -> str:
        """Refuse what is greyed out."""
        how: str = self.cleaned_data["how"]
        if how in self.fields["how"].widget.unavailable:
            raise forms.ValidationError(_("People of this portal sign in through SSO and get no such email."))
        return how

    def questions(self) -> Iterator[tuple[forms.BoundField, list[Option]]]:
        """Yield each question with its answers, for the template."""
        for field in self:
            unavailable = field.field.widget.unavailable
            yield (
                field,
                [
                    Option(
                        id=radio.id_for_label,
                        widget=radio.tag(),
                        label=radio.choice_label,
                        help=self.HELP.get(radio.data["value"], ""),
                        is_disabled=radio.data["value"] in unavailable,
                    )
                    for radio in field.subwidgets
                ],
            )
