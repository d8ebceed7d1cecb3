"""Take progress away from a place where it is no longer kept, after the storage was changed or a person unlinked."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from integrations.http import RecordMissing, RequestRejected
from integrations.hubspot.client import BATCH, Client
from integrations.hubspot.enrollment_properties import PERSON
from integrations.hubspot.progress import batches
from integrations.hubspot.progress.reading import Row
from integrations.hubspot.scopes import CONTACTS, USERS

logger = logging.getLogger(__name__)


def is_of_people(object_type: str) -> bool:
    """Whether a place is the people's own records, and not records per enrollment."""
    return object_type in {CONTACTS, USERS}


def leave(client: Client, rows: Sequence[Row]) -> None:
    """Remove what an earlier storage has of these rows, as far as the account still lets us."""
    records: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.record_id and not is_of_people(row.stored_in):
            records[row.stored_in].append(str(row.record_id))
    for object_type, ids in records.items():
        for part in batches.parts(ids, BATCH):
            try:
                client.batch_archive(object_type, [{"id": record_id} for record_id in part])
            except (RecordMissing, RequestRejected) as refusal:
                logger.warning("progress stays at an earlier place: %s", refusal)
    clear_people(client, [row for row in rows if is_of_people(row.stored_in)])


def clear_people(client: Client, rows: Sequence[Row]) -> None:
    """Empty our properties on the contacts or users of these rows; who is not there any more needs nothing."""
    people: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.person_key:
            people[row.stored_in].add(row.person_key)
    empty = {one.name: "" for one in PERSON}
    for object_type, keys in people.items():
        for part in batches.parts(sorted(keys), BATCH):
            inputs = {key: {"id": key, "objectWriteTraceId": key, "properties": empty} for key in part}
            try:
                batches.write(inputs, partial(client.batch_update, object_type))
            except (RecordMissing, RequestRejected) as refusal:
                logger.warning("progress stays on people's records: %s", refusal)
