"""How a sync of everyone leaves its connection: in quarantine or out of it, and due again when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from integrations import providers, troubles
from integrations.engine.care import (
    SILENCE,
    Outcome,
    Trouble,
    is_silent,
    next_try,
    reason_to_quarantine,
)
from integrations.engine.changes import Reason
from integrations.http import (
    AnotherAccount,
    AuthorizationLost,
    ProviderError,
    ProviderUnavailable,
    RecordMissing,
    RequestRejected,
)
from integrations.models import Connection, ExternalIdentity
from integrations.sync import schedule
from integrations.sync.progress import Progress

State = Connection.State
# Records that cannot be read or saved; the index identity_broken holds them.
BROKEN = (Reason.UNREADABLE.value, Reason.COULD_NOT_BE_SAVED.value)


def outcome_of(connection: Connection, state: Progress, error: ProviderError | None = None) -> Outcome:
    """Return what a read came to."""
    people = len(state.seen) + state.newcomers
    known = connection.identities.all()
    if not providers.people_source(connection.provider).lists_newcomers:
        known = known.filter(state=ExternalIdentity.State.LINKED, membership__isnull=False)
    return Outcome(
        people=state.totals["seen"],
        failed=connection.identities.filter(reason__in=BROKEN).count(),
        known=0 if people else int(known.exists()),
        is_incomplete=error is not None,
        is_of_another_company=isinstance(error, AnotherAccount),
        is_refused=isinstance(error, RequestRejected | RecordMissing),
    )


def doubt(connection: Connection, state: Progress) -> str:
    """Return why nothing may be taken away after this read, as a sentence for the admin, or an empty text."""
    found = reason_to_quarantine(outcome_of(connection, state))
    if found is Trouble.EMPTIED:
        return _("The list was empty.")
    return str(troubles.sentence(found)) if found else ""


def conclude(connection: Connection, state: Progress, *, now: datetime, error: ProviderError | None = None) -> None:
    """Note how a read of everyone ended: a success ends a quarantine, a failure is tried again ever later.

    Nobody's access depends on it.
    """
    found = (
        None if isinstance(error, AuthorizationLost) else reason_to_quarantine(outcome_of(connection, state, error))
    )
    is_failure = bool(error or found or (connection.quarantine and state.doubt))
    if found:
        _quarantine(connection, found, now)
    elif connection.state == State.QUARANTINED and not is_failure and not state.doubt:
        _release(connection)
    if is_failure:
        connection.refresh_from_db(fields=["state", "quarantine", "quarantined_at"])
    connection.failures_in_a_row = connection.failures_in_a_row + 1 if is_failure else 0
    connection.next_due_at = (
        next_try(failures=connection.failures_in_a_row, quarantined_at=connection.quarantined_at, now=now)
        if is_failure
        else schedule.next_due(connection, now)
    )
    wished = error.retry_after if isinstance(error, ProviderUnavailable) else None
    if wished and connection.next_due_at:
        connection.next_due_at = max(connection.next_due_at, now + timedelta(seconds=wished))
    changed = ["failures_in_a_row", "next_due_at"]
    if not error and not state.doubt:
        connection.last_complete_sync_at = now
        changed.append("last_complete_sync_at")
    connection.save(update_fields=changed)


def trouble_of(connection: Connection, now: datetime) -> Trouble | None:
    """Return what is wrong with a connection at the moment, from its row alone."""
    if connection.state == State.NEEDS_RECONNECTING:
        return Trouble.NEEDS_RECONNECTING
    if connection.state == State.QUARANTINED:
        return Trouble(connection.quarantine) if connection.quarantine in set(Trouble) else Trouble.REFUSED
    if connection.state == State.ACTIVE and is_silent(
        connected_at=connection.connected_at, last_complete_at=connection.last_complete_sync_at, now=now
    ):
        return Trouble.SILENT
    return None


def is_late(now: datetime) -> Q:
    """Return the condition of `is_silent` for the database."""
    return Q(connected_at__lt=now - SILENCE) & (
        Q(last_complete_sync_at=None) | Q(last_complete_sync_at__lt=now - SILENCE)
    )


def in_trouble(now: datetime) -> QuerySet[Connection]:
    """Return the connections for which `trouble_of` has an answer."""
    return Connection.objects.filter(
        Q(state__in=[State.NEEDS_RECONNECTING, State.QUARANTINED]) | Q(state=State.ACTIVE) & is_late(now)
    )


def _quarantine(connection: Connection, trouble: Trouble, now: datetime) -> None:
    # A consent that was lost or taken back meanwhile weighs more.
    Connection.objects.filter(pk=connection.pk, state__in=Connection.SYNCABLE).update(
        state=State.QUARANTINED,
        state_reason=str(troubles.sentence(trouble)),
        quarantine=trouble,
        quarantined_at=Coalesce("quarantined_at", Value(now, output_field=DateTimeField())),
    )


def _release(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk, state=State.QUARANTINED).update(
        state=State.ACTIVE, state_reason="", quarantine="", quarantined_at=None
    )
