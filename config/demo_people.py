"""The people of the demo, in every state that the pages can show; made by the use-cases that the pages call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from config.demo_data import ADMIN_PASSWORD, SignIn
from portals import definitions, drafts
from portals.models import Course, CustomField, Group, Portal
from portals.rules import Condition, Operator, Subject
from users import (
    bulk_jobs,
    enrollments,
    erasure,
    exports,
    grouping,
    imports,
    invitations,
    pending,
    progress,
    provisioning,
    staff,
)
from users.models import BulkJob, BulkJobPart, CourseInstructor, Enrollment, GroupManager, Invitation, Membership, User
from users.provisioning import Cause, Ending, Newcomer

LEARNER_PASSWORD = "demo-learner-42"  # noqa: S105 - opens nothing but the demo
# When the people who are there from the start joined, as far as the demo goes.
JOINED = timedelta(days=21)
Role, Status = Membership.Role, Enrollment.Status


@dataclass(frozen=True)
class Person:
    """One invented person; `team` is a choice of the portal's first field."""

    first_name: str
    last_name: str
    team: str
    job_title: str
    days_employed: int = 400

    def email(self, domain: str) -> str:
        """Return the address of the person."""
        return f"{self.first_name}.{self.last_name}@{domain}".lower()


# Contractors and seasonal staff: none of them is in Gusto, but for Ruth, whom the first sync links by her address.
LEARNERS = (
    Person("Lucy", "Tran", "Sales", "Showroom host", 35),
    Person("Mateo", "Ferrer", "Sales", "Showroom host", 300),
    Person("Ellen", "Vogt", "Sales", "Trade fair lead", 900),
    Person("Ravi", "Menon", "Operations", "Seasonal picker", 20),
    Person("Astrid", "Holm", "Operations", "Seasonal driver", 60),
    Person("Jonah", "Weiss", "Operations", "Forklift driver", 700),
    Person("Salma", "Idrissi", "Support", "Weekend agent", 150),
    Person("Peter", "Novotny", "Support", "Weekend agent", 410),
    Person("Mina", "Takeda", "Engineering", "Contract designer", 80),
    Person("Oscar", "Lind", "Engineering", "Contract engineer", 220),
    Person("Grace", "Obi", "People", "Trainer", 1200),
    Person("Daria", "Popova", "People", "Intern", 12),
)
NIGHT_SHIFT = ("Ravi", "Astrid", "Salma")
INVITED = (
    Person("Bianca", "Ricci", "Sales", "Showroom host", 2),
    Person("Kwame", "Addo", "Operations", "Seasonal picker", 6),
    Person("Anne", "Leclerc", "Support", "Weekend agent", 1),
    Person("Tim", "Sorensen", "Operations", "Seasonal driver", 1),
    Person("Yara", "Haddad", "Engineering", "Contract designer", 0),
    Person("Luis", "Prado", "Sales", "Trade fair helper", 9),
)
# How far people have come, in turn: status, percent, score.
RESULTS = (
    (Status.COMPLETED, 100, None),
    (Status.IN_PROGRESS, 40, None),
    (Status.PASSED, 100, Decimal("92.5")),
    (Status.NOT_STARTED, 0, None),
    (Status.PENDING_REVIEW, 90, None),
    (Status.FAILED, 100, Decimal(48)),
    (Status.IN_PROGRESS, 75, None),
)
UPLOAD = """Email,First name,Last name,Department,Job title
grace.obi@harborpine.example,Grace,Obi,People,Lead trainer
wim.dekker@harborpine.example,Wim,Dekker,Operations,Seasonal picker
noemi.santos@harborpine.example,Noemi,Santos,Warehouse,Seasonal picker
not-an-address,Pat,Doyle,Sales,Showroom host
"""


@transaction.atomic
def populate(harbor: Portal, *, now: datetime) -> list[SignIn]:
    """Give the main portal staff, learners with progress, invitations in all states and jobs, unless it has them."""
    domain = "harborpine.example"
    sign_ins = [
        SignIn("Manager of two groups", harbor.url("/admin/"), f"carla.mendes@{domain}", ADMIN_PASSWORD),
        SignIn("Instructor", harbor.url("/admin/"), f"henrik.dahl@{domain}", ADMIN_PASSWORD),
        SignIn("Learner", harbor.url(), f"lucy.tran@{domain}", LEARNER_PASSWORD),
    ]
    if harbor.memberships.filter(role=Role.LEARNER).exists():
        return sign_ins
    nora = User.objects.get(realm=harbor.realm, memberships__portal=harbor, memberships__role=Role.ADMIN)
    harbor.may_request_deletion = True
    harbor.save(update_fields=["may_request_deletion"])
    _staff(harbor, domain, now)
    people = learners(harbor, LEARNERS, domain=domain, actor=nora, now=now)
    people["Ruth"] = learners(
        harbor, [Person("Ruth", "Abara", "Sales", "Store Manager")], domain=domain, actor=nora, now=now, mail="ruth"
    )["Ruth"]
    _more_groups(harbor, people, now)
    study(harbor, now=now)
    _invited(harbor, domain, nora, now)
    _leavers(harbor, people, nora, now)
    _files(harbor, nora, now)
    return sign_ins


def learners(
    portal: Portal, people: Sequence[Person], *, domain: str, actor: User, now: datetime, mail: str = ""
) -> dict[str, Membership]:
    """Add active learners by hand and return them by first name; `mail` is another mailbox than their names."""
    newcomers = [_newcomer(portal, one, domain, now, mailbox=mail) for one in people]
    joined_at = now - JOINED
    added = provisioning.add_learners(
        portal=portal, newcomers=newcomers, source="manual", cause=Cause(actor_id=actor.pk), now=joined_at
    )
    User.objects.filter(memberships__in=added.values()).update(password=make_password(LEARNER_PASSWORD))
    grouping.regroup_portal(portal_id=portal.pk, now=joined_at)
    rows = Membership.objects.select_related("user", "portal").in_bulk(added.values())
    return {name: rows[pk] for name, pk in added.items()}


def study(portal: Portal, *, now: datetime) -> None:
    """Let the people of a portal have come different distances in their courses."""
    rows = Enrollment.objects.filter(membership__portal=portal).order_by("membership", "course")
    reports = [
        progress.Report(pk, status, percent, score, now - timedelta(days=number % 17, hours=number % 9))
        for number, (pk, (status, percent, score)) in enumerate(zip(rows.values_list("pk", flat=True), cycle(RESULTS)))
    ]
    progress.write_reports(reports=reports, now=now - timedelta(hours=3))


def _newcomer(portal: Portal, person: Person, domain: str, now: datetime, *, mailbox: str = "") -> Newcomer:
    keys = {field.label: field.key for field in CustomField.objects.filter(portal=portal).order_by("position")}
    hired_on = portal.today(now) - timedelta(days=person.days_employed)
    values = {"Job title": person.job_title, "Hire date": hired_on.isoformat(), next(iter(keys)): person.team}
    return Newcomer(
        key=person.first_name,
        email=f"{mailbox}@{domain}" if mailbox else person.email(domain),
        first_name=person.first_name,
        last_name=person.last_name,
        status="active",
        custom_data={keys[label]: value for label, value in values.items() if label in keys},
    )


def _staff(harbor: Portal, domain: str, now: datetime) -> None:
    """Add a limited admin, a manager with groups and an instructor with courses."""
    roles = (("Owen", "Pruitt", Role.ADMIN), ("Carla", "Mendes", Role.MANAGER), ("Henrik", "Dahl", Role.INSTRUCTOR))
    for first_name, last_name, role in roles:
        user = User.objects.create_user(
            realm=harbor.realm,
            email=f"{first_name}.{last_name}@{domain}",
            password=ADMIN_PASSWORD,
            first_name=first_name,
            last_name=last_name,
        )
        member = Membership.objects.create(portal=harbor, user=user, created_at=now - JOINED)
        staff.set_role(membership=member, role=role, is_limited=role == Role.ADMIN)
        if role == Role.MANAGER:
            for group in Group.objects.filter(portal=harbor, title__in=["Sales", "Support"]):
                GroupManager.objects.create(membership=member, group=group, can_create_users=group.title == "Support")
        if role == Role.INSTRUCTOR:
            for course in Course.objects.filter(portal=harbor, title__in=["Working safely", "Forklift basics"]):
                CourseInstructor.objects.create(membership=member, course=course)


def _more_groups(harbor: Portal, people: dict[str, Membership], now: datetime) -> None:
    """Add a group by date, one by hand, and one whose rule is a draft: preview it, then run it."""
    fields = {field.label: field for field in CustomField.objects.filter(portal=harbor)}

    def group(title: str, description: str) -> Group:
        return Group.objects.create(portal=harbor, title=title, description=description)

    def condition(label: str, operator: Operator, *operands: str) -> Condition:
        return Condition(Subject.CUSTOM_FIELD, operator, operands, field_key=fields[label].key)

    newcomers = group("Newcomers", "The first 90 days.")
    definitions.save_rule(group=newcomers, blocks=[[condition("Hire date", Operator.IN_LAST_DAYS, "90")]])
    drivers = group("Drivers", "Everybody who drives at work.")
    by_title = [condition("Job title", Operator.CONTAINS, "driver")]
    by_track = [condition("Department", Operator.IS, "Operations"), condition("Training track", Operator.IS, "Floor")]
    drafts.save_draft(group=drivers, blocks=[by_title, by_track])
    night = group("Night shift", "Kept by hand.")
    grouping.add_members(group=night, membership_ids=[people[name].pk for name in NIGHT_SHIFT], now=now)
    grouping.regroup_portal(portal_id=harbor.pk, now=now)
    # Lent out for a fair that is over: late, as the course's table shows.
    course = Course.objects.get(portal=harbor, title="Talking about wood")
    late = [people["Jonah"].pk, people["Mina"].pk]
    due_on = harbor.today(now) - timedelta(days=4)
    enrollments.enroll(course=course, membership_ids=late, is_required=True, due_on=due_on, now=now - JOINED)


def _invited(harbor: Portal, domain: str, nora: User, now: datetime) -> None:
    """Add people whose invitations were sent, ran out, came back, wait for release, go out now, were withdrawn."""
    newcomers = [_newcomer(harbor, person, domain, now) for person in INVITED]
    added = provisioning.add_learners(
        portal=harbor,
        newcomers=[replace(one, status="pending", mail="invite") for one in newcomers],
        source="manual",
        cause=Cause(actor_id=nora.pk),
        now=now - timedelta(days=9),
    )
    mails = {name: Invitation.objects.get(membership=pk) for name, pk in added.items()}
    Invitation.objects.filter(membership__in=added.values()).update(sent_by=nora)
    invitations.hand_over(invitation=mails["Bianca"], now=now - timedelta(days=1))
    invitations.hand_over(invitation=mails["Kwame"], now=now - timedelta(days=6))
    _note(mails["Anne"], state="failed", failure="550 There is no such mailbox here.", tries=1)
    _note(mails["Tim"], state="held")
    invitations.hand_over(invitation=mails["Luis"], now=now - timedelta(days=8))
    pending.cancel(membership_ids=[added["Luis"]], actor=nora, now=now - timedelta(days=7))


def _note(mail: Invitation, **fields: Any) -> None:
    Invitation.objects.filter(pk=mail.pk).update(next_try_at=None, **fields)


def _leavers(harbor: Portal, people: dict[str, Membership], nora: User, now: datetime) -> None:
    """End somebody's access with a reason, set somebody's last day, and let somebody ask to be deleted."""
    for name, days, reason in (("Peter", -2, "The season is over."), ("Ellen", 12, "Moves to a dealer.")):
        last_day = harbor.today(now) + timedelta(days=days)
        ending = Ending(people[name].pk, last_day)
        cause = Cause(actor_id=nora.pk, reason=reason)
        provisioning.end_access(portal=harbor, endings=[ending], by="admin", cause=cause, now=now)
    asking = people["Oscar"]
    erasure.ask(membership=asking, actor=asking.user, now=now - timedelta(days=2))


def _files(harbor: Portal, nora: User, now: datetime) -> None:
    """Download everybody, and upload a file with a change, a newcomer and two mistakes, up to its review."""
    job = bulk_jobs.start(
        portal=harbor,
        kind=BulkJob.Kind.EXPORT_USERS,
        requested_by=nora,
        now=now,
        options={"with_inviter": True, "everyone": True},
    )
    if work := bulk_jobs.take(job.pk):
        exports.write(work, now=now)
    choices = {"phase": "preview", "separator": "", "adds_as": "pending", "mail": "invite", "updates": True}
    switches = ("clears_empty", "assigns_groups", "syncs_groups", "process_unenrollments")
    job = bulk_jobs.start(
        portal=harbor,
        kind=BulkJob.Kind.IMPORT_USERS,
        requested_by=nora,
        now=now,
        options={**choices, **dict.fromkeys(switches, False)},
        files={BulkJobPart.Purpose.UPLOAD: [UPLOAD.encode()]},
        file_name="season.csv",
        total=UPLOAD.count("\n") - 1,
    )
    if work := bulk_jobs.take(job.pk):
        imports.carry_out(work, now=now)
