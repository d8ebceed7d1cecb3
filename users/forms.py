"""Forms of the learner's pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portals import field_types
from portals.field_types import FieldType, ValueRefused
from portals.models import CustomField
from users.models import Membership

# What each code of ValueRefused means to the person who typed the value.
REFUSALS = {
    "unknown_choice": _("Choose one of the listed values."),
    "not_a_number": _("Enter a number."),
    "not_a_whole_number": _("Enter a whole number."),
    "not_a_date": _("Enter a date."),
    "too_long": _("This is too long."),
}


class LinkRequestForm(forms.Form):
    """Where to send a new link."""

    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))


class CustomDataForm(forms.Form):
    """The custom values that a learner may edit, one form field each, named after its id."""

    def __init__(self, membership: Membership, custom_fields: list[CustomField], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in custom_fields:
            self.fields[field.key] = CustomValueField(field, initial=membership.custom_data.get(field.key))


class OwnDataForm(CustomDataForm):
    """The same, with the names that are not known yet; with `needs_name` one of them has to be entered."""

    def __init__(self, *args: Any, names: Sequence[str] = (), needs_name: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_names = names if needs_name else ()
        labels = {"first_name": _("First name"), "last_name": _("Last name")}
        hints = {"first_name": "given-name", "last_name": "family-name"}
        asked = {
            name: forms.CharField(
                label=labels[name],
                max_length=150,
                required=False,
                widget=forms.TextInput(attrs={"autocomplete": hints[name]}),
            )
            for name in names
        }
        self.fields = {**asked, **self.fields}

    def clean(self) -> dict[str, Any]:
        """Refuse to go on without any name: of people with one name only, either will do."""
        cleaned = super().clean() or self.cleaned_data
        if self.asked_names and not any(cleaned.get(name) for name in self.asked_names):
            self.add_error(self.asked_names[0], _("Enter your name."))
        return cleaned


class CustomValueField(forms.Field):
    """One custom value, read by the rules of its type."""

    def __init__(self, field: CustomField, initial: object) -> None:
        self.type = FieldType(field.type)
        self.is_multiple = field.is_multiple
        texts = [choice.value for choice in field.offered_choices] if field.is_choice else []
        self.choices = field_types.read_choices(texts, self.type)
        super().__init__(
            label=field.label,
            required=field.is_required,
            widget=self._widget(texts),
            initial=self._shown(initial),
        )

    def clean(self, value: Any) -> Any:
        """Return the value to store, None for an empty one."""
        parts = value if isinstance(value, list) else [value or ""]
        if self.is_multiple and any(";" in part for part in parts):
            raise ValidationError(REFUSALS["unknown_choice"])
        text = "; ".join(parts).replace("\0", "")
        try:
            stored = field_types.read(text, self.type, choices=self.choices, is_multiple=self.is_multiple)
        except ValueRefused as refusal:
            raise ValidationError(REFUSALS[refusal.reason]) from refusal
        if stored is None and self.required:
            raise ValidationError(self.error_messages["required"])
        return stored

    def _widget(self, texts: list[str]) -> forms.Widget:
        options = [
            (self._shown(value), text) for text in texts for value in field_types.read_choices([text], self.type)
        ]
        if self.is_multiple:
            return forms.CheckboxSelectMultiple(choices=options)
        if self.type.is_choice:
            return forms.Select(choices=[("", ""), *options])
        if self.type == FieldType.DATE:
            return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        if self.type in (FieldType.INTEGER, FieldType.DECIMAL):
            return forms.TextInput(attrs={"inputmode": "decimal"})
        return forms.TextInput(attrs={"maxlength": field_types.MAX_TEXT_LENGTH})

    @staticmethod
    def _shown(stored: object) -> Any:
        if isinstance(stored, list):
            return [field_types.to_text(part) for part in stored]
        return field_types.to_text(stored)


class PercentForm(forms.Form):
    """How far a learner says they are in a course."""

    percent = forms.IntegerField(
        label=_("How far are you, in percent?"),
        min_value=0,
        max_value=99,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


class DeletionForm(forms.Form):
    """Whether someone means it: the own address has to be typed."""

    email = forms.CharField(label=_("Type your e-mail address"), widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = email

    def clean_email(self) -> str:
        """Refuse another address."""
        entered: str = self.cleaned_data["email"]
        if entered.strip().lower() != self.address.lower():
            raise ValidationError(_("This is not your address."))
        return entered
