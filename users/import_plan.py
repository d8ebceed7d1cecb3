"""Pure: what the columns of an uploaded file of users mean, and what each of its rows would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portals.field_types import Stored, ValueRefused

# The columns that every file may have, with the headings that people give them; custom fields follow by their labels.
COLUMNS: dict[str, tuple[str, ...]] = {
    "email": ("email", "e-mail", "email address", "e-mail address"),
    "first_name": ("first name", "firstname", "first_name"),
    "last_name": ("last name", "lastname", "last_name"),
    "enabled": ("enabled",),
    "groups": ("groups",),
}
YES, NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")
MAX_NAME = 150
MAX_EMAIL = 254
# How much of a refused value is shown.
SHOWN = 100
# Good enough to tell an address from a slip; the mail server has the last word.
_ADDRESS = re.compile(r"[^@\s\"<>(),;:\\]+@[^@\s\"<>(),;:\\.]+(\.[^@\s\"<>(),;:\\.]+)+")

# A row of the file: the text of each column that it has; custom fields by their keys.
Entry = Mapping[str, str]
# [code, which column or value it is about, the value or more about it]
Problem = list[str]


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field of the portal."""

    key: str
    label: str
    is_required: bool
    read: Callable[[str], Stored | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the admin chose for the whole file; `adds_as` is pending or active, `mail` invite, welcome or nothing."""

    adds_as: str
    mail: str
    updates: bool = False
    assigns_groups: bool = False
    syncs_groups: bool = False
    clears_empty: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What counts for every row; groups by lower-case title."""

    options: Options
    fields: tuple[Field, ...]
    groups: Mapping[str, int]
    may_add_people_known_elsewhere: bool


@dataclass(frozen=True, slots=True)
class Known:
    """An account of the realm, and its membership of the portal if it has one; groups with whether by hand."""

    user_id: int
    first_name: str
    last_name: str
    membership_id: int | None = None
    role: str = ""
    status: str = ""
    custom_data: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[int, bool] = field(default_factory=dict)
    # What another system keeps: custom fields and names, with the system.
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Planned:
    """What a row does; `after` has what is written and `before` the same keys as they are now."""

    kind: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    membership_id: int | None = None
    user_id: int | None = None

    def note(self, name: str, old: Any, new: Any) -> None:
        """Remember that a value changes."""
        if old != new:
            self.before[name], self.after[name] = old, new


def columns_of(headings: Mapping[str, str], labels: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return which heading holds which column, and the headings that mean nothing.

    `headings` and `labels` (of custom fields, with their keys) are by lower-case text. Raises ValueError with the
    column that two headings mean.
    """
    meanings = {heading: name for name, headings_ in COLUMNS.items() for heading in headings_}
    found: dict[str, str] = {}
    ignored = []
    for heading, written in headings.items():
        name = meanings.get(heading) or labels.get(heading)
        if name is None:
            ignored.append(written)
        elif name in found.values():
            raise ValueError(written)
        else:
            found[heading] = name
    return found, ignored


def plan(entry: Entry, known: Known | None, setting: Setting) -> Planned:
    """Return what a row does to the person of its address, or why it does nothing."""
    read = _read(entry, setting)
    if read.problems:
        return Planned("error", problems=read.problems)
    if known is None or known.membership_id is None:
        return _admit(entry, read, known, setting)
    if reason := _obstacle(known, read, setting.options):
        return Planned("skip", membership_id=known.membership_id, problems=[[reason, known.status, ""]])
    return _end(known) if read.is_enabled is False else _amend(entry, read, known, setting)


@dataclass(slots=True)
class _Read:
    """The cells of a row as values."""

    values: dict[str, Stored | None] = field(default_factory=dict)
    group_ids: set[int] | None = None
    is_enabled: bool | None = None
    problems: list[Problem] = field(default_factory=list)


def _read(entry: Entry, setting: Setting) -> _Read:
    read = _Read()
    email = entry.get("email", "")
    if not email:
        read.problems.append(["no_email", "", ""])
    elif len(email) > MAX_EMAIL or not _ADDRESS.fullmatch(email) or not email.isprintable():
        read.problems.append(["invalid_email", "", email[:SHOWN]])
    for name in ("first_name", "last_name"):
        if len(entry.get(name, "")) > MAX_NAME:
            read.problems.append(["name_too_long", name, entry[name][:SHOWN]])
    enabled = entry.get("enabled", "").lower()
    if enabled and enabled not in YES + NO:
        read.problems.append(["enabled_unclear", "", enabled[:SHOWN]])
    elif enabled:
        read.is_enabled = enabled in YES
    _read_groups(entry, setting, read)
    _read_values(entry, setting, read)
    return read


def _read_groups(entry: Entry, setting: Setting, read: _Read) -> None:
    if "groups" not in entry or not (setting.options.assigns_groups or setting.options.syncs_groups):
        return
    read.group_ids = set()
    for title in filter(None, (part.strip() for part in entry["groups"].split(";"))):
        group_id = setting.groups.get(title.lower())
        if group_id is None:
            read.problems.append(["unknown_group", "", title[:SHOWN]])
        else:
            read.group_ids.add(group_id)


def _read_values(entry: Entry, setting: Setting, read: _Read) -> None:
    for one in setting.fields:
        text = entry.get(one.key)
        if text is None:
            continue
        try:
            value = one.read(text)
        except ValueRefused as refusal:
            read.problems.append([refusal.reason, one.label, text[:SHOWN]])
            continue
        if value is not None or setting.options.clears_empty:
            read.values[one.key] = value


def _admit(entry: Entry, read: _Read, account: Known | None, setting: Setting) -> Planned:
    """Add someone who is not in the portal, or say why not."""
    options = setting.options
    if read.is_enabled is False:
        return Planned("skip", problems=[["not_enabled", "", ""]])
    if account and options.adds_as == "active" and not setting.may_add_people_known_elsewhere:
        return Planned("skip", problems=[["known_elsewhere", "", ""]])
    missing = [one for one in setting.fields if one.is_required and read.values.get(one.key) is None]
    if missing:
        return Planned("error", problems=[["required", one.label, ""] for one in missing])
    planned = Planned("invite" if options.adds_as == "pending" else "add")
    planned.after = {"email": entry["email"].lower(), "status": options.adds_as, "mail": options.mail}
    if account is None:
        planned.after.update(first_name=entry.get("first_name", ""), last_name=entry.get("last_name", ""))
    else:
        planned.user_id = account.user_id
        planned.problems.append(["has_account", "", ""])
    planned.after["custom_data"] = {key: value for key, value in read.values.items() if value is not None}
    if read.group_ids:
        planned.after["groups"] = sorted(read.group_ids)
    return planned


def _amend(entry: Entry, read: _Read, known: Known, setting: Setting) -> Planned:
    """Change what differs of a learner; what another system keeps stays."""
    planned = Planned("update", membership_id=known.membership_id)
    for name in ("first_name", "last_name"):
        if text := entry.get(name):
            _note(planned, known, name, getattr(known, name), text)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for one in setting.fields:
        if one.key not in read.values:
            continue
        old, new = known.custom_data.get(one.key), read.values[one.key]
        if new == old:
            continue
        if new is None and one.is_required:
            return Planned("error", problems=[["required", one.label, ""]])
        if system := known.kept.get(one.key):
            planned.problems.append(["kept", one.label, system])
        else:
            before[one.key], after[one.key] = old, new
    planned.note("custom_data", before, after)
    if read.group_ids is not None:
        planned.note("groups", sorted(known.groups), _groups_after(read.group_ids, known, setting.options))
    if not planned.after:
        planned.kind = "unchanged"
    return planned


def _note(planned: Planned, known: Known, name: str, old: str, new: str) -> None:
    if old == new:
        return
    if system := known.kept.get(name):
        planned.problems.append(["kept", name, system])
    else:
        planned.note(name, old, new)


def _groups_after(wanted: set[int], known: Known, options: Options) -> list[int]:
    """Return the groups that the person is in afterwards; whoever is in one by a rule stays."""
    staying = {pk for pk, is_by_hand in known.groups.items() if not (options.syncs_groups and is_by_hand)}
    return sorted(staying | wanted)


def _obstacle(known: Known, read: _Read, options: Options) -> str:
    """Return why a member stays as they are, or an empty text; a file never gives access back."""
    if known.role != "learner":
        return "staff_account"
    if not options.updates:
        return "already_member"
    return "access_ended" if known.status == "ended" and read.is_enabled is not False else ""


def _end(known: Known) -> Planned:
    if known.status == "ended":
        return Planned("unchanged", membership_id=known.membership_id)
    planned = Planned("end_access", membership_id=known.membership_id)
    planned.note("status", known.status, "ended")
    return planned
