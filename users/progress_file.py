"""Read the rows of a file about course progress, and decide what each would do; no database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from django.utils.translation import gettext as _

from portals.csv_files import Row, Unreadable
from users.models import Enrollment

Status = Enrollment.Status

# The headings that are understood, in lower case, by what they stand for.
HEADINGS = {
    "email": ("email", "e-mail", "e-mail address", "email address"),
    "user_id": ("user id", "user_id"),
    "reference": ("course reference", "reference", "reference code"),
    "title": ("course", "course title", "title"),
    "status": ("status",),
    "percent": ("percent", "percent complete", "progress"),
    "score": ("score",),
    "completed_on": ("completed on", "date completed", "completion date"),
}
TEMPLATE = ["Email", "Course reference", "Course", "Status", "Percent", "Score", "Completed on"]
_STATES = {status.value: status for status in Status}


class Refused(ValueError):
    """The row cannot be carried out; the text says why."""


class Kind(StrEnum):
    """What a row does."""

    ENROLL = "enroll"
    UPDATE = "update"
    SAME = "same"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says: who, which course (both in lower case), and how far; None where it says nothing."""

    email: str
    user_id: int | None
    reference: str
    title: str
    status: Status
    percent: int | None
    score: Decimal | None
    completed_on: date | None


@dataclass(frozen=True, slots=True)
class Found:
    """What there is in the portal for a row; None where there is nothing."""

    membership_id: int | None
    access: str | None
    course_id: int | None
    course_status: str | None
    enrollment_id: int | None
    status: str | None
    percent: int | None
    score: Decimal | None
    completed_on: date | None


def columns(headings: Mapping[str, str]) -> dict[str, str]:
    """Return the headings of a file by what they stand for. Raises Unreadable when it cannot be about progress."""
    found = {name: word for name, words in HEADINGS.items() for word in words if word in headings}
    if not found.keys() & {"email", "user_id"}:
        raise Unreadable(_("There is no column “Email” or “User id”."))
    if not found.keys() & {"reference", "title"}:
        raise Unreadable(_("There is no column “Course reference” or “Course”."))
    if not found.keys() & {"status", "percent"}:
        raise Unreadable(_("There is no column “Status” or “Percent”."))
    return found


def read(row: Row, names: Mapping[str, str], *, today: date) -> Entry:
    """Return what a row says. Raises Refused."""
    if row.is_misshapen:
        raise Refused(_("The row does not have as many cells as there are headings."))
    cells = {name: row.cells.get(heading, "") for name, heading in names.items()}
    email, user_id = cells.get("email", "").lower(), cells.get("user_id", "")
    if user_id and not (user_id.isdecimal() and len(user_id) < 18):
        raise Refused(_("The user id is not a number."))
    if not email and not user_id:
        raise Refused(_("There is no e-mail address."))
    reference, title = cells.get("reference", "").lower(), cells.get("title", "").lower()
    if not reference and not title:
        raise Refused(_("There is no course."))
    percent = _percent(cells.get("percent", ""))
    status = _status(cells.get("status", ""), percent)
    completed_on = _day(cells.get("completed_on", ""), today)
    if completed_on and status not in Enrollment.FINISHED:
        raise Refused(_("There is a date of completion, but the course is not finished."))
    return Entry(
        email=email,
        user_id=int(user_id) if user_id else None,
        reference=reference,
        title=title,
        status=status,
        percent=percent,
        score=_score(cells.get("score", "")),
        completed_on=completed_on,
    )


def decide(entry: Entry, found: Found, *, enrolls: bool) -> Kind:
    """Return what a row does to what there is. Raises Refused."""
    if found.membership_id is None:
        raise Refused(_("Nobody in the list of users is called this."))
    if found.access == "pending":
        raise Refused(_("The person has not accepted the invitation yet."))
    if found.course_id is None:
        raise Refused(_("There is no such course."))
    if found.enrollment_id is None:
        return _decide_enrolling(found, enrolls=enrolls)
    if found.status in Enrollment.FINISHED and entry.status not in Enrollment.FINISHED:
        raise Refused(_("The person has finished the course already: a file does not take that back."))
    told = (entry.status, percent_of(entry, found), entry.score, entry.completed_on)
    # What the file does not say stays as it is.
    known = (
        found.status,
        found.percent,
        found.score if entry.score is not None else None,
        found.completed_on if entry.completed_on else None,
    )
    return Kind.SAME if told == known else Kind.UPDATE


def percent_of(entry: Entry, found: Found) -> int:
    """Return the percentage that a row leads to: told, or following from the status, or as it was."""
    if entry.percent is not None:
        return entry.percent
    if entry.status in Enrollment.FINISHED:
        return 100
    return 0 if entry.status == Status.NOT_STARTED else found.percent or 0


def _decide_enrolling(found: Found, *, enrolls: bool) -> Kind:
    if not enrolls:
        raise Refused(_("The person is not enrolled in the course."))
    if found.access != "active":
        raise Refused(_("The person has no access, so cannot be enrolled."))
    if found.course_status != "published":
        raise Refused(_("The course is not published, so nobody can be enrolled."))
    return Kind.ENROLL


def _percent(text: str) -> int | None:
    text = text.removesuffix("%").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,3}", text) or int(text) > 100:
        raise Refused(_("The percentage is not a whole number from 0 to 100."))
    return int(text)


def _status(text: str, percent: int | None) -> Status:
    if not text:
        if percent is None:
            raise Refused(_("There is neither a status nor a percentage."))
        return {0: Status.NOT_STARTED, 100: Status.COMPLETED}.get(percent, Status.IN_PROGRESS)
    status = _STATES.get(re.sub(r"[\s_-]+", "_", text.lower()))
    if status is None:
        raise Refused(_("The status is none of: %s.") % ", ".join(str(one.label) for one in Status))
    return status


def _score(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        score = Decimal(text.replace(",", "."))
    except InvalidOperation:
        score = Decimal(-1)
    if not score.is_finite() or not 0 <= score <= 100:
        raise Refused(_("The score is not a number from 0 to 100."))
    return round(score, 2)


def _day(text: str, today: date) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        raise Refused(_("The date of completion is not written like 2026-03-31.")) from None
    if day > today:
        raise Refused(_("The date of completion is in the future."))
    if day < Enrollment.EARLIEST_COMPLETION:
        raise Refused(_("The date of completion is before 1970."))
    return day
