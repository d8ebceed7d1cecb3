"""Why: where a person's values, groups, courses, mails and access come from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from integrations import providers
from integrations.models import Connection
from integrations.views.base import Link, SettingsPage
from integrations.views.origins import Groups, courses_of
from integrations.views.synced_values import sources_of
from integrations.views.trail import Trail
from portals.hosts import PortalRequest
from portals.scoping import is_full_admin, standing
from users.admin.memberships import ENDED_BY
from users.models import Invitation, Membership


class WhyPage(SettingsPage):
    """One person; managers see their people, and only full admins what the connected system told."""

    def may_open(self) -> bool:
        """Whether the visitor looks after people."""
        return bool(self.people_admin.may_see(self.request))

    @property
    def people_admin(self) -> Any:
        """The list of users, whose walls are those of this page."""
        return admin.site.get_model_admin(Membership)

    @cached_property
    def person(self) -> Membership:
        """The person that the address names, if the visitor may see them. Raises Http404."""
        rows = Membership.objects.filter(portal=self.portal, pk=self.kwargs["membership_id"])
        people = self.people_admin.managed(self.request, rows)
        found: Membership | None = people.select_related("user", "portal", "ended_by_account").first()
        if found is None:
            raise Http404
        return found

    @property
    def title(self) -> str:  # type: ignore[override]
        return _("Why %(person)s has what they have") % {
            "person": self.person.user.full_name or self.person.user.email
        }

    def breadcrumbs(self) -> list[Link]:
        """Return the way to this page, from the top."""
        kind = "pendinguser" if self.person.status == Membership.Status.PENDING else "membership"
        label = _("Pending users") if kind == "pendinguser" else _("Users")
        return [
            Link(label, reverse(f"admin:users_{kind}_changelist")),
            Link(
                self.person.user.full_name or self.person.user.email,
                reverse(f"admin:users_{kind}_change", args=[self.person.pk]),
            ),
        ]

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show it."""
        sees_sources = is_full_admin(request)
        who = standing(request)
        visible = None if who.administers else who.group_ids
        trail = Trail(self.person, links_runs=sees_sources)
        groups = Groups(self.person, timezone.now(), trail, visible=visible)
        context = {
            "person": self.person,
            "sources": sources_of(self.person, trail) if sees_sources else [],
            "sees_sources": sees_sources,
            "facts": self.facts() if sees_sources else [],
            "joined": list(groups.joined()),
            "not_joined": list(groups.not_joined()),
            "courses": list(courses_of(self.person, trail, visible=visible)),
            "mails": self.mails(),
            "access": self.access(trail),
            "added": trail.writer_of_action("learner_added"),
        }
        return self.page("integrations/why.html", context)

    def facts(self) -> list[providers.Fact]:
        """Return what the systems of the portal have to say about the person."""
        connections = Connection.objects.filter(portal=self.portal, provider__in=self.portal.enabled_integrations)
        return providers.facts_of(self.person, connections.order_by("provider"))

    def mails(self) -> list[Invitation]:
        """Return the mails with a link that the person got or should get."""
        mails = Invitation.objects.filter(membership=self.person).select_related("sent_by")
        return list(mails.order_by("-pk"))

    def access(self, trail: Trail) -> dict[str, Any]:
        """Return whether the person has access, until when, who decided that and why."""
        person = self.person
        who: str | Promise = ENDED_BY.get(person.ended_by, person.ended_by)
        if account := person.ended_by_account:
            who = f"{account.full_name or account.email} ({who})"
        return {
            "status": person.get_status_display(),
            "last_day": person.last_day,
            "ended_at": person.ended_at,
            "decided_by": who,
            "reason": person.ended_reason,
            "writer": trail.writer_of_action("access_ended") or trail.writer_of_action("last_day_set"),
        }
