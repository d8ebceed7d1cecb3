"""What the first page of the admin says: a fixed number of questions to the database, whatever the size."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config import recent, upcoming
from config.recent import Day
from config.upcoming import Share
from integrations import health, problems, providers
from integrations.models import Connection, SyncRun
from integrations.upcoming import Week
from portals.models import Course, CustomField, DynamicRule, Group, Portal, Realm
from users import seats
from users.models import Invitation, Membership

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that leads to the list of what it counts."""

    label: Text
    number: int
    url: str
    # What the number is part of, if there is a limit.
    most: int | None = None

    @property
    def shown(self) -> str:
        """The number in words."""
        if self.most is None:
            return str(self.number)
        return _("%(number)d of %(most)d") % {"number": self.number, "most": self.most}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that waits for a person."""

    text: Text
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something to set up, done or not."""

    text: Text
    url: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Link:
    """An integration of the portal, connected or not, with its last sync."""

    label: Text
    url: str
    state: str
    state_label: Text
    reason: str = ""
    last_complete_at: datetime | None = None
    next_due_at: datetime | None = None
    run_state_label: Text = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page."""

    figures: list[Figure]
    questions: list[Question]
    steps: list[Step]
    links: list[Link]
    # Only in portals.
    weeks: list[Week] = field(default_factory=list)
    weeks_chart: str = ""
    progress: list[Share] = field(default_factory=list)
    # Only of the installation.
    days: list[Day] = field(default_factory=list)
    days_chart: str = ""


def of_portal(portal: Portal, now: datetime) -> Overview:
    """Return how things are in one portal."""
    links = _links(portal)
    fields = CustomField.objects.filter(portal=portal).exists()
    groups = Group.objects.filter(portal=portal).exists()
    courses = Course.objects.filter(portal=portal).exists()
    steps = [
        Step(_("Create the custom user data you want to know about people"), _add("customfield"), fields),
        Step(_("Create groups, by hand or filled by a rule"), _add("group"), groups),
        Step(_("Create courses and put them on groups"), _add("course"), courses),
    ]
    if links:
        is_connected = any(link.state != Connection.State.DISCONNECTED for link in links)
        text = _("Connect %(system)s, so that people come by themselves") % {"system": links[0].label}
        steps.insert(0, Step(text, reverse("integrations:catalog"), is_connected))
    steps = [] if all(step.is_done for step in steps) else steps
    weeks = upcoming.weeks(portal, now)
    return Overview(
        _people(portal, now),
        _questions(portal, links, now),
        steps,
        links,
        weeks,
        upcoming.chart(weeks),
        upcoming.progress(portal),
    )


def of_platform(now: datetime) -> Overview:
    """Return how the installation is."""
    states = Counter(Connection.objects.order_by().values("state").annotate(rows=Count("pk")), "state")
    runs = SyncRun.objects.filter(created_at__gte=now - timedelta(days=1)).order_by()
    outcomes = Counter(runs.values("state").annotate(rows=Count("pk")), "state")
    connections = reverse("admin:integrations_connection_changelist")
    run_list = reverse("admin:integrations_syncrun_changelist")
    figures = [
        Figure(_("Realms"), Realm.objects.count(), reverse("admin:portals_realm_changelist")),
        Figure(_("Portals"), Portal.objects.count(), reverse("admin:portals_portal_changelist")),
        Figure(_("Working connections"), states["active"], f"{connections}?state__exact=active"),
        Figure(_("Syncs in 24 hours"), outcomes.total, run_list),
    ]
    questions = [
        Question(text % {"count": count}, url)
        for count, text, url in (
            (
                states["needs_reconnecting"],
                ngettext(
                    "%(count)d connection needs reconnecting",
                    "%(count)d connections need reconnecting",
                    states["needs_reconnecting"],
                ),
                f"{connections}?state__exact=needs_reconnecting",
            ),
            (
                states["quarantined"],
                ngettext("%(count)d connection is paused", "%(count)d connections are paused", states["quarantined"]),
                f"{connections}?state__exact=quarantined",
            ),
            (
                outcomes["failed"],
                ngettext(
                    "%(count)d sync failed in 24 hours", "%(count)d syncs failed in 24 hours", outcomes["failed"]
                ),
                f"{run_list}?state__exact=failed",
            ),
        )
        if count
    ]
    questions = [*_wrong_here(now), *questions]
    portals, add = Portal.objects.exists, reverse("admin:portals_portal_add")
    steps = [] if portals() else [Step(_("Create the first portal"), add, is_done=False)]
    days = recent.days(now)
    return Overview(figures, questions, steps, [], days=days, days_chart=recent.chart(days))


def _wrong_here(now: datetime) -> list[Question]:
    """Return what is wrong with the installation itself; connections have figures of their own."""
    checks = health.judge(health.collect(now))
    page = reverse("health_page")
    return [
        Question(f"{check.label}: {check.words}", page)
        for check in checks
        if not check.is_ok and check.key != "connections"
    ]


class Counter:
    """Rows counted by one of their columns."""

    def __init__(self, rows: QuerySet[Any, Any], column: str) -> None:
        self.rows: dict[str, int] = {row[column]: row["rows"] for row in rows}

    def __getitem__(self, value: str) -> int:
        return self.rows.get(value, 0)

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def _people(portal: Portal, now: datetime) -> list[Figure]:
    # The list of pending users leaves out whose invitation was cancelled or declined.
    listed = Membership.objects.filter(portal=portal).exclude(status="pending", invitation_withdrawn_at__isnull=False)
    rows = listed.order_by().values("status").annotate(rows=Count("pk"))
    counts = Counter(rows, "status")
    users, pending = reverse("admin:users_membership_changelist"), reverse("admin:users_pendinguser_changelist")
    figures = [
        Figure(_("Active users"), counts["active"], f"{users}?status__exact=active"),
        Figure(_("Pending users"), counts["pending"], pending),
        Figure(_("Access ended"), counts["ended"], f"{users}?status__exact=ended"),
    ]
    if portal.seats is not None:
        settings = reverse("admin:portals_portal_change", args=[portal.pk])
        figures.append(Figure(_("Seats taken"), seats.taken(portal, now=now), settings, most=portal.seats))
    return figures


def _questions(portal: Portal, links: list[Link], now: datetime) -> list[Question]:
    pending = reverse("admin:users_pendinguser_changelist")
    mails = Invitation.objects.filter(membership__portal=portal, membership__status=Membership.Status.PENDING)
    counts = mails.aggregate(
        expired=Count("pk", Q(state=Invitation.State.SENT, expires_at__lte=now)),
        failed=Count("pk", Q(state=Invitation.State.FAILED)),
        held=Count("pk", Q(state=Invitation.State.HELD)),
    )
    expired, failed, held = counts["expired"], counts["failed"], counts["held"]
    broken = DynamicRule.objects.filter(group__portal=portal, state=DynamicRule.State.BROKEN).count()
    found = [
        (expired, ngettext("%d invitation expired", "%d invitations expired", expired), f"{pending}?state=expired"),
        (
            failed,
            ngettext("%d invitation could not be sent", "%d invitations could not be sent", failed),
            f"{pending}?state=failed",
        ),
        (
            held,
            ngettext("%d invitation waits for its release", "%d invitations wait for their release", held),
            f"{pending}?state=held",
        ),
        (
            broken,
            ngettext("%d rule of a group is broken", "%d rules of groups are broken", broken),
            reverse("admin:portals_group_changelist") + "?rule=broken",
        ),
    ]
    questions = [Question(text % number, url) for number, text, url in found if number]
    return [*_troubles(links), *_shortage(portal, now), *_open_problems(portal, now), *questions]


def _shortage(portal: Portal, now: datetime) -> list[Question]:
    """Say when nobody else can come in."""
    if seats.has_free(portal, now=now):
        return []
    text = _("All %d seats are taken: nobody can be added, and invitations cannot be accepted") % portal.seats
    return [Question(text, reverse("admin:users_membership_changelist"))]


def _open_problems(portal: Portal, now: datetime) -> list[Question]:
    connections = Connection.objects.filter(portal=portal, provider__in=portal.enabled_integrations)
    found = []
    for connection in connections.exclude(state=Connection.State.DISCONNECTED).order_by("provider"):
        if count := len(problems.open_problems(connection, now)):
            text = ngettext(
                "%(system)s: %(count)d kind of open problem", "%(system)s: %(count)d kinds of open problems", count
            )
            names = {"system": connection.get_provider_display(), "count": count}
            found.append(Question(text % names, reverse("integrations:problems", args=[connection.provider])))
    return found


def _troubles(links: list[Link]) -> list[Question]:
    working = {Connection.State.ACTIVE, Connection.State.DISCONNECTED}
    return [
        Question(
            _("%(system)s: %(reason)s") % {"system": link.label, "reason": link.reason or link.state_label}, link.url
        )
        for link in links
        if link.state not in working
    ]


def _links(portal: Portal) -> list[Link]:
    last_run = SyncRun.objects.filter(connection=OuterRef("pk")).order_by("-created_at")
    rows = Connection.objects.filter(portal=portal).annotate(
        run_state=Subquery(last_run.values("state")[:1]),
        run_lease=Subquery(last_run.values("lease_expires_at")[:1]),
    )
    connections = {row.provider: row for row in rows.order_by(F("provider").asc())}
    return [
        _link(provider, connections.get(provider.key))
        for provider in providers.all_providers()
        if provider.key in portal.enabled_integrations
    ]


def _link(provider: providers.Provider, connection: Any) -> Link:
    url = reverse("integrations:connection", args=[provider.key])
    if connection is None:
        state = Connection.State.DISCONNECTED
        return Link(provider.label, url, state, state.label)
    return Link(
        provider.label,
        url,
        connection.state,
        connection.get_state_display(),
        connection.state_reason,
        connection.last_complete_sync_at,
        connection.next_due_at,
        SyncRun(state=connection.run_state, lease_expires_at=connection.run_lease).state_label
        if connection.run_state
        else "",
    )


def _add(model: str) -> str:
    return reverse(f"admin:portals_{model}_changelist")
