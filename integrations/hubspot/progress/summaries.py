"""Progress as properties of the contacts or users themselves: counts and the last completed course of each person.

Several portals may report to one record, so the numbers are of all portals of the account together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from integrations.hubspot.client import BATCH, BatchAnswer, Client, Input
from integrations.hubspot.models import ProgressPush, ProgressTarget
from integrations.hubspot.progress import batches, places, reading, values
from integrations.hubspot.progress.batches import Outcome
from integrations.hubspot.progress.claims import Claims, Confirmed, Failure
from integrations.hubspot.progress.reading import Row, Verdict
from integrations.models import Connection
from portals import statements

_COUNTS = """
SELECT i.external_id, array_agg(DISTINCT m.id),
    count(*) FILTER (WHERE e.status IN ('completed', 'passed')),
    count(*) FILTER (WHERE e.status IN ('in_progress', 'failed', 'pending_review')),
    count(*) FILTER (WHERE e.status = 'not_started'),
    count(*) FILTER (WHERE e.is_required),
    count(*) FILTER (WHERE e.is_required AND e.status IN ('completed', 'passed')),
    (array_agg(k.title ORDER BY e.completed_at DESC, e.id DESC)
        FILTER (WHERE e.status IN ('completed', 'passed')))[1],
    max((e.completed_at AT TIME ZONE r.time_zone)::date) FILTER (WHERE e.status IN ('completed', 'passed'))
FROM integrations_connection AS c
JOIN integrations_externalidentity AS i
    ON i.connection_id = c.id AND i.state = 'linked' AND i.external_id = ANY (%(keys)s::text[])
JOIN users_membership AS m ON m.id = i.membership_id AND m.status <> 'pending'
JOIN portals_portal AS r ON r.id = m.portal_id
LEFT JOIN users_enrollment AS e ON e.membership_id = m.id
LEFT JOIN portals_course AS k ON k.id = e.course_id
WHERE c.provider = 'hubspot' AND c.external_account_id = %(account)s AND c.record_type = %(record_type)s
    AND c.state <> 'disconnected' AND (m.status = 'active' OR e.id IS NOT NULL)
GROUP BY i.external_id
"""

State = ProgressPush.State


@dataclass(frozen=True, slots=True)
class Counts:
    """One person's courses in all portals that are connected to the account."""

    learners: Sequence[int]
    completed: int
    in_progress: int
    not_started: int
    required: int
    required_completed: int
    last_course: str | None
    last_completed_on: date | None

    def told(self) -> values.Values:
        """Return the properties of the person's record."""
        total = self.completed + self.in_progress + self.not_started
        is_all = self.required_completed == self.required
        return {
            "rollcall_learner_id": ", ".join(f"lrn_{pk}" for pk in sorted(self.learners)),
            "rollcall_courses_completed": str(self.completed),
            "rollcall_courses_in_progress": str(self.in_progress),
            "rollcall_courses_not_started": str(self.not_started),
            "rollcall_percent_complete": str(100 * self.completed // total) if total else "",
            "rollcall_required_courses": str(self.required),
            "rollcall_required_courses_completed": str(self.required_completed),
            "rollcall_all_required_completed": values.yes_or_no(is_all) if self.required else "",
            "rollcall_last_completed_course": self.last_course or "",
            "rollcall_last_completed_on": values.day(self.last_completed_on),
        }


def summaries(connection: Connection, keys: Collection[str], names: Mapping[str, str]) -> dict[str, values.Values]:
    """Return what the records of people should say; empty texts for those who are not linked."""
    parameters = {
        "keys": statements.texts(keys),
        "account": connection.external_account_id,
        "record_type": connection.record_type,
    }
    found = {row[0]: Counts(*row[1:]).told() for row in statements.rows(_COUNTS, parameters)}
    empty = dict.fromkeys(names, "")
    return {key: values.named(found.get(key, empty), names) for key in keys}


class Summaries:
    """Brings the properties of people's records in line with rows of the outbox."""

    def __init__(self, client: Client, target: ProgressTarget, claims: Claims, connection: Connection) -> None:
        self._client = client
        self._type = target.object_type
        self._names: Mapping[str, str] = target.names
        self._claims = claims
        self._connection = connection
        self.doubts_the_place = False

    def carry(self) -> int:
        """Send the numbers of the next people, and return how many rows were taken."""
        tried = self._claims.take_people()
        rows = reading.read(tried)
        places.leave(self._client, [row for row in rows if row.stored_in not in {"", self._type}])
        withheld = [row for row in rows if row.verdict is Verdict.WITHHOLD]
        self._claims.settle({row.id: State.WITHHELD for row in withheld})
        self._write([row for row in rows if row.verdict is not Verdict.WITHHOLD])
        return len(tried)

    def finish(self) -> int:
        """Return 0: nothing is left open between batches."""
        return 0

    def _write(self, rows: Sequence[Row]) -> None:
        by_person: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for key in self._keys_of(row):
                by_person[key].append(row)
        told = summaries(self._connection, by_person, self._names)
        digests = {key: values.digest(one, f"{self._type} {key}") for key, one in told.items()}
        changed = [key for key, own in by_person.items() if any(row.digest != digests[key] for row in own)]
        outcome = Outcome()
        for part in batches.parts(changed, BATCH):
            inputs: dict[str, Input] = {
                key: {"id": key, "objectWriteTraceId": key, "properties": told[key]} for key in part
            }
            outcome.add(batches.write(inputs, self._update))
        self.doubts_the_place |= outcome.doubts_the_place
        self._tell(rows, outcome, digests)

    def _keys_of(self, row: Row) -> list[str]:
        """Return the records that a row speaks of: the person's, and the one that it was shown on before."""
        before = row.person_key if row.stored_in == self._type else ""
        return [key for key in dict.fromkeys((row.linked_to, before)) if key]

    def _tell(self, rows: Sequence[Row], outcome: Outcome, digests: Mapping[str, str]) -> None:
        sent: list[Confirmed] = []
        removed: list[int] = []
        failed: list[Failure] = []
        for row in rows:
            refusal = outcome.refused.get(row.linked_to) if row.linked_to else None
            if row.verdict is Verdict.SEND and refusal:
                failed.append(Failure(row.id, refusal.problem[:300], refusal.is_final))
            elif row.verdict is Verdict.SEND:
                assert row.facts is not None  # noqa: S101 - else there is nothing to send
                is_finished = row.facts.status in reading.FINISHED
                sent.append(Confirmed(row.id, None, digests[row.linked_to], is_finished, row.linked_to))
            else:
                removed.append(row.id)
        self._claims.confirm(sent, stored_in=self._type)
        self._claims.fail(failed)
        self._claims.removed(removed)

    def _update(self, inputs: Sequence[Input]) -> BatchAnswer:
        return self._client.batch_update(self._type, inputs)
