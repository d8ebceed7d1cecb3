"""What stays of a batch: the people as they were read, whom they are linked to, and the lines of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from integrations.engine.changes import RISKY, Change, Kind, Reason
from integrations.engine.records import Flaw, Person
from integrations.models import PlannedChange, SyncRun
from integrations.sync.batches import Batch, Context
from integrations.sync.snapshot import Known
from portals import statements
from users.traces import Trace

_ENCODER = msgspec.json.Encoder()

_REMEMBER = """
INSERT INTO integrations_externalidentity AS i (
    connection_id, external_id, membership_id, state, reason, digest, snapshot, flaws, rejected, due_on,
    times_missing)
SELECT %(connection)s, r.key, r.membership_id, r.state, r.reason, decode(r.digest, 'hex'), r.snapshot, r.flaws,
    r.rejected, r.due_on, 0
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
    key text, membership_id bigint, state text, reason text, digest text, snapshot jsonb, flaws jsonb,
    rejected jsonb, due_on date)
ON CONFLICT (connection_id, external_id) DO UPDATE SET
    membership_id = coalesce(excluded.membership_id, i.membership_id), state = excluded.state,
    reason = excluded.reason, digest = excluded.digest, snapshot = excluded.snapshot, flaws = excluded.flaws,
    rejected = CASE WHEN excluded.state = 'failed' THEN i.rejected ELSE excluded.rejected END,
    due_on = excluded.due_on
RETURNING i.external_id, i.id
"""

_TRACES = """
UPDATE integrations_plannedchange AS c SET trace = r.trace
FROM jsonb_to_recordset(%(rows)s::text::jsonb) AS r(id bigint, trace jsonb) WHERE c.id = r.id
"""

_CHANGES = (
    "integrations_plannedchange"
    " (run_id, external_id, person, membership_id, kind, reason, state, before, after, warnings, consequences, source,"
    " trace)"
)


def remember(
    context: Context,
    batch: Batch,
    changes: Sequence[Change],
    added: Mapping[str, int],
    rejected: Mapping[str, Mapping[str, Any]],
) -> dict[str, int]:
    """Store what was read of each person, and whom it was linked to; return the identities' ids.

    `rejected` says by person which rejections still hold; the others have lapsed.
    """
    by_key: dict[str, list[Change]] = {}
    for change in changes:
        by_key.setdefault(change.key, []).append(change)
    rows = []
    for person in batch.people:
        key = person.key
        row = _identity_row(context, person, by_key.get(key, []), batch.identities.get(key), added.get(key))
        row["digest"] = batch.digests[key].hex()
        row["rejected"] = rejected.get(key)
        rows.append(row)
    parameters = {"connection": context.connection.pk, "rows": _json(rows)}
    return dict(statements.rows(_REMEMBER, parameters, keeps_plan=True))


def keep_plan(
    context: Context,
    batch: Batch,
    changes: Sequence[Change],
    *,
    added: Mapping[str, int],
    consequences: Mapping[str, dict[str, Any]] | None = None,
    found: Mapping[int, Trace] | None = None,
) -> None:
    """Append the lines of the plan with their outcome; those of a preview with what would follow.

    `found` are the traces that the changes left, by membership.
    """
    if not changes:
        return
    people = {person.key: person for person in batch.people}
    state_of = _preview_states if context.is_preview else _states
    told: set[str] = set()
    rows = []
    for change in changes:
        person = people[change.key]
        # What follows is told once for each person, with their first line.
        follows = consequences.get(change.key) if consequences and change.key not in told else None
        told.add(change.key)
        trace = found.get(change.membership_id or 0) if found and change.kind not in (*RISKY, Kind.SKIP) else None
        rows.append(
            (
                context.run_id,
                change.key,
                "" if change.reason is Reason.ERASED else label(person),
                added.get(change.key, change.membership_id),
                change.kind.value,
                change.reason.value if change.reason else "",
                state_of(change.kind),
                _json(change.before) if change.before else "{}",
                _json(change.after) if change.after else "{}",
                _json(_flat(change.flaws)) if change.flaws else "[]",
                _json(follows) if follows else None,
                _json(person) if context.is_preview and change.kind is not Kind.SKIP else None,
                _json(trace) if trace else None,
            )
        )
    statements.copy(_CHANGES, rows)


def supersede(context: Context, keys: Sequence[str]) -> None:
    """Let what earlier runs hold for these people come to nothing: it is decided anew, by what is known now."""
    earlier = PlannedChange.objects.filter(
        run__connection=context.connection, state=PlannedChange.State.HELD, external_id__in=keys
    )
    of_syncs = earlier.exclude(run=context.run_id).exclude(run__trigger__in=SyncRun.PREVIEWS)
    of_syncs.update(state=PlannedChange.State.SKIPPED, reason=Reason.CHANGED_SINCE)


def keep_traces(found: Mapping[int, Trace]) -> None:
    """Keep with lines of the plan what they changed of their learners."""
    if found:
        rows = [{"id": pk, "trace": trace} for pk, trace in found.items()]
        statements.rows(_TRACES, {"rows": _json(rows)})


def tally(changes: Sequence[Change], people_count: int) -> Counter[str]:
    """Count changes by kind; somebody of whom only a value was refused is unchanged."""
    counts: Counter[str] = Counter()
    touched = set()
    for change in changes:
        counts["mails"] += bool(change.mail)
        counts["warnings"] += len(change.flaws)
        if change.kind is Kind.SKIP:
            counts["skipped"] += 1
        elif change.kind is Kind.UPDATE and not change.after:
            continue
        elif change.kind not in RISKY:
            counts[change.kind.value] += 1
        touched.add(change.key)
    counts["unchanged"] = people_count - len(touched)
    return counts


def record_failure(context: Context, person: Person) -> dict[str, int]:
    """Record that a person could not be saved, and return the identity's id; the next run tries again."""
    row: dict[str, Any] = {
        "key": person.key,
        "membership_id": None,
        "state": "failed",
        "reason": Reason.COULD_NOT_BE_SAVED,
        "digest": "",
        "snapshot": {},
        "due_on": None,
    }
    ids: dict[str, int] = {}
    if not context.is_preview:
        ids = dict(statements.rows(_REMEMBER, {"connection": context.connection.pk, "rows": _json([row])}))
    name = label(person).encode(errors="replace").decode().replace("\x00", "")
    reason = Reason.COULD_NOT_BE_SAVED.value
    line = (context.run_id, person.key, name, None, Kind.UPDATE.value, reason, "failed", "{}", "{}", "[]")
    statements.copy(_CHANGES, [(*line, None, None, None)])
    return ids


def label(person: Person) -> str:
    """Return name and address of a person, as a plan's line shows them."""
    name = f"{person.first_name} {person.last_name}".strip()
    address = person.work_email or person.personal_email
    return f"{name} <{address}>"[:330] if address else name[:330]


def _identity_row(
    context: Context, person: Person, changes: Sequence[Change], known: Known | None, added: int | None
) -> dict[str, Any]:
    membership_id = added or next((change.membership_id for change in changes if change.membership_id), None)
    skip = next((change for change in changes if change.kind is Kind.SKIP), None)
    reason: str = skip.reason or "" if skip else ""
    due_on = skip.due_on if skip else None
    if not changes and known is not None:
        # Whoever is back in scope has nothing to tell any more, and whoever was due was looked at now.
        reason = "" if known.reason == Reason.OUT_OF_SCOPE else known.reason
        due_on = known.due_on if known.due_on and known.due_on > context.today else None
    if any(change.kind in RISKY for change in changes):
        # Carried out at the end of the run; should that not come, the next run finds the person by this day.
        due_on = context.today
    is_linked = bool(membership_id or (known and (known.membership_id or known.state == "linked")))
    return {
        "key": person.key,
        "membership_id": membership_id,
        "state": "linked" if is_linked else "skipped",
        "reason": reason,
        # Nothing is kept of someone who was deleted for good.
        "snapshot": {} if reason == Reason.ERASED else person,
        "flaws": _flat([flaw for change in changes for flaw in change.flaws]) or None,
        "due_on": due_on,
    }


def _flat(flaws: Sequence[Flaw]) -> list[tuple[str, str, str]]:
    return [(flaw.attribute, flaw.code, flaw.value) for flaw in flaws]


def _states(kind: Kind) -> str:
    if kind is Kind.SKIP:
        return "skipped"
    return "planned" if kind in RISKY else "applied"


def _preview_states(kind: Kind) -> str:
    return "skipped" if kind is Kind.SKIP else "planned"


def _json(value: object) -> str:
    return _ENCODER.encode(value).decode()
