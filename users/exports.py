"""The people of a portal as rows of a CSV file: read batch by batch, so that any number takes the same memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portals import csv_files, field_types, statements
from portals.models import CustomField, Portal
from users import bulk_jobs
from users.bulk_jobs import Purpose, Work
from users.models import BulkJob, Invitation, Membership

BATCH = 2000
# Ids of people, a batch at a time, in order.
Batches = Iterable[list[int]]

# The inviter of an invited person, else whoever added them by hand.
_PEOPLE = """
SELECT m.id, u.email, u.first_name, u.last_name, m.role, m.status, m.last_day, m.ended_at, m.created_at,
    v.created_at, v.state, v.last_sent_at, v.expires_at, m.accepted_at, trim(a.first_name || ' ' || a.last_name),
    m.source, u.last_login, u.sign_in_count, g.titles, e.number, m.custom_data::text
FROM users_membership AS m
JOIN users_user AS u ON u.id = m.user_id
LEFT JOIN LATERAL (
    SELECT * FROM users_invitation AS i WHERE i.membership_id = m.id AND i.kind = 'invite' ORDER BY i.id DESC LIMIT 1
) AS v ON true
LEFT JOIN LATERAL (
    SELECT actor_id FROM users_auditentry AS t
    WHERE t.object_type = 'users.membership' AND t.object_id = m.id AND t.action = 'learner_added'
        AND t.portal_id = m.portal_id
    ORDER BY t.id LIMIT 1
) AS trail ON %(with_inviter)s
LEFT JOIN users_user AS a ON a.id = coalesce(v.sent_by_id, trail.actor_id)
LEFT JOIN LATERAL (
    SELECT string_agg(og.title, '; ' ORDER BY og.title) AS titles
    FROM users_groupmembership AS gm JOIN portals_group AS og ON og.id = gm.group_id
    WHERE gm.membership_id = m.id
) AS g ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS number FROM users_enrollment AS oe WHERE oe.membership_id = m.id
) AS e ON true
WHERE m.portal_id = %(portal)s AND m.id = ANY(%(ids)s::bigint[])
ORDER BY m.id
"""

_NEXT = """
SELECT id FROM users_membership WHERE portal_id = %(portal)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Export:
    """What a file of people shows: whose, for whom, as of when."""

    portal: Portal
    with_inviter: bool
    now: datetime

    @cached_property
    def fields(self) -> list[CustomField]:
        """The portal's custom fields in their order."""
        return list(CustomField.objects.offered().filter(portal=self.portal).order_by("position", "pk"))

    def header(self) -> list[str | Promise]:
        """Return the headings; custom fields by their labels."""
        inviter = [_("Invited or created by")] if self.with_inviter else []
        return [
            _("Id"), _("Email"), _("Username"), _("First name"), _("Last name"), _("User type"), _("Status"),
            _("Account expires"), _("Language"), _("Time zone"), _("Created at"), _("Invited at"), _("Invite status"),
            _("Invite last sent"), _("Invite expires"), _("Accepted at"), *inviter, _("Source"), _("Last sign-in"),
            _("Sign-in count"), _("Groups"), _("Number of enrollments"), *(field.label for field in self.fields),
        ]  # fmt: skip

    def rows(self, batches: Batches) -> Iterator[list[object]]:
        """Yield a row for each person who is still in the portal; one statement per batch."""
        writer = _RowWriter(self)
        for ids in batches:
            parameters = {
                "portal": self.portal.pk,
                "ids": statements.integers(ids),
                "with_inviter": self.with_inviter,
            }
            for person in statements.rows(_PEOPLE, parameters):
                yield writer.row(person)


def everyone(portal: Portal) -> Iterator[list[int]]:
    """Yield the ids of all people of a portal, pending ones too."""
    last = 0
    while found := statements.rows(_NEXT, {"portal": portal.pk, "after": last, "limit": BATCH}):
        yield [row[0] for row in found]
        last = found[-1][0]


def batches_of(ids: list[int]) -> Iterator[list[int]]:
    """Yield chosen ids in batches."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def packed(ids: list[int]) -> Iterator[bytes]:
    """Yield chosen ids as they are kept with a job."""
    for batch in batches_of(ids):
        yield array("q", batch).tobytes()


def file_name(portal: Portal, now: datetime) -> str:
    """Return what the file is called, without its ending."""
    return f"{portal.slug}-users-{portal.today(now).isoformat()}"


def write(work: Work, *, now: datetime) -> None:
    """Carry out a job: write the whole file, from the start if another worker began it. Raises LeaseLost."""
    job, options = work.job, work.job.options
    export = Export(job.portal, with_inviter=options["with_inviter"], now=job.created_at)
    work.note(total=_people(job), done=0)
    done = 0

    def counted() -> Iterator[list[int]]:
        nonlocal done
        for batch in everyone(job.portal) if options["everyone"] else _chosen(job):
            yield batch
            done += len(batch)
            work.note(done=done)

    text = csv_files.pieces(export.header(), export.rows(counted()))
    for _size in bulk_jobs.store(job, Purpose.RESULT, (piece.encode() for piece in text)):
        work.note()
    work.finish(BulkJob.State.DONE, now=now, done=done, total=done)


def _people(job: BulkJob) -> int:
    if not job.options["everyone"]:
        return int(job.options["people"])
    people = Membership.objects.filter(portal=job.portal)
    return int(people.aggregate(number=Count("pk"))["number"])


def _chosen(job: BulkJob) -> Iterator[list[int]]:
    for part in bulk_jobs.stored(job, Purpose.SELECTION):
        yield from batches_of(array("q", part).tolist())


class _RowWriter:
    """Turns what the database says of a person into cells; labels and formats are looked up once."""

    def __init__(self, export: Export) -> None:
        portal = export.portal
        self.zone, self.now, self.today = portal.zone, export.now, portal.today(export.now)
        self.with_inviter = export.with_inviter
        self.keys = [field.key for field in export.fields]
        self.place = [str(portal.get_language_display()), portal.time_zone]
        self.roles = {value: str(label) for value, label in Membership.Role.choices}
        self.sources = {value: str(label) for value, label in Membership.Source.choices}
        self.invite_states = {value: str(label) for value, label in Invitation.State.choices}
        self.states = {"pending": str(_("Pending")), "active": str(_("Enabled")), "ended": str(_("Disabled"))}
        self.expired = str(_("Expired"))

    def row(self, person: tuple[Any, ...]) -> list[object]:
        """Return the cells of one person."""
        (
            pk, email, first_name, last_name, role, status, last_day, ended_at, created_at, invited_at, invite_state,
            last_sent_at, expires_at, accepted_at, inviter, source, last_login, sign_ins, groups, enrollments, data,
        ) = person  # fmt: skip
        values = msgspec.json.decode(data)
        return [
            pk, email, email, first_name, last_name, self.roles[role], self.status(status, last_day, ended_at),
            last_day, *self.place, self.instant(created_at), self.instant(invited_at),
            self.invite(invite_state, expires_at), self.instant(last_sent_at), self.instant(expires_at),
            self.instant(accepted_at), *([inviter] if self.with_inviter else []), self.sources.get(source, source),
            self.instant(last_login), sign_ins, groups, enrollments,
            *(_cell(values.get(key)) for key in self.keys),
        ]  # fmt: skip

    def status(self, status: str, last_day: Any, ended_at: datetime | None) -> str:
        """Return enabled, disabled, expired or pending: expired is whose last day ran out by itself."""
        if last_day is not None and status != "pending":
            over_on = self.today if ended_at is None else ended_at.astimezone(self.zone).date()
            if last_day < over_on:
                return self.expired
        return self.states[status]

    def invite(self, state: str | None, expires_at: datetime | None) -> str:
        """Return the state of the latest invitation; a sent one that was not answered in time has expired."""
        if state is None:
            return ""
        if state == "sent" and expires_at is not None and expires_at <= self.now:
            return self.expired
        return self.invite_states[state]

    def instant(self, value: datetime | None) -> str:
        """Return date and minute by the portal's clock."""
        return _local(value, self.zone) if value else ""


def _local(value: datetime, zone: ZoneInfo) -> str:
    return value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "minutes")


def _cell(value: Any) -> object:
    return value if isinstance(value, int | float) else field_types.to_text(value)
