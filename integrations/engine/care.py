"""Pure: when a connection is in trouble, when its next try is due, and when silence is an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# After a failed sync: hours until the next try, the last one for ever after.
RETRY_HOURS = (1, 6, 12, 24)
# Whoever is in quarantine longer than this is tried only when an admin asks.
LONGEST_QUARANTINE = timedelta(days=28)
# Without a complete sync for so long something is wrong, whatever the scheduler says.
SILENCE = timedelta(hours=36)
# Records that fail, from which the source or the settings are to blame and not the records.
FEWEST_FAILED = 10
MOST_FAILED_PERCENT = 40


class Trouble(StrEnum):
    """What is wrong with a connection; stored with it."""

    NEEDS_RECONNECTING = "needs_reconnecting"
    WRONG_COMPANY = "wrong_company"
    REFUSED = "refused"
    EMPTIED = "emptied"
    MANY_FAILED = "many_failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync of everyone came to."""

    people: int = 0
    # Records that cannot be read or saved.
    failed: int = 0
    # People known from earlier syncs.
    known: int = 0
    # The sync did not read the list to its end.
    is_incomplete: bool = False
    # The list belongs to another company; the provider refused the request itself.
    is_of_another_company: bool = False
    is_refused: bool = False


def reason_to_quarantine(outcome: Outcome) -> Trouble | None:
    """Return why a connection has to be left alone for a while, or None."""
    if outcome.is_of_another_company:
        return Trouble.WRONG_COMPANY
    if outcome.is_refused:
        return Trouble.REFUSED
    if outcome.known and not outcome.people and not outcome.is_incomplete:
        return Trouble.EMPTIED
    if outcome.failed >= FEWEST_FAILED and outcome.failed * 100 > outcome.people * MOST_FAILED_PERCENT:
        return Trouble.MANY_FAILED
    return None


def next_try(*, failures: int, quarantined_at: datetime | None, now: datetime) -> datetime | None:
    """Return when to try again after so many failures in a row, or None once a quarantine has lasted too long."""
    if quarantined_at is not None and now - quarantined_at >= LONGEST_QUARANTINE:
        return None
    return now + timedelta(hours=RETRY_HOURS[min(max(failures, 1), len(RETRY_HOURS)) - 1])


def is_silent(*, connected_at: datetime | None, last_complete_at: datetime | None, now: datetime) -> bool:
    """Whether a working connection has completed no sync for too long; a new one has as long for its first."""
    moments = [moment for moment in (connected_at, last_complete_at) if moment is not None]
    return bool(moments) and now - max(moments) > SILENCE
