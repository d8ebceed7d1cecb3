"""Pure: the changes that a sync can plan, and every reason for not making one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from .records import Flaw


class Kind(StrEnum):
    ADD = "add"
    INVITE = "invite"
    LINK = "link"
    UPDATE = "update"
    RESTORE = "restore"
    END_ACCESS = "end_access"
    CHANGE_EMAIL = "change_email"
    CLEAR = "clear"
    SKIP = "skip"
    # A line of a run that takes another one back.
    UNDO = "undo"


# What takes something away waits for the end of the run, where the brake looks at all of it together.
RISKY = (Kind.END_ACCESS, Kind.CHANGE_EMAIL, Kind.CLEAR)


class Reason(StrEnum):
    """Why a person is skipped, held or failed; integrations.explanations has a sentence for each."""

    INACTIVE = "inactive"
    LEFT = "left"
    HIRE_DATE_AHEAD = "hire_date_ahead"
    HIRE_DATE_UNKNOWN = "hire_date_unknown"
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    SHARED_EMAIL = "shared_email"
    EMAIL_TAKEN = "email_taken"
    TWO_LEARNERS = "two_learners"
    STAFF_ACCOUNT = "staff_account"
    SECOND_ADDRESS = "second_address"
    MERGED_RECORD = "merged_record"
    DATA_DELETED = "data_deleted"
    KNOWN_ELSEWHERE = "known_elsewhere"
    REMOVED_BY_ADMIN = "removed_by_admin"
    ENDED_BY_ADMIN = "ended_by_admin"
    ERASED = "erased"
    INVITATION_CANCELLED = "invitation_cancelled"
    NO_SEAT = "no_seat"
    UNREADABLE = "unreadable"
    NAME_TOO_LONG = "name_too_long"
    OUT_OF_SCOPE = "out_of_scope"
    MISSING = "missing"
    TOO_MANY_REMOVALS = "too_many_removals"
    ADDRESS_NOT_CONFIRMED = "address_not_confirmed"
    CHANGED_SINCE = "changed_since"
    UNDONE = "undone"
    REMOVED_AGAIN = "removed_again"
    UNLINKED_AGAIN = "unlinked_again"
    ENDED_INSTEAD = "ended_instead"
    MAIL_WAS_SENT = "mail_was_sent"
    READ_INCOMPLETE = "read_incomplete"
    COULD_NOT_BE_SAVED = "could_not_be_saved"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    `after` says what apply must write (email, first_name, last_name, status, last_day, custom_data as a patch in
    which null removes a key); `before` has the same keys with the values of now.
    """

    kind: Kind
    key: str
    membership_id: int | None = None
    user_id: int | None = None
    reason: Reason | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    mail: str = ""  # "invite", "welcome" or nothing
    flaws: tuple[Flaw, ...] = ()
    # Look at the person again on this day although the source did not change.
    due_on: date | None = None
