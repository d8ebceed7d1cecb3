"""Forms for rows of one portal, and the browser's own date field."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.forms import ModelForm
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES

from portals.models import Portal


def portal_id_of(obj: models.Model, portal_path: str) -> int | None:
    """Return the id of the portal that a row belongs to, None while a form has not said; path as in `_Scoped`."""
    *steps, last = portal_path.split(LOOKUP_SEP)
    for step in steps:
        try:
            obj = getattr(obj, step)
        except ObjectDoesNotExist:
            return None
    found: int | None = obj.pk if last == "pk" else getattr(obj, f"{last}_id")
    return found


class DateInput(forms.DateInput):
    """The browser's own date field in the theme: it needs no script."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": " ".join(INPUT_CLASSES), **(attrs or {})}, format="%Y-%m-%d")


class PortalForm(ModelForm):
    """A form for a row of one portal: fills in the portal, and refuses relations that lead out of it."""

    portal: ClassVar[Portal | None] = None
    portal_path: ClassVar[str] = "portal"
    # Whether the form is a line of a table, whose fields have no visible labels of their own.
    is_line: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values() if self.is_line else ():
            # A relation's widget is wrapped.
            widget: Any = getattr(field.widget, "widget", field.widget)
            widget.attrs.setdefault("aria-label", field.label)
        if self.portal and self.portal_path == "portal" and not self.instance.portal_id:
            self.instance.portal = self.portal

    def _get_validation_exclusions(self) -> set[str]:
        # The portal is no field of the form, yet "once per portal" has to be checked.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions - {"portal"}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        own = portal_id_of(self.instance, self.portal_path)
        for name, value in list(self.cleaned_data.items()):
            other = getattr(value, "portal_id", None) if isinstance(value, models.Model) else None
            if own and other and own != other:
                self.add_error(name, ValidationError(_("This belongs to another portal."), code="other_portal"))
