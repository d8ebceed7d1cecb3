"""Pure: the way from the provider's list into the portal, step by step, and where each reason stops a person."""

from __future__ import annotations

from enum import StrEnum

from .changes import Reason


class Step(StrEnum):
    """What must be true of a person, in the order in which a sync asks."""

    LISTED = "listed"
    READABLE = "readable"
    WANTED_BACK = "wanted_back"
    EMPLOYED = "employed"
    IN_SCOPE = "in_scope"
    ADDRESS = "address"
    MATCHED = "matched"
    HIRED = "hired"
    SAVED = "saved"
    APPROVED = "approved"
    ACCESS = "access"
    MAIL = "mail"


STOPS: dict[Reason, Step] = {
    Reason.MISSING: Step.LISTED,
    Reason.READ_INCOMPLETE: Step.LISTED,
    Reason.UNREADABLE: Step.READABLE,
    Reason.NAME_TOO_LONG: Step.READABLE,
    Reason.REMOVED_BY_ADMIN: Step.WANTED_BACK,
    Reason.ERASED: Step.WANTED_BACK,
    Reason.DATA_DELETED: Step.WANTED_BACK,
    Reason.UNDONE: Step.WANTED_BACK,
    Reason.REMOVED_AGAIN: Step.WANTED_BACK,
    Reason.UNLINKED_AGAIN: Step.WANTED_BACK,
    Reason.INACTIVE: Step.EMPLOYED,
    Reason.LEFT: Step.EMPLOYED,
    Reason.OUT_OF_SCOPE: Step.IN_SCOPE,
    Reason.NO_EMAIL: Step.ADDRESS,
    Reason.INVALID_EMAIL: Step.ADDRESS,
    Reason.SHARED_EMAIL: Step.ADDRESS,
    Reason.EMAIL_TAKEN: Step.MATCHED,
    Reason.TWO_LEARNERS: Step.MATCHED,
    Reason.STAFF_ACCOUNT: Step.MATCHED,
    Reason.SECOND_ADDRESS: Step.MATCHED,
    Reason.MERGED_RECORD: Step.MATCHED,
    Reason.KNOWN_ELSEWHERE: Step.MATCHED,
    Reason.HIRE_DATE_AHEAD: Step.HIRED,
    Reason.HIRE_DATE_UNKNOWN: Step.HIRED,
    Reason.NO_SEAT: Step.SAVED,
    Reason.COULD_NOT_BE_SAVED: Step.SAVED,
    Reason.CHANGED_SINCE: Step.SAVED,
    Reason.TOO_MANY_REMOVALS: Step.APPROVED,
    Reason.ADDRESS_NOT_CONFIRMED: Step.APPROVED,
    Reason.ENDED_BY_ADMIN: Step.ACCESS,
    Reason.ENDED_INSTEAD: Step.ACCESS,
    Reason.INVITATION_CANCELLED: Step.MAIL,
    Reason.MAIL_WAS_SENT: Step.MAIL,
}


def stop_of(reason: str) -> Step:
    """Return the step that a reason is about; the saving for a reason of another version of this code."""
    return STOPS[Reason(reason)] if reason in STOPS else Step.SAVED


def passed(stop: Step | None) -> list[Step]:
    """Return the steps before the one that stopped somebody, all of them for None."""
    steps = list(Step)
    return steps if stop is None else steps[: steps.index(stop)]
