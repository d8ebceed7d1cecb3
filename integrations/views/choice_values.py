"""Values of an attribute that match no choice of the field they are mapped to, with the number of people."""

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.models import Connection, FieldMapping
from integrations.providers import Attribute
from portals import statements
from portals.field_types import FieldType, Scalar, ValueRefused, read, read_choices
from portals.models import CustomField

# Different values per attribute that are looked at, the most frequent first.
MOST_VALUES = 500
SHOWN_VALUES = 20

_SEEN = """
SELECT seen.key, seen.value, count(*) AS people
FROM integrations_externalidentity AS identity,
    jsonb_each_text(identity.snapshot -> 'attributes') AS seen
WHERE identity.connection_id = %(connection)s AND seen.key = ANY(%(attributes)s) AND seen.value <> ''
GROUP BY seen.key, seen.value
ORDER BY people DESC, seen.value
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The values of one mapping that cannot be taken over; `people` is 0 for a value that nobody has yet."""

    mapping: FieldMapping
    attribute: str
    values: list[tuple[str, int]]

    @property
    def field(self) -> CustomField:
        return self.mapping.custom_field

    @property
    def shown(self) -> list[tuple[str, int]]:
        return self.values[:SHOWN_VALUES]

    @property
    def more(self) -> int:
        return len(self.values) - len(self.shown)


def unmatched(
    connection: Connection, mappings: Sequence[FieldMapping], attributes: Sequence[Attribute]
) -> list[Unmatched]:
    """Return the mappings of choice fields with the values that match no choice, in two statements.

    The values are those that the provider offers and those that people had in the last sync.
    """
    to_choices = [mapping for mapping in mappings if mapping.custom_field.is_choice]
    if not to_choices:
        return []
    offered = {attribute.key: attribute for attribute in attributes}
    seen = _seen(connection, sorted({mapping.attribute for mapping in to_choices}))
    choices = _choices([mapping.custom_field for mapping in to_choices])
    found = []
    for mapping in to_choices:
        attribute = offered.get(mapping.attribute)
        people = dict.fromkeys(attribute.options if attribute else (), 0)
        people.update(seen.get(mapping.attribute, {}))
        field = mapping.custom_field
        values = [(value, count) for value, count in people.items() if not _fits(value, field, choices[field.pk])]
        if values:
            label = attribute.label if attribute else mapping.attribute
            found.append(Unmatched(mapping, label, sorted(values, key=lambda one: (-one[1], one[0]))))
    return found


def _seen(connection: Connection, attributes: list[str]) -> dict[str, dict[str, int]]:
    rows = statements.rows(
        _SEEN,
        {"connection": connection.pk, "attributes": attributes, "limit": MOST_VALUES * len(attributes)},
    )
    found: dict[str, dict[str, int]] = {}
    for attribute, value, people in rows:
        found.setdefault(attribute, {})[value] = people
    return found


def _choices(fields: Sequence[CustomField]) -> dict[int, frozenset[Scalar]]:
    texts: dict[int, list[str]] = {field.pk: [] for field in fields}
    for pk, value in CustomField.objects.filter(pk__in=texts).values_list("pk", "choices__value"):
        if value is not None:
            texts[pk].append(value)
    return {field.pk: read_choices(texts[field.pk], FieldType(field.type)) for field in fields}


def _fits(value: str, field: CustomField, choices: frozenset[Scalar]) -> bool:
    try:
        read(value, FieldType(field.type), choices=choices, is_multiple=field.is_multiple)
    except ValueRefused:
        return False
    return True
