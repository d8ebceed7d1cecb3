"""Planned changes as an HR person reads them: labels instead of keys, sentences instead of codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import explanations
from integrations.engine.changes import Kind
from integrations.models import Connection, PlannedChange
from integrations.views import attributes
from portals.field_types import FieldType, to_text
from portals.models import Course, CustomField, Group
from users.models import Invitation, Membership

Text = str | Promise

LABELS: dict[str, Text] = {
    "email": gettext_lazy("E-mail"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "status": gettext_lazy("Status"),
    "last_day": gettext_lazy("Last day of access"),
}


ADDITIONS = (Kind.ADD, Kind.INVITE)
WHO = ("email", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that a change writes."""

    label: Text
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """One value of a person that could not be taken over."""

    attribute: str
    value: str
    problem: Text


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of a run."""

    change: PlannedChange
    name: Text
    address: str
    kind: Text
    differences: list[Difference]
    reason: Text
    advice: Text
    warnings: list[RefusedValue]
    # What would follow, of a preview's line.
    consequences: list[str]
    # Everything is new: there is no before.
    is_addition: bool


class Reader:
    """Puts the changes of one connection into words; the number of queries is fixed, however many there are."""

    def __init__(self, connection: Connection) -> None:
        self._portal_id = connection.portal_id
        fields = CustomField.objects.filter(portal=connection.portal_id)
        self._fields = {field.key: field for field in fields}
        self._attributes = {one.key: one.label for one in attributes.remembered(connection)}

    def rows(self, changes: Iterable[PlannedChange]) -> Iterator[ChangeRow]:
        """Yield the changes in words."""
        return (self.row(change) for change in changes)

    def row(self, change: PlannedChange) -> ChangeRow:
        """Return one change in words."""
        name, _separator, address = change.person.partition(" <")
        is_addition = change.kind in ADDITIONS
        # Name and address of newcomers are in `person`.
        after = {key: value for key, value in change.after.items() if not (is_addition and key in WHO)}
        return ChangeRow(
            change=change,
            name=name or _("Name unknown"),
            address=address.removesuffix(">"),
            kind=kind_of(change),
            differences=list(self._differences(change.before, after)),
            reason=explanations.sentence(change.reason) or without_a_date(change),
            advice=explanations.advice(change.reason),
            warnings=[self._warning(*parts) for parts in change.warnings],
            consequences=list(self._consequences(change.consequences or {})),
            is_addition=is_addition,
        )

    def _differences(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
        for key, label in LABELS.items():
            if key in new and new[key] != old.get(key):
                yield Difference(label, value_text(key, old.get(key)), value_text(key, new[key]))
        yield from self._custom_differences(old.get("custom_data") or {}, new.get("custom_data") or {})

    def _custom_differences(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
        for key, value in new.items():
            if value != old.get(key):
                before, after = self._field_text(key, old.get(key)), self._field_text(key, value)
                yield Difference(self._field_label(key), before, after)

    def _consequences(self, follows: Mapping[str, Any]) -> Iterator[str]:
        if mail := follows.get("mail"):
            yield _("Mail: %(kind)s") % {"kind": Invitation.Kind(mail).label}
        # Titles are asked for only when a line speaks of them.
        for key, text, source in (
            ("joins", gettext_lazy("Joins: %(titles)s"), "_groups"),
            ("leaves", gettext_lazy("Leaves: %(titles)s"), "_groups"),
            ("enrolls", gettext_lazy("Is enrolled in: %(titles)s"), "_courses"),
            ("unenrolls", gettext_lazy("Is unenrolled from: %(titles)s"), "_courses"),
            ("joins_later", gettext_lazy("Joins on accepting: %(titles)s"), "_groups"),
            ("enrolls_later", gettext_lazy("Is enrolled on accepting in: %(titles)s"), "_courses"),
        ):
            if ids := follows.get(key):
                titles: dict[int, str] = getattr(self, source)
                yield text % {"titles": ", ".join(titles.get(one, _("(deleted)")) for one in ids)}

    @cached_property
    def _groups(self) -> dict[int, str]:
        return dict(Group.objects.filter(portal=self._portal_id).values_list("pk", "title"))

    @cached_property
    def _courses(self) -> dict[int, str]:
        return dict(Course.objects.filter(portal=self._portal_id).values_list("pk", "title"))

    def _field_label(self, key: str) -> Text:
        field = self._fields.get(key)
        return field.label if field else gettext_lazy("A field that was deleted")

    def _field_text(self, key: str, value: Any) -> str:
        field = self._fields.get(key)
        if field and field.type == FieldType.DATE:
            return day_text(value)
        return to_text(value)

    def _warning(self, attribute: str, code: str, value: str = "") -> RefusedValue:
        label = self._attributes.get(attribute) or LABELS.get(attribute) or attribute.replace("_", " ").capitalize()
        return RefusedValue(str(label), value, explanations.field_problem(code))


def kind_of(change: PlannedChange) -> Text:
    """Return what a change does, or did, or would have done."""
    if change.state == PlannedChange.State.APPLIED:
        is_empty = change.kind == Kind.UPDATE and not change.after
        return _("Nothing changed") if is_empty else explanations.kind(change.kind)
    if change.state == PlannedChange.State.SKIPPED and change.kind == Kind.UNDO:
        return _("Left as it is")
    if change.state == PlannedChange.State.SKIPPED:
        return explanations.kind(Kind.SKIP)
    return _("%(state)s: %(change)s") % {
        "state": change.get_state_display(),
        "change": explanations.kind(change.kind) if change.kind != Kind.SKIP else "",
    }


def without_a_date(change: PlannedChange) -> Text:
    """Return that access ends at once, for an end that has no last day."""
    if change.kind == Kind.END_ACCESS and not change.after.get("last_day"):
        return _("Inactive without a termination date: access ends at once.")
    return ""


def value_text(key: str, value: Any) -> str:
    """Return a value of a person's own data as text."""
    if not value:
        return ""
    if key == "status":
        return str(dict(Membership.Status.choices).get(value, value))
    return day_text(value) if key == "last_day" else str(value)


def day_text(value: Any) -> str:
    """Return an ISO date the way dates are written in this language."""
    try:
        return date_format(date.fromisoformat(value), "DATE_FORMAT")
    except (TypeError, ValueError):
        return to_text(value)
