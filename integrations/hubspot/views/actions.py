"""Where HubSpot's workflows call: the two actions, and the choices of their fields ("Custom workflow actions")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.hubspot import tasks, workflow_actions
from integrations.hubspot.action_requests import GROUP, PORTAL, execution_of, options_request_of, pk_of
from integrations.hubspot.models import WorkflowCall
from integrations.hubspot.provider import HubSpot
from integrations.hubspot.views.signed import SignedView
from integrations.models import Connection
from portals.models import Group
from portals.numbers import number_from

# Choices in one answer.
CHOICES = 100


class ActionView(SignedView):
    """User Invite Action and User Add Action: one record each, answered when it is done."""

    kind: WorkflowCall.Kind = WorkflowCall.Kind.INVITE

    def answer(self, body: bytes) -> dict[str, Any]:
        """Carry the action out, and let workers do what is left: read the record, send the mail."""
        fields = workflow_actions.carry_out(kind=self.kind, execution=execution_of(body), now=timezone.now())
        if fields["hs_execution_state"] == "SUCCESS":
            tasks.follow_actions_soon()
        # Read from a receipt they come in another order: a repeated answer is the first one, byte for byte.
        return {"outputFields": dict(sorted(fields.items()))}


class OptionsView(SignedView):
    """The choices of a field, searched and page by page."""

    # Shown where there is nothing to choose: an empty list looks like an error in HubSpot.
    nothing: str | Promise = ""

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the choices from the place on that HubSpot repeats to us."""
        wanted = options_request_of(body)
        start = number_from(wanted.after) or 0
        found = self.choices(wanted.account_id, wanted.inputs, wanted.query)
        rows = list(found[start : start + CHOICES + 1]) if found is not None else []
        options = [self.option(row) for row in rows[:CHOICES]]
        if not options and not start and not wanted.query:
            options = [{"label": str(self.nothing), "description": "", "value": ""}]
        after = {"after": str(start + CHOICES)} if len(rows) > CHOICES else {}
        return {"options": options, "searchable": True, **after}

    def choices(self, account_id: str, inputs: Mapping[str, str], query: str) -> QuerySet[Any] | None:
        """Return the rows to choose from, in order; None where there are none."""
        raise NotImplementedError

    def option(self, row: Any) -> dict[str, str]:
        """Return one choice."""
        raise NotImplementedError


class PortalOptions(OptionsView):
    """The portals that are connected with the HubSpot account which asks."""

    nothing = _("No portal is connected with this HubSpot account")

    def choices(self, account_id: str, inputs: Mapping[str, str], query: str) -> QuerySet[Any]:
        """Return the account's connections with their portals, by name."""
        portals = _connections(account_id).select_related("portal")
        if query:
            matching = ("name", "slug", "custom_domain")
            portals = portals.filter(_any_of(*(f"portal__{name}" for name in matching), query=query))
        return portals.order_by(Lower("portal__name"), "pk")

    def option(self, row: Connection) -> dict[str, str]:
        """Return a portal by its name, with the host at which people know it."""
        portal = row.portal
        return {"label": portal.name, "description": portal.host, "value": f"{PORTAL}{portal.pk}"}


class GroupOptions(OptionsView):
    """The groups of the portal that was chosen before."""

    nothing = _("The portal has no groups")

    def choices(self, account_id: str, inputs: Mapping[str, str], query: str) -> QuerySet[Any] | None:
        """Return the groups, by title; none unless the portal is one of the account's."""
        portal_id = pk_of(inputs.get("portal", ""), PORTAL)
        if portal_id is None:
            return None
        groups = Group.objects.filter(portal__in=_connections(account_id).filter(portal=portal_id).values("portal"))
        if query:
            groups = groups.filter(_any_of("title", "description", query=query))
        return groups.order_by(Lower("title"), "pk")

    def option(self, row: Group) -> dict[str, str]:
        """Return a group by its title."""
        return {"label": row.title, "description": row.description, "value": f"{GROUP}{row.pk}"}


def _connections(account_id: str) -> QuerySet[Connection, Connection]:
    connections = Connection.objects.filter(
        provider=HubSpot.key, external_account_id=account_id, portal__enabled_integrations__contains=[HubSpot.key]
    )
    return connections.exclude(state=Connection.State.DISCONNECTED)


def _any_of(*names: str, query: str) -> Q:
    found = Q()
    for name in names:
        found |= Q(**{f"{name}__icontains": query})
    return found
