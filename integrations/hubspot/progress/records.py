"""Progress as records of its own: an app object or a custom object, one record per enrollment, shown on contacts.

Users cannot be associated with other records ("Understanding the CRM"); theirs carry user id, address and owner.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from integrations.http import RecordMissing, RequestRejected
from integrations.hubspot.client import BATCH, BatchAnswer, Client, Input
from integrations.hubspot.enrollment_properties import KEY
from integrations.hubspot.models import ProgressPush, ProgressTarget
from integrations.hubspot.payloads import Record
from integrations.hubspot.progress import batches, places, reading, values
from integrations.hubspot.progress.batches import Outcome, Refusal
from integrations.hubspot.progress.claims import Claims, Confirmed, Failure
from integrations.hubspot.progress.reading import Row, Verdict
from integrations.hubspot.scopes import CONTACTS

logger = logging.getLogger(__name__)

# Pairs of records in one call; HubSpot takes 2,000 ("Limits").
PAIRS = 1000

State = ProgressPush.State


@dataclass(frozen=True, slots=True)
class _Pair:
    """A written record that has yet to be shown with its person."""

    row: Row
    confirmed: Confirmed


class Records:
    """Brings HubSpot's records in line with rows of the outbox."""

    def __init__(self, client: Client, target: ProgressTarget, claims: Claims, portal: values.Portal) -> None:
        self._client = client
        self._type = target.object_type
        self._names: Mapping[str, str] = target.names
        self._claims = claims
        self._portal = portal
        self._pairs: list[_Pair] = []
        self.doubts_the_place = False

    def carry(self) -> int:
        """Send the next rows, and return how many were taken."""
        tried = self._claims.take_rows()
        if not tried and self._pairs:
            # What changes meanwhile waits for them.
            return self.finish()
        rows: dict[Verdict, list[Row]] = defaultdict(list)
        for row in reading.read(tried):
            rows[row.verdict].append(row)
        self._claims.settle(
            {row.id: State.KEPT for row in rows[Verdict.KEEP]}
            | {row.id: State.WITHHELD for row in rows[Verdict.WITHHOLD]}
        )
        self._remove(rows[Verdict.REMOVE], tried)
        self._send(rows[Verdict.SEND])
        if len(self._pairs) >= PAIRS:
            self.finish()
        return len(tried)

    def finish(self) -> int:
        """Show written records with their people, and return how many: one call for many, each needs it only once."""
        pairs, self._pairs = self._pairs, []
        for part in batches.parts(pairs, PAIRS):
            inputs = {str(one.confirmed.record_id): self._ends(one) for one in part}
            outcome = batches.write(inputs, self._associate)
            self._claims.confirm(
                [one.confirmed for one in part if str(one.confirmed.record_id) in outcome.done], stored_in=self._type
            )
            self._claims.fail(
                [
                    _failure(one.row.id, outcome.refused[trace])
                    for one in part
                    if (trace := str(one.confirmed.record_id)) in outcome.refused
                ]
            )
        return len(pairs)

    def _send(self, rows: Sequence[Row]) -> None:
        places.leave(self._client, [row for row in rows if row.stored_in not in {"", self._type}])
        written: dict[str, tuple[Row, values.Values, str]] = {}
        done: list[tuple[Row, Confirmed]] = []
        for row in rows:
            assert row.facts is not None  # noqa: S101 - else there is nothing to send
            told = values.named(values.enrollment(row, row.facts, self._portal), self._names)
            digest = values.digest(told, self._type)
            if row.digest == digest and row.record_id:
                done.append((row, self._confirmed(row, row.record_id, digest)))
            else:
                written[str(row.id)] = (row, told, digest)
        outcome = Outcome()
        try:
            for part in batches.parts(list(written), BATCH):
                inputs = {trace: self._input(trace, *written[trace][:2]) for trace in part}
                outcome.add(batches.write(inputs, self._upsert, verify=self._verify))
        finally:
            # Also when a later call fails: what is done need not be done again.
            for trace, record_id in outcome.done.items():
                row, _, digest = written[trace]
                done.append((row, self._confirmed(row, int(record_id), digest)))
            self.doubts_the_place |= outcome.doubts_the_place
            self._claims.fail([_failure(int(trace), refusal) for trace, refusal in outcome.refused.items()])
            self._confirm(done)

    def _confirm(self, done: Sequence[tuple[Row, Confirmed]]) -> None:
        alone = [one for row, one in done if not self._needs_pair(row)]
        paired = [_Pair(row, one) for row, one in done if self._needs_pair(row)]
        self._claims.confirm(alone, stored_in=self._type)
        self._claims.note([pair.confirmed for pair in paired], stored_in=self._type)
        self._pairs += paired

    def _needs_pair(self, row: Row) -> bool:
        is_shown = row.person_key == row.linked_to and row.stored_in == self._type
        return not self._portal.is_of_users and not is_shown

    def _confirmed(self, row: Row, record_id: int, digest: str) -> Confirmed:
        is_finished = row.facts is not None and row.facts.status in reading.FINISHED
        return Confirmed(row.id, record_id, digest, is_finished, row.linked_to)

    def _input(self, trace: str, row: Row, told: values.Values) -> dict[str, object]:
        return {
            "idProperty": self._names[KEY],
            "id": self._portal.key(row.enrollment_id, row.attempt),
            "objectWriteTraceId": trace,
            "properties": told,
        }

    def _upsert(self, inputs: Sequence[Input]) -> BatchAnswer:
        return self._client.batch_upsert(self._type, inputs)

    def _verify(self) -> None:
        """Raise RecordMissing when HubSpot does not know the object type any more, which it says in many ways."""
        try:
            self._client.properties(self._type)
        except RequestRejected as refusal:
            raise RecordMissing(f"HubSpot: no {self._type}", status=refusal.status) from None

    @staticmethod
    def _ends(pair: _Pair) -> dict[str, object]:
        return {"id": str(pair.confirmed.record_id), "person": pair.row.linked_to}

    def _associate(self, inputs: Sequence[Input]) -> BatchAnswer:
        """Associate; the answer lists no inputs, so whatever it does not name as refused is done."""
        pairs = [(str(one["id"]), str(one["person"])) for one in inputs]
        errors = [
            replace(error, trace_ids=tuple(record for record, person in pairs if {record, person} & set(error.ids)))
            for error in self._client.associate_default(self._type, CONTACTS, pairs).errors
        ]
        refused = {trace for error in errors for trace in error.trace_ids}
        is_told = all(error.trace_ids for error in errors)
        done = tuple(Record(id=record) for record, _ in pairs if is_told and record not in refused)
        return BatchAnswer(done, tuple(errors))

    def _remove(self, rows: Sequence[Row], tried: Mapping[int, bool]) -> None:
        """Archive records, those of lost answers too, and drop the rows."""
        found = self._unknown_records([row for row in rows if not row.record_id and tried.get(row.id)])
        by_type: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in rows:
            if record_id := row.record_id or found.get(row.id):
                by_type[row.stored_in or self._type][str(record_id)] = row
        refused: dict[int, Refusal] = {}
        for object_type, known in by_type.items():
            for part in batches.parts(list(known), BATCH):
                refused |= self._archive(object_type, {key: known[key] for key in part})
        places.clear_people(self._client, [row for row in rows if places.is_of_people(row.stored_in)])
        self._claims.fail([_failure(pk, refusal) for pk, refusal in refused.items()])
        self._claims.removed([row.id for row in rows if row.id not in refused])

    def _archive(self, object_type: str, rows: Mapping[str, Row]) -> dict[int, Refusal]:
        try:
            answer = self._client.batch_archive(object_type, [{"id": record_id} for record_id in rows])
        except RecordMissing:
            # The object type is gone, and everything in it.
            return {}
        except RequestRejected as refusal:
            logger.warning("progress could not be removed: %s", refusal)
            said = Refusal(f"{refusal.category} {refusal.detail}".strip() or str(refusal.status), is_final=True)
            return {row.id: said for row in rows.values()}
        refused: dict[int, Refusal] = {}
        for error in answer.errors:
            if not error.is_missing:
                refused |= {rows[key].id: batches.refusal_of(error) for key in error.ids if key in rows}
        return refused

    def _unknown_records(self, rows: Sequence[Row]) -> dict[int, int]:
        """Return the records that an answer which never came may have told of."""
        found: dict[int, int] = {}
        name = self._names[KEY]
        for part in batches.parts(rows, BATCH):
            keys = {self._portal.key(row.enrollment_id, row.attempt): row.id for row in part}
            for record in self._client.batch_read(self._type, list(keys), [name], id_property=name).results:
                if row_id := keys.get(record.properties.get(name) or ""):
                    found[row_id] = int(record.id)
        return found


def _failure(row_id: int, refusal: Refusal) -> Failure:
    return Failure(row_id, refusal.problem[:300], refusal.is_final)
