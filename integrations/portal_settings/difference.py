"""Pure but for its words: what a file would add to a portal's settings, what it would change, what it would leave.

Nothing is ever deleted: what the file lacks stays as it is, and is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec.structs import fields, replace

from integrations.portal_settings import document
from integrations.portal_settings.document import Document, key

Item = TypeVar("Item")


class Section(StrEnum):
    """The parts of a file."""

    PORTAL = "portal"
    FIELDS = "custom_fields"
    COURSES = "courses"
    GROUPS = "groups"
    MAPPINGS = "mappings"
    INVITES = "invites"
    SAFETY = "safety"


class Kind(StrEnum):
    """What happens to something that the file or the portal has."""

    ADDED = "added"
    CHANGED = "changed"
    # In the portal and not in the file: stays as it is.
    KEPT = "kept"


WORDS: Mapping[str, str | Promise] = {
    Section.PORTAL: gettext_lazy("Portal"),
    Section.FIELDS: gettext_lazy("Custom user data"),
    Section.COURSES: gettext_lazy("Courses"),
    Section.GROUPS: gettext_lazy("Groups and rules"),
    Section.MAPPINGS: gettext_lazy("Field mappings"),
    Section.INVITES: gettext_lazy("Invite configuration"),
    Section.SAFETY: gettext_lazy("Scope and safety"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One property with its old and new value, as texts; the old one is empty for something new."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that differs."""

    section: Section
    name: str
    kind: Kind
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs, the settings as they are, and as they would be with the file's laid over them."""

    lines: tuple[Line, ...]
    present: Document
    merged: Document

    def of_kind(self, kind: Kind) -> list[Line]:
        """Return the lines of a kind."""
        return [line for line in self.lines if line.kind is kind]

    def changed_rules(self) -> set[str]:
        """Return the keys of the groups whose rule is another one, or new."""
        old = {key(one.title): one.rule for one in self.present.groups}
        return {key(one.title) for one in self.merged.groups if one.rule and old.get(key(one.title)) != one.rule}

    @property
    def changes(self) -> list[Line]:
        """What importing would write."""
        return [line for line in self.lines if line.kind is not Kind.KEPT]

    def names(self, section: Section) -> set[str]:
        """Return the keys of what is added or changed in a section."""
        return {key(line.name) for line in self.changes if line.section is section}


@dataclass(frozen=True, slots=True)
class _Names:
    """How things are called, by their keys: references may be written in another case."""

    fields: Mapping[str, str]
    courses: Mapping[str, str]
    groups: Mapping[str, str]

    def of_group(self, group: document.Group) -> document.Group:
        courses = [replace(one, course=self.courses.get(key(one.course), one.course)) for one in group.courses]
        # A broken rule changes nobody where it comes from, and nobody here.
        rule = group.rule if group.rule and group.rule.state != "broken" else None
        return replace(group, courses=courses, rule=self._of_rule(rule) if rule else None)

    def of_connection(self, connection: document.Connection) -> document.Connection:
        mappings = [replace(one, field=self.fields.get(key(one.field), one.field)) for one in connection.mappings]
        return replace(connection, mappings=mappings)

    def _of_rule(self, rule: document.Rule) -> document.Rule:
        base = self.groups.get(key(rule.base_group), rule.base_group) if rule.base_group else None
        blocks = [
            [replace(one, field=self.fields.get(key(one.field), one.field)) for one in block] for block in rule.blocks
        ]
        return replace(rule, base_group=base, blocks=[block for block in blocks if block])


def compare(present: Document, wanted: Document) -> Difference:
    """Return what importing the wanted settings would do to the present ones."""
    merged = merge(present, wanted)
    lines = [
        *_whole(Section.PORTAL, "", present.portal, merged.portal),
        *_listed(Section.FIELDS, lambda one: one.label, present.custom_fields, wanted, merged.custom_fields),
        *_listed(Section.COURSES, lambda one: one.title, present.courses, wanted, merged.courses),
        *_listed(Section.GROUPS, lambda one: one.title, present.groups, wanted, merged.groups),
    ]
    for provider, connection in merged.connections.items():
        lines += _connection(provider, present, wanted, connection)
    return Difference(tuple(lines), present, merged)


def merge(present: Document, wanted: Document) -> Document:
    """Return the present settings with the wanted ones laid over them; things are called by their own names."""
    custom_fields = _laid_over(present.custom_fields, wanted.custom_fields, _label, _merged_field)
    courses = _laid_over(present.courses, wanted.courses, _title, lambda _old, new: new)
    titles = {key(one.title): one.title for one in (*present.groups, *wanted.groups)}
    names = _Names(
        fields={key(one.label): one.label for one in custom_fields},
        courses={key(one.title): one.title for one in courses},
        groups=titles,
    )
    wanted = replace(
        wanted,
        groups=[names.of_group(one) for one in wanted.groups],
        connections={provider: names.of_connection(one) for provider, one in wanted.connections.items()},
    )
    return replace(
        wanted,
        portal=wanted.portal or present.portal,
        custom_fields=custom_fields,
        courses=courses,
        groups=_laid_over(present.groups, wanted.groups, _title, _merged_group),
        connections={
            provider: _merged_connection(
                present.connections.get(provider, document.Connection()),
                wanted.connections.get(provider, document.Connection()),
            )
            for provider in sorted({*present.connections, *wanted.connections})
        },
    )


def _laid_over(
    present: Sequence[Item],
    wanted: Sequence[Item],
    name: Callable[[Any], str],
    merge_two: Callable[[Any, Any], Any],
) -> list[Item]:
    """Return the wanted items, each merged with its present one, and then the present ones that nobody mentions."""
    old = {key(name(one)): one for one in present}
    found = [merge_two(old[key(name(one))], one) if key(name(one)) in old else one for one in wanted]
    mentioned = {key(name(one)) for one in wanted}
    return found + [one for mark, one in old.items() if mark not in mentioned]


def _merged_field(old: document.Field, new: document.Field) -> document.Field:
    offered = {choice.value for choice in new.choices}
    return replace(new, choices=[*new.choices, *(one for one in old.choices if one.value not in offered)])


def _merged_group(old: document.Group, new: document.Group) -> document.Group:
    courses = _laid_over(old.courses, new.courses, lambda one: one.course, lambda _old, one: one)
    courses.sort(key=lambda one: key(one.course))
    return replace(new, rule=new.rule or old.rule, courses=courses)


def _merged_connection(old: document.Connection, new: document.Connection) -> document.Connection:
    mappings = _laid_over(old.mappings, new.mappings, lambda one: one.field, _merged_mapping)
    mappings.sort(key=lambda one: key(one.field))
    return document.Connection(mappings=mappings, invites=new.invites or old.invites, safety=new.safety or old.safety)


def _merged_mapping(old: document.Mapping, new: document.Mapping) -> document.Mapping:
    return replace(new, aliases=dict(sorted({**old.aliases, **new.aliases}.items())))


def _connection(provider: str, present: Document, wanted: Document, merged: document.Connection) -> Iterator[Line]:
    old = present.connections.get(provider, document.Connection())
    new = wanted.connections.get(provider, document.Connection())
    mentioned = {key(one.field) for one in new.mappings}
    known = {key(one.field): one for one in old.mappings}
    for one in merged.mappings:
        name = f"{provider}: {one.field}"
        if key(one.field) not in mentioned:
            yield Line(Section.MAPPINGS, name, Kind.KEPT)
        else:
            yield from _one(Section.MAPPINGS, name, known.get(key(one.field)), one)
    yield from _whole(Section.INVITES, provider, old.invites, merged.invites)
    yield from _whole(Section.SAFETY, provider, old.safety, merged.safety)


def _whole(section: Section, name: str, old: Any, new: Any) -> Iterator[Line]:
    if new is not None:
        yield from _one(section, name, old, new)


def _listed(
    section: Section, name: Callable[[Any], str], present: Sequence[Any], wanted: Document, merged: Sequence[Any]
) -> Iterator[Line]:
    old = {key(name(one)): one for one in present}
    mentioned = {key(name(one)) for one in getattr(wanted, section.value)}
    for one in merged:
        mark = key(name(one))
        if mark in mentioned:
            yield from _one(section, name(one), old.get(mark), one)
            yield from _kept_inside(section, name(one), old.get(mark), _named(wanted, section, name, mark))
        else:
            yield Line(section, name(one), Kind.KEPT)


def _named(wanted: Document, section: Section, name: Callable[[Any], str], mark: str) -> Any:
    return next(one for one in getattr(wanted, section.value) if key(name(one)) == mark)


def _kept_inside(section: Section, name: str, old: Any, wanted: Any) -> Iterator[Line]:
    """Yield choices of a field and courses of a group that the file lacks."""
    if old is None:
        return
    if section is Section.FIELDS:
        offered = {choice.value for choice in wanted.choices}
        missing = [choice.value for choice in old.choices if choice.value not in offered]
    elif section is Section.GROUPS:
        named = {key(one.course) for one in wanted.courses}
        missing = [one.course for one in old.courses if key(one.course) not in named]
    else:
        return
    for part in missing:
        yield Line(section, f"{name}: {part}", Kind.KEPT)


def _one(section: Section, name: str, old: Any, new: Any) -> Iterator[Line]:
    if old is None:
        yield Line(section, name, Kind.ADDED, tuple(_details(None, new)))
    elif old != new:
        yield Line(section, name, Kind.CHANGED, tuple(_details(old, new)))


def _details(old: Any, new: Any) -> Iterator[Detail]:
    """Yield the properties that differ; of something new those that say anything."""
    for one in fields(new):
        before = getattr(old, one.name) if old is not None else None
        after = getattr(new, one.name)
        if before != after and (old is not None or after not in ("", None, [], {}, False)):
            yield Detail(one.name.replace("_", " "), in_words(before), in_words(after))


def in_words(value: Any) -> str:
    """Return a value of the file as a short text."""
    say = _SAYINGS.get(type(value), str)
    return say(value)


def _choice_in_words(choice: document.Choice) -> str:
    return _("%s (archived)") % choice.value if choice.archived else choice.value


def _scope_in_words(line: document.ScopeLine) -> str:
    return f"{line.attribute} {line.operator.replace('_', ' ')} {', '.join(line.values)}".strip()


def _rule_in_words(rule: document.Rule) -> str:
    blocks = _(" or ").join(_(" and ").join(map(_condition_in_words, block)) for block in rule.blocks)
    text = blocks or _("everyone")
    if rule.base_group:
        text = _("of the group “%(group)s”: %(rule)s") % {"group": rule.base_group, "rule": text}
    return _("%s (not running)") % text if rule.state == "draft" else text


def _condition_in_words(condition: document.Condition) -> str:
    subject = condition.field or condition.looks_at.replace("_", " ")
    return f"{subject} {condition.comparison.replace('_', ' ')} {', '.join(condition.values)}".strip()


_SAYINGS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _none: "",
    bool: lambda is_so: _("yes") if is_so else _("no"),
    list: lambda parts: "; ".join(map(in_words, parts)),
    dict: lambda pairs: "; ".join(f"{name} → {one}" for name, one in pairs.items()),
    document.Choice: _choice_in_words,
    document.Rule: _rule_in_words,
    document.GroupCourse: lambda one: one.course,
    document.ScopeLine: _scope_in_words,
}


def _label(one: document.Field) -> str:
    return one.label


def _title(one: document.Course | document.Group) -> str:
    return one.title


def by_section(lines: Iterable[Line]) -> list[tuple[str | Promise, list[Line]]]:
    """Return lines under the words for their sections, in the order of the file."""
    found: dict[Section, list[Line]] = {section: [] for section in Section}
    for line in lines:
        found[line.section].append(line)
    return [(WORDS[section], part) for section, part in found.items() if part]
