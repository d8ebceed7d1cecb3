"""The settings of a portal as a file: what may stand in it, read strictly and written in a fixed order.

Everything is named by its label, title or reference, never by an id; nothing in it is secret or about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta, Struct, field

from portals.field_types import FieldType
from portals.rules import Operator, Subject

FORMAT = "rollcall-portal-settings"
VERSION = 1
MOST_BYTES = 2_000_000

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(min_length=1, max_length=100)]
Short = Annotated[str, Meta(max_length=200)]
Sentence = Annotated[str, Meta(max_length=500)]
Count = Annotated[int, Meta(ge=0, le=32_767)]


class Unfit(ValueError):
    """The file cannot be used; the text is for the person who chose it."""


class _Part(Struct, forbid_unknown_fields=True, frozen=True):
    """Part of the file; a key that is not known is a mistake, not something to pass over."""


class PortalPart(_Part, frozen=True):
    """Settings of the portal itself; its name, addresses and sign-in are its own."""

    language: str
    accent_color: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]
    mail_sender: Annotated[str, Meta(max_length=80)] = ""
    remind_days_before: Count = 0
    remind_days_after: Count = 0
    tells_of_new_people: bool = False
    may_request_deletion: bool = False


class Choice(_Part, frozen=True):
    """One value that a custom field offers."""

    value: Name
    archived: bool = False


class Field(_Part, frozen=True):
    """A custom field with its choices, in their order."""

    label: Label
    type: FieldType
    several_choices: bool = False
    required: bool = False
    learner_may_edit: bool = False
    learner_may_see: bool = True
    position: Count = 0
    archived: bool = False
    choices: list[Choice] = field(default_factory=list)


class Course(_Part, frozen=True):
    """A course; people's progress is no setting."""

    title: Name
    reference: Annotated[str, Meta(max_length=50)] = ""
    status: Literal["draft", "published", "archived"] = "draft"
    description: Sentence = ""
    content_url: Short = ""
    content_text: str = ""
    first_reminder_days: Count | None = None
    second_reminder_days: Count | None = None


class Condition(_Part, frozen=True):
    """One comparison of a rule; `field` is a custom field's label."""

    looks_at: Subject
    comparison: Operator
    field: Annotated[str, Meta(max_length=100)] = ""
    values: list[str] = msgspec.field(default_factory=list)


class Rule(_Part, frozen=True):
    """A dynamic rule: any block whose conditions all hold."""

    state: Literal["draft", "active", "broken"] = "active"
    base_group: str | None = None
    on_leaving: Literal["unenroll", "keep"] = "unenroll"
    blocks: list[list[Condition]] = field(default_factory=list)


class GroupCourse(_Part, frozen=True):
    """A course of a group and its terms there."""

    course: Name
    required: bool = False
    due_days: Count | None = None
    enroll_again: bool = False


class Group(_Part, frozen=True):
    """A group, the rule that fills it and the courses that it gives."""

    title: Name
    description: Sentence = ""
    single_sign_on: bool = False
    rule: Rule | None = None
    courses: list[GroupCourse] = field(default_factory=list)


class Mapping(_Part, frozen=True):
    """Which attribute fills which custom field."""

    field: Label
    attribute: Label
    fallback_attribute: Annotated[str, Meta(max_length=100)] = ""
    default: Short = ""
    when_empty: Literal["clear", "keep"] = "clear"
    aliases: dict[Name, Name] = msgspec.field(default_factory=dict)


class Invites(_Part, frozen=True):
    """The invite configuration."""

    when: Literal["added", "hire_date"] = "added"
    how: Literal["active_welcome", "active", "pending_invite"] = "pending_invite"
    address: Literal["work_first", "personal_first", "work_only"] = "work_first"


class ScopeLine(_Part, frozen=True):
    """One condition of the scope."""

    attribute: Label
    operator: Literal["is_one_of", "is_none_of", "is_empty", "is_not_empty"]
    values: list[str] = field(default_factory=list)


class Safety(_Part, frozen=True):
    """Scope and safety."""

    most_people: Annotated[int, Meta(ge=1, le=1000)] = 3
    most_percent: Annotated[int, Meta(ge=1, le=50)] = 10
    holds_first_mails: bool = True
    most_mails: Annotated[int, Meta(ge=1, le=2_147_483_647)] = 50
    scope: list[ScopeLine] = field(default_factory=list)
    out_of_scope: Literal["keep", "end_access"] = "keep"
    ends_missing: bool = False


class Connection(_Part, frozen=True):
    """What is set for the syncs with one provider; no consent, no token, no account."""

    mappings: list[Mapping] = field(default_factory=list)
    invites: Invites | None = None
    safety: Safety | None = None


class Document(_Part, frozen=True):
    """A whole file."""

    format: Literal["rollcall-portal-settings"]
    version: Literal[1]
    portal: PortalPart | None = None
    custom_fields: list[Field] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    connections: dict[Label, Connection] = field(default_factory=dict)


def parse(content: bytes) -> Document:
    """Return what a file says. Raises Unfit."""
    if len(content) > MOST_BYTES:
        raise Unfit(_("The file is larger than 2 MB."))
    try:
        plain = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unfit(
            _("This is no file with settings, or only a part of one. Take the file as it was downloaded here.")
        ) from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise Unfit(_("The file does not hold the settings of a portal."))
    if plain.get("version") != VERSION:
        raise Unfit(_("The file has the version %(found)s; this installation reads %(known)s.") % _versions(plain))
    if any("\0" in text for text in _texts(plain)):
        raise Unfit(_("The file holds a character that no text may have (NUL)."))
    try:
        document = msgspec.convert(_trimmed(plain), Document)
    except msgspec.ValidationError as problem:
        raise Unfit(_("The file does not fit: %s") % problem) from None
    _refuse_doubles(document)
    return document


def write(document: Document) -> str:
    """Return the file's text: the same settings always give the same text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def key(name: str) -> str:
    """Return what makes two names the same: labels and titles are unique without regard to case."""
    return name.strip().lower()


def _versions(plain: dict[str, Any]) -> dict[str, Any]:
    return {"found": str(plain.get("version"))[:20], "known": VERSION}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _trimmed(value: Any) -> Any:
    """Return the content without blanks around its texts, as forms do; courses keep theirs."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [_trimmed(part) for part in value]
    if isinstance(value, dict):
        return {name.strip(): part if name == "content_text" else _trimmed(part) for name, part in value.items()}
    return value


def _refuse_doubles(document: Document) -> None:
    _refuse_twice((one.label for one in document.custom_fields), _("The custom field “%s” is there twice."))
    _refuse_twice((one.title for one in document.courses), _("The course “%s” is there twice."))
    _refuse_twice(
        (one.reference for one in document.courses if one.reference), _("The reference “%s” is there twice.")
    )
    _refuse_twice((one.title for one in document.groups), _("The group “%s” is there twice."))
    for custom_field in document.custom_fields:
        _refuse_twice((one.value for one in custom_field.choices), _("The choice “%s” is there twice."), exact=True)
    for group in document.groups:
        _refuse_twice((one.course for one in group.courses), _("A group has the course “%s” twice."))
    for connection in document.connections.values():
        _refuse_twice((one.field for one in connection.mappings), _("The custom field “%s” is mapped twice."))


def _refuse_twice(names: Iterable[str], sentence: str, *, exact: bool = False) -> None:
    seen: set[str] = set()
    for name in names:
        mark = name if exact else key(name)
        if mark in seen:
            raise Unfit(sentence % name)
        seen.add(mark)
