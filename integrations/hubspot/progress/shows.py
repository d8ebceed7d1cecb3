"""Which contacts show our records: what somebody took away in HubSpot is shown again, what does not belong is not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from integrations.http import RecordMissing, RequestRejected
from integrations.hubspot.client import Client
from integrations.hubspot.scopes import CONTACTS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Repair:
    """How many records are shown with their contacts again, and which could not be."""

    repaired: int
    refused: Collection[str] = ()


class Shown:
    """The contacts of records of one object type ("Associate records")."""

    def __init__(self, client: Client, object_type: str) -> None:
        self._client = client
        self._type = object_type

    def repair(self, people: Mapping[str, str]) -> Repair:
        """Have each record shown with its contact and no other; at most 1,000 records. Raises as the client does."""
        shown = self._client.associated(self._type, CONTACTS, people)
        hidden = {record: person for record, person in people.items() if person not in shown.get(record, ())}
        elsewhere = {record for record, person in people.items() if set(shown.get(record, ())) - {person}}
        if not hidden and not elsewhere:
            return Repair(0)
        refused = () if self._show(hidden) else hidden.keys()
        if elsewhere:
            self._leave({record: people[record] for record in elsewhere})
        logger.info("%s records were not shown where they belong", len(hidden.keys() | elsewhere))
        return Repair(len((hidden.keys() | elsewhere) - set(refused)), refused)

    def _show(self, people: Mapping[str, str]) -> bool:
        """Associate, and return whether all went well: an answer does not say reliably which did not."""
        try:
            return not people or not self._client.associate_default(self._type, CONTACTS, people.items()).errors
        except (RecordMissing, RequestRejected):
            return False

    def _leave(self, people: Mapping[str, str]) -> None:
        """Take records off other contacts, once HubSpot says that their own one shows them.

        A contact that was merged into another shows them under an id that we may not have heard of yet.
        """
        shown = self._client.associated(self._type, CONTACTS, people)
        strange = [
            (record, other)
            for record, person in people.items()
            if person in shown.get(record, ())
            for other in shown[record]
            if other != person
        ]
        if strange:
            self._client.dissociate(self._type, CONTACTS, strange)
