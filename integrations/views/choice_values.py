"""Values of an attribute that match no choice of the field they are mapped to, with the number of people.

One click makes such a value a choice, or lets it stand for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from integrations.engine.records import MappingRule, value_reader
from integrations.models import ChoiceAlias, Connection, FieldMapping
from integrations.providers import Attribute
from integrations.sync.policy import mapping_rules
from integrations.views.base import ConnectedPage
from portals import statements
from portals.field_types import FieldType, Stored, ValueRefused, read
from portals.hosts import PortalRequest
from portals.models import CustomField, CustomFieldChoice
from portals.numbers import number_from
from users import audit

# Different values per mapping that are looked at, the most frequent first.
MOST_VALUES = 500
SHOWN_VALUES = 20
MAX_LENGTH = 200

_SEEN = """
SELECT wanted.mapping, found.value, count(*) AS people
FROM integrations_externalidentity AS identity
CROSS JOIN unnest(%(mappings)s::bigint[], %(attributes)s::text[], %(fallbacks)s::text[])
    AS wanted (mapping, attribute, fallback)
CROSS JOIN LATERAL (SELECT coalesce(
    nullif(trim(identity.snapshot -> 'attributes' ->> wanted.attribute), ''),
    trim(identity.snapshot -> 'attributes' ->> wanted.fallback)) AS value) AS found
WHERE identity.connection_id = %(connection)s AND found.value <> ''
GROUP BY wanted.mapping, found.value
ORDER BY people DESC, found.value
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that cannot be taken over; `people` is 0 for one that nobody has yet."""

    text: str
    # What the provider calls it, where that is something else.
    label: str
    people: int
    # Whether the field's type could hold it as a choice.
    can_be_choice: bool


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The values of one mapping that cannot be taken over, and the choices that they may stand for."""

    mapping: FieldMapping
    attribute: str
    values: list[Value]
    choices: list[CustomFieldChoice]

    @property
    def field(self) -> CustomField:
        return self.mapping.custom_field

    @property
    def shown(self) -> list[Value]:
        return self.values[:SHOWN_VALUES]

    @property
    def more(self) -> int:
        return len(self.values) - len(self.shown)


class ChoiceValuesView(ConnectedPage):
    """Makes a value of the provider a choice of the field, or lets it stand for one."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Do as the pressed button says, and go back to the mappings."""
        rows = FieldMapping.objects.filter(connection=self.connection).select_related("custom_field")
        mapping = get_object_or_404(rows, pk=number_from(request.POST.get("mapping")))
        value = request.POST.get("value", "").replace("\0", "").strip()
        if not value or len(value) > MAX_LENGTH or not mapping.custom_field.is_choice:
            raise Http404
        said = self.add_alias(mapping, value) if "alias" in request.POST else self.add_choice(mapping, value)
        if said:
            messages.success(request, said)
        return redirect(self.url("mapping"))

    @transaction.atomic
    def add_choice(self, mapping: FieldMapping, value: str) -> str:
        """Add the value to the choices of the field, last; return what to say."""
        field = CustomField.objects.select_for_update().get(pk=mapping.custom_field_id)
        if not _can_be_choice(value, field):
            messages.error(self.request, _("“%(value)s” is no value of this type.") % {"value": value})
            return ""
        last = field.choices.aggregate(last=Max("position"))["last"] or 0
        choice, is_new = CustomFieldChoice.objects.get_or_create(
            field=field, value=value, defaults={"position": last + 1}
        )
        if is_new:
            after = {"value": choice.value}
            audit.record(portal=self.portal, action="choice_added", object=field, after=after, request=self.request)
        return _("“%(value)s” is a choice of “%(field)s” now; the next sync takes it over.") % {
            "value": value,
            "field": field.label,
        }

    @transaction.atomic
    def add_alias(self, mapping: FieldMapping, value: str) -> str:
        """Let the value stand for a choice; return what to say."""
        choices = mapping.custom_field.choices
        choice = get_object_or_404(choices, pk=number_from(self.request.POST.get("choice")))
        alias, _is_new = ChoiceAlias.objects.update_or_create(
            mapping=mapping, value=value, defaults={"choice": choice}
        )
        after = {"value": value, "choice": choice.value}
        audit.record(portal=self.portal, action="choice_alias_added", object=alias, after=after, request=self.request)
        return _("“%(value)s” stands for “%(choice)s” now; the next sync takes it over.") % {
            "value": value,
            "choice": choice.value,
        }


class RemoveAliasView(ConnectedPage):
    """Lets a value stand for itself again."""

    http_method_names = ["post"]

    @transaction.atomic
    def post(self, request: PortalRequest, alias_id: int, **kwargs: Any) -> HttpResponse:
        """Remove the alias and go back to the mappings."""
        alias = get_object_or_404(aliases_of(self.connection), pk=alias_id)
        before = {"value": alias.value, "choice": alias.choice.value}
        audit.record(portal=self.portal, action="choice_alias_removed", object=alias, before=before, request=request)
        alias.delete()
        said = _("“%(value)s” stands for no choice any more. Whoever has it keeps it until %(system)s says more.")
        messages.success(request, said % {"value": alias.value, "system": self.provider.label})
        return redirect(self.url("mapping"))


def aliases_of(connection: Connection) -> QuerySet[ChoiceAlias]:
    """Return the aliases of a connection's mappings, with what they show."""
    rows = ChoiceAlias.objects.filter(mapping__connection=connection)
    return rows.select_related("choice", "mapping__custom_field").order_by("mapping", "value")


def unmatched(
    connection: Connection, mappings: Sequence[FieldMapping], attributes: Sequence[Attribute]
) -> list[Unmatched]:
    """Return the mappings of choice fields with the values that match no choice and no alias, in four statements.

    The values are those that the provider offers and those that people had in the last sync.
    """
    to_choices = [mapping for mapping in mappings if mapping.custom_field.is_choice]
    if not to_choices:
        return []
    offered = {attribute.key: attribute for attribute in attributes}
    seen = _seen(connection, to_choices)
    rules = {rule.target.key: rule for rule in mapping_rules(to_choices, connection)}
    choices = _choices(to_choices)
    found = []
    for mapping in to_choices:
        attribute, field = offered.get(mapping.attribute), mapping.custom_field
        people: Counter[str] = Counter(dict.fromkeys(attribute.options if attribute else (), 0))
        for text, count in seen.get(mapping.pk, []):
            for part in text.split(";") if field.is_multiple else [text]:
                people[part.strip()] += count
        values = _unfit(people, rules[field.key], field, _labels(attribute))
        if values:
            label = attribute.label if attribute else mapping.attribute
            found.append(Unmatched(mapping, label, values, choices.get(field.pk, [])))
    return found


def _seen(connection: Connection, mappings: Sequence[FieldMapping]) -> dict[int, list[tuple[str, int]]]:
    rows = statements.rows(
        _SEEN,
        {
            "connection": connection.pk,
            "mappings": statements.integers(mapping.pk for mapping in mappings),
            "attributes": statements.texts(mapping.attribute for mapping in mappings),
            "fallbacks": statements.texts(mapping.fallback_attribute for mapping in mappings),
            "limit": MOST_VALUES * len(mappings),
        },
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for mapping, value, people in rows:
        found.setdefault(mapping, []).append((value, people))
    return found


def _choices(mappings: Sequence[FieldMapping]) -> dict[int, list[CustomFieldChoice]]:
    fields = [mapping.custom_field_id for mapping in mappings]
    rows = CustomFieldChoice.objects.filter(field__in=fields, is_archived=False).order_by("position", "pk")
    found: dict[int, list[CustomFieldChoice]] = {}
    for choice in rows:
        found.setdefault(choice.field_id, []).append(choice)
    return found


def _labels(attribute: Attribute | None) -> dict[str, str]:
    """Return by value what the provider calls it, where that is something else."""
    pairs = (
        zip(attribute.options, attribute.option_labels, strict=True) if attribute and attribute.option_labels else ()
    )
    return {value: label for value, label in pairs if value != label}


def _unfit(people: Counter[str], rule: MappingRule, field: CustomField, labels: Mapping[str, str]) -> list[Value]:
    reads = value_reader(rule)
    values = [
        Value(text, labels.get(text, ""), count, _can_be_choice(text, field))
        for text, count in people.items()
        if text and not _fits(text, reads)
    ]
    return sorted(values, key=lambda one: (-one.people, one.text))


def _fits(text: str, reads: Callable[[str], Stored | None]) -> bool:
    try:
        reads(text)
    except ValueRefused:
        return False
    return True


def _can_be_choice(text: str, field: CustomField) -> bool:
    try:
        read(text, FieldType(field.type).base)
    except ValueRefused:
        return False
    return len(text) <= MAX_LENGTH
