"""Database → what `users.import_plan` decides by: fields and groups of the portal, and who has a file's addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from portals import statements
from portals.field_types import FieldType, read_choices, reader
from portals.models import CustomField, Group, Portal
from users import custom_data
from users.import_plan import Entry, Field, Known, Options, Setting
from users.models import BulkJob

_KNOWN = """
SELECT lower(u.email), u.id, u.first_name, u.last_name, m.id, m.role, m.status, m.custom_data::text, (
        SELECT jsonb_object_agg(gm.group_id, gm.origin = 'manual')::text
        FROM users_groupmembership AS gm WHERE gm.membership_id = m.id)
FROM users_user AS u
LEFT JOIN users_membership AS m ON m.user_id = u.id AND m.portal_id = %(portal)s
WHERE u.realm_id = %(realm)s AND lower(u.email) = ANY(%(emails)s::text[])
"""


def custom_fields(portal: Portal) -> list[CustomField]:
    """Return the fields that a file may fill, in their order, with their choices."""
    fields = CustomField.objects.offered().filter(portal=portal)
    return list(fields.order_by("position", "pk").prefetch_related("choices"))


def setting(job: BulkJob) -> Setting:
    """Return what counts for every row of a job's file, as things are now."""
    portal, chosen = job.portal, job.options
    groups = Group.objects.filter(portal=portal).values_list("title", "pk")
    return Setting(
        options=Options(
            adds_as=chosen["adds_as"],
            mail=chosen["mail"],
            updates=chosen["updates"],
            assigns_groups=chosen["assigns_groups"],
            syncs_groups=chosen["syncs_groups"],
            clears_empty=chosen["clears_empty"],
        ),
        fields=tuple(_field(field) for field in custom_fields(portal)),
        groups={title.lower(): pk for title, pk in groups},
        may_add_people_known_elsewhere=portal.may_add_people_known_elsewhere,
    )


def _field(field: CustomField) -> Field:
    type_ = FieldType(field.type)
    choices = read_choices([choice.value for choice in field.offered_choices], type_) if type_.is_choice else ()
    read = reader(type_, choices=choices, is_multiple=field.is_multiple)
    return Field(key=field.key, label=field.label, is_required=field.is_required, read=read)


def known(portal: Portal, entries: Sequence[Entry]) -> dict[str, Known]:
    """Return the accounts of the realm with these addresses, by address: a few queries, however many there are."""
    emails = {entry.get("email", "").lower() for entry in entries}
    found = statements.rows(
        _KNOWN, {"portal": portal.pk, "realm": portal.realm_id, "emails": statements.texts(emails)}
    )
    kept = custom_data.locked_fields_of([row[4] for row in found if row[4]])
    return {row[0]: _known_from(row, kept) for row in found}


def _known_from(row: tuple[Any, ...], kept: Mapping[int, Mapping[str, str]]) -> Known:
    _email, user_id, first_name, last_name, membership_id, role, status, data, groups = row
    by_hand = msgspec.json.decode(groups) if groups else {}
    return Known(
        user_id=user_id,
        first_name=first_name,
        last_name=last_name,
        membership_id=membership_id,
        role=role or "",
        status=status or "",
        custom_data=msgspec.json.decode(data) if data else {},
        groups={int(pk): is_by_hand for pk, is_by_hand in by_hand.items()},
        kept=kept.get(membership_id, {}),
    )
