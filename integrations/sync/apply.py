"""Write one batch of people: plan, provision, group, enroll, remember; one transaction, ten statements.

A batch that the database refuses is halved until the person who is to blame stands alone and is recorded as failed.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

import msgspec
from django.db import DataError, IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from integrations import signals
from integrations.engine import plan, rejections
from integrations.engine.changes import Change, Kind, Reason
from integrations.engine.records import Person
from integrations.sync import ledger, links, provision, rehearsal, seating, snapshot
from integrations.sync.batches import Admission, Batch, Context, Result
from integrations.sync.snapshot import Known
from users import traces

logger = logging.getLogger(__name__)

MAX_TRIES = 3

ADDITIONS = (Kind.ADD, Kind.INVITE)
# What is written at once and has a before.
TRACED = (Kind.LINK, Kind.UPDATE, Kind.RESTORE)

T = TypeVar("T")


def batch(context: Context, batch: Batch, *, finish: Callable[[Result], None]) -> Result:
    """Bring the learners of a batch in line, or rehearse it, and return what was done.

    `finish` runs in the same transaction, last: it checkpoints the run and raises LeaseLost when the run is another
    worker's, which takes everything back.
    """
    try:
        return retried(lambda: _write(context, batch, finish))
    except (IntegrityError, DataError):
        logger.warning("run %s: a batch of %s was refused, it is halved", context.run_id, len(batch.people))
    result = _halved(context, batch)
    with transaction.atomic():
        finish(result)
    return result


def within(context: Context, batch: Batch) -> Result:
    """Bring a batch in line as a part of the caller's transaction, and return what was done.

    The database's refusal is raised and ends the transaction.
    """
    return _written(context, batch)


def retried(write: Callable[[], T]) -> T:
    """Try again after a deadlock, which costs one of the two its transaction."""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            return write()
        except OperationalError as error:
            if attempt == MAX_TRIES or not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
            time.sleep(random.uniform(0.05, 0.3) * attempt)  # noqa: S311
    raise AssertionError


def _halved(context: Context, batch: Batch) -> Result:
    middle = len(batch.people) // 2
    halves = [batch.part(people) for people in (batch.people[:middle], batch.people[middle:]) if people]
    results = [_half(context, half) for half in halves]
    return Result(
        tally=sum((result.tally for result in results), Counter()),
        identity_ids={key: id_ for result in results for key, id_ in result.identity_ids.items()},
        failed=frozenset(key for result in results for key in result.failed),
        changes=[change for result in results for change in result.changes],
        added={key: id_ for result in results for key, id_ in result.added.items()},
    )


def _half(context: Context, half: Batch) -> Result:
    try:
        return retried(lambda: _write(context, half))
    except (IntegrityError, DataError) as error:
        if len(half.people) > 1:
            return _halved(context, half)
        logger.warning("run %s: a person could not be saved: %s", context.run_id, type(error).__name__)
        return _record_failure(context, half.people[0])


def _write(context: Context, batch: Batch, finish: Callable[[Result], None] | None = None) -> Result:
    with transaction.atomic():
        result = _written(context, batch)
        if finish is not None:
            finish(result)
    return result


def _written(context: Context, batch: Batch) -> Result:
    batch = links.as_they_are_now(context, batch)
    changes, rejected = _decide(context, batch)
    news = [change for change in changes if not _is_old_news(change, batch.identities.get(change.key))]
    tally = ledger.tally(news, len(batch.people))
    identity_ids: dict[str, int] = {}
    added: dict[str, int] = {}
    if context.is_preview:
        counts, consequences = rehearsal.rehearse(context, news)
        ledger.keep_plan(context, batch, news, added={}, consequences=consequences)
    else:
        if context.is_of_single_people:
            ledger.supersede(context, [person.key for person in batch.people])
        outcome, found = _carry_out(context, news)
        counts, added = outcome.tally, outcome.added
        identity_ids = ledger.remember(context, batch, changes, added, rejected)
        ledger.keep_plan(context, batch, news, added=added, found=found)
        _announce(context, news, added)
    tally.update(counts)
    return Result(tally, identity_ids, changes=changes, added=added)


def _carry_out(context: Context, changes: Sequence[Change]) -> tuple[provision.Outcome, Mapping[int, traces.Trace]]:
    """Carry the changes out, and return with the outcome what an undo has to know of each learner."""
    ids = [change.membership_id for change in changes if change.kind in TRACED and change.after]
    known = [one for one in ids if one is not None]
    before = traces.images(known)
    outcome = provision.carry_out(context, changes)
    return outcome, traces.differences(before, traces.images(known))


def _announce(context: Context, changes: Sequence[Change], added: Mapping[str, int]) -> None:
    """Tell of new links, but of nobody who has only been invited."""
    linked = [change.membership_id for change in changes if change.kind is Kind.LINK and change.membership_id]
    let_in = [added[change.key] for change in changes if change.kind is Kind.ADD and change.key in added]
    if ids := [*linked, *let_in]:
        signals.people_linked.send(sender=None, connection=context.connection, membership_ids=ids)


def _decide(context: Context, batch: Batch) -> tuple[list[Change], dict[str, rejections.Rejected]]:
    """Return what to do, and by person which rejections still speak of what the source says."""
    around = snapshot.surroundings(context.connection, batch.people, batch.identities, context.policy)
    around = replace(around, shared=around.shared | batch.left_to_several)
    planned = plan.plan(batch.people, around, context.policy, context.today)
    if context.admission is not Admission.EVERYONE:
        planned = [change for change in planned if change.kind not in ADDITIONS]
    changes, rejected = _without_rejected(planned, batch.identities)
    wanted = changes if batch.agreed is None else _only_agreed(batch.people, changes, batch.agreed)
    return seating.seated(context, wanted), rejected


def _without_rejected(
    planned: Sequence[Change], identities: Mapping[str, Known]
) -> tuple[list[Change], dict[str, rejections.Rejected]]:
    changes: list[Change] = []
    rejected: dict[str, rejections.Rejected] = {}
    for key, group in groupby(planned, lambda change: change.key):
        own, known = list(group), identities.get(key)
        if known is not None and known.rejected:
            own, still = rejections.without_rejected(own, known.rejected)
            if still:
                rejected[key] = still
        changes += own
    return changes, rejected


def _only_agreed(
    people: Sequence[Person], changes: Sequence[Change], agreed: Mapping[str, Sequence[Change]]
) -> list[Change]:
    """Return the changes that are still those of the preview; whoever it is no longer true of is left alone."""
    now: dict[str, list[Change]] = {person.key: [] for person in people}
    for change in changes:
        now[change.key].append(change)
    kept = []
    for key, own in now.items():
        # A preview agrees on what is done, not on what is only told.
        done = [_essence(change) for change in own if change.kind is not Kind.SKIP]
        if done == [_essence(change) for change in agreed.get(key, ())]:
            kept += own
        else:
            membership_id = next((change.membership_id for change in own if change.membership_id), None)
            kept.append(Change(Kind.SKIP, key, membership_id=membership_id, reason=Reason.CHANGED_SINCE))
    return kept


def _essence(change: Change) -> Any:
    """Return what makes two changes the same, as it reads after it was stored."""
    parts = (change.kind, change.membership_id, change.before, change.after)
    return msgspec.json.decode(msgspec.json.encode(parts))


def _is_old_news(change: Change, known: Known | None) -> bool:
    """Whether a skip was reported before with the same reason."""
    return change.kind is Kind.SKIP and known is not None and known.reason == change.reason


def _record_failure(context: Context, person: Person) -> Result:
    with transaction.atomic():
        ids = ledger.record_failure(context, person)
    return Result(Counter(failed=1), ids, frozenset([person.key]))
