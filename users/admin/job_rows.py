"""Rows of an uploaded file as an HR person reads them: labels instead of keys, sentences instead of codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portals.field_types import to_text
from portals.models import CustomField, Group, Portal
from users.models import ImportRow, Invitation, Membership

Text = str | Promise

LABELS: dict[str, Text] = {
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "status": gettext_lazy("Status"),
    "mail": gettext_lazy("E-mail to send"),
    "groups": gettext_lazy("Groups"),
}
# What an address says already, or the kind of row.
LEFT_OUT = ("email",)

# Why a row does nothing, or not all of it; %(about)s is a column or status, %(value)s what stands in the file.
SENTENCES: dict[str, Text] = {
    "misshapen": gettext_lazy("The row does not have as many cells as there are headings."),
    "duplicate": gettext_lazy("The address stands in several lines: %(value)s."),
    "no_email": gettext_lazy("There is no e-mail address."),
    "invalid_email": gettext_lazy("“%(value)s” is no e-mail address."),
    "name_too_long": gettext_lazy("%(about)s: the name is too long."),
    "enabled_unclear": gettext_lazy("Enabled: “%(value)s” is neither Yes nor No."),
    "unknown_group": gettext_lazy("There is no group “%(value)s”. Create it first."),
    "unknown_choice": gettext_lazy("%(about)s: “%(value)s” is none of the choices."),
    "not_a_number": gettext_lazy("%(about)s: “%(value)s” is not a number."),
    "not_a_whole_number": gettext_lazy("%(about)s: “%(value)s” is not a whole number."),
    "not_a_date": gettext_lazy("%(about)s: “%(value)s” is not a date such as 2026-03-31."),
    "too_long": gettext_lazy("%(about)s: the value is too long."),
    "required": gettext_lazy("%(about)s: a value is required."),
    "staff_account": gettext_lazy("Admins, managers and instructors are never changed by a file."),
    "already_member": gettext_lazy("This person is in the portal already, and the upload does not update people."),
    "access_ended": gettext_lazy("This person's access has ended. A file does not give it back."),
    "not_enabled": gettext_lazy("New people with “No” under Enabled are not added."),
    "known_elsewhere": gettext_lazy("This person has an account in another portal, so they can only be invited."),
    "has_account": gettext_lazy("This person has an account in another portal and keeps its name and password."),
    "no_seat": gettext_lazy("All seats of the portal are taken."),
    "kept": gettext_lazy("%(about)s is kept by %(value)s and stays as it is."),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that a row writes."""

    label: Text
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of the file with what it does."""

    row: ImportRow
    differences: list[Difference]
    remarks: list[str]


class Reader:
    """Looks the names of a portal's fields and groups up once, for any number of rows."""

    def __init__(self, portal: Portal) -> None:
        self.fields = {field.key: field.label for field in CustomField.objects.filter(portal=portal)}
        self.groups = dict(Group.objects.filter(portal=portal).values_list("pk", "title"))

    def rows(self, rows: Iterable[ImportRow]) -> Iterator[ShownRow]:
        """Yield each row in words."""
        for row in rows:
            yield ShownRow(row, list(self._differences(row)), [sentence(problem) for problem in row.problems])

    def _differences(self, row: ImportRow) -> Iterator[Difference]:
        for name, after in row.after.items():
            before = row.before.get(name)
            if name == "custom_data":
                for key, value in after.items():
                    label = self.fields.get(key, _("Deleted field"))
                    yield Difference(label, to_text((before or {}).get(key)), to_text(value))
            elif name not in LEFT_OUT and (after or before):
                yield Difference(LABELS.get(name, name), self._text(name, before), self._text(name, after))

    def _text(self, name: str, value: Any) -> str:
        if name == "groups":
            return "; ".join(sorted(self.groups.get(pk, _("Deleted group")) for pk in value or ()))
        if value and name == "status":
            return str(Membership.Status(value).label)
        if value and name == "mail":
            return str(Invitation.Kind(value).label)
        return str(value or "")


def sentence(problem: list[str]) -> str:
    """Return what a remark about a row says."""
    code, about, value = problem
    return str(SENTENCES[code]) % {"about": LABELS.get(about, about), "value": value}
