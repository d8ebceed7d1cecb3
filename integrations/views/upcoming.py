"""Upcoming: who starts and who leaves in the next sixty days, week by week, and as a calendar to subscribe to."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from integrations import calendar_links, upcoming
from integrations.models import CalendarLink
from integrations.views.base import Link, SettingsPage, paged, text_from
from portals import icalendar
from portals.addresses import address_of
from portals.hosts import PortalRequest
from portals.icalendar import Event
from portals.scoping import administers
from users.throttles import Throttle

PEOPLE_PER_PAGE = 100
SPANS = {"14": 14, "30": 30}
KINDS = {upcoming.STARTS: gettext_lazy("Starts"), upcoming.LEAVES: gettext_lazy("Leaves")}
# Programs ask every quarter of an hour at most; whoever guesses gets no further than these tries.
READS = Throttle("calendar_reads", limit=60, period=timedelta(hours=1))
MISSES = Throttle("calendar_misses", limit=30, period=timedelta(minutes=15))


class UpcomingPage(SettingsPage):
    """The list, for every admin of the portal, and the visitor's own link to the calendar."""

    title = gettext_lazy("Upcoming starts and departures")

    def may_open(self) -> bool:
        """Whether the visitor is an admin, also a limited one."""
        return administers(self.request)

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        return [Link(_("Home"), reverse("admin:index"))]

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the list."""
        return self.show()

    def show(self, secret: str = "") -> HttpResponse:
        """Return the page, with the secret of a link that was just made."""
        kind, span = self.request.GET.get("kind", ""), self.request.GET.get("days", "")
        kind, searched = kind if kind in KINDS else "", text_from(self.request, "q")[:200]
        today = self.portal.today(timezone.now())
        rows = upcoming.moves(self.portal, today, days=SPANS.get(span, upcoming.DAYS), kind=kind, searched=searched)
        # Rows put together from several tables have no key.
        pages = paged(rows, self.request, per_page=PEOPLE_PER_PAGE, paginator=Paginator)
        link = CalendarLink.objects.filter(portal=self.portal, user=self.user).first()
        context = {
            **pages,
            "weeks": by_week(list(pages["page"].object_list), today),
            "kinds": list(KINDS.items()),
            "kind": kind,
            "spans": [(key, _("Next %(days)d days") % {"days": days}) for key, days in SPANS.items()],
            "span": span if span in SPANS else "",
            "searched": searched,
            "link": link,
            "address": self.portal.url(reverse("integrations_public:calendar", args=[secret])) if secret else "",
        }
        response = self.page("integrations/upcoming.html", context)
        response["Cache-Control"], response["Referrer-Policy"] = "no-store", "no-referrer"
        return response


class MakeCalendarLink(UpcomingPage):
    """Makes the visitor's link, or a new one in its place, and shows it this once."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Make it."""
        secret = calendar_links.make(portal=self.portal, user=self.user, now=timezone.now(), request=request)
        return self.show(secret)


class RevokeCalendarLink(UpcomingPage):
    """Takes the visitor's link back."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Revoke it."""
        if calendar_links.revoke(portal=self.portal, user=self.user, request=request):
            messages.success(request, _("The link does not work any more."))
        return redirect("integrations:upcoming")


class CalendarFeed(View):
    """The calendar behind a secret link, for programs: names and days, nothing else."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        """Answer with the calendar, or as if there were none."""
        portal, who = request.portal, address_of(request)  # type: ignore[attr-defined]
        if portal is None:
            raise Http404
        if MISSES.is_exhausted(who) or not READS.take(portal.pk, secret):
            return HttpResponse(status=429, headers={"Retry-After": "900"})
        if calendar_links.owner_of(portal=portal, secret=secret) is None:
            MISSES.count(who)
            raise Http404
        now = timezone.now()
        events = [event_of(row) for row in upcoming.moves(portal, portal.today(now))]
        name = _("%(portal)s: starts and departures") % {"portal": portal.name}
        return HttpResponse(
            icalendar.calendar(events, name=name, now=now),
            content_type="text/calendar; charset=utf-8",
            headers={
                "Cache-Control": "private, no-store",
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex",
            },
        )


def by_week(rows: list[dict[str, Any]], today: date) -> list[tuple[date, list[dict[str, Any]]]]:
    """Return the rows, which are in the order of their days, by the weeks from today on."""
    weeks = groupby(rows, key=lambda row: today + timedelta(days=(row["day"] - today).days // 7 * 7))
    return [(begins_on, [{**row, "label": KINDS[row["kind"]]} for row in found]) for begins_on, found in weeks]


def event_of(row: dict[str, Any]) -> Event:
    """Return a start or departure as an event of the calendar."""
    name = f"{row['first_name']} {row['last_name']}".strip() or _("Name unknown")
    words = _("%(name)s starts") if row["kind"] == upcoming.STARTS else _("%(name)s: last day")
    return Event(f"{row['kind']}-{row['key']}@rollcall", row["day"], words % {"name": name})
