"""The end of a connection, after a question with numbers."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import connecting
from integrations.models import Connection, ExternalIdentity
from integrations.views.base import Confirmation, ProviderPage
from portals.hosts import PortalRequest


class DisconnectPage(Confirmation):
    """Asks, and takes the consent back."""

    title = gettext_lazy("Disconnect")

    def question(self) -> dict[str, Any]:
        """Return what a disconnect does, with numbers."""
        return disconnect_question(self, self.connection)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Disconnect; the settings and the links are kept."""
        was_told = connecting.disconnect(connection=self.connection, user=self.user, request=request)
        names = {"system": self.provider.label}
        messages.success(request, _("%(system)s is disconnected. Your settings are kept.") % names)
        if not was_told:
            messages.warning(
                request,
                _("%(system)s could not be told. Remove Rollcall from the list of connected apps there, too.") % names,
            )
        return redirect(self.url("connection"))


def disconnect_question(page: ProviderPage, connection: Connection) -> dict[str, Any]:
    """Return the question before a disconnect, with numbers."""
    system, account = page.provider.label, connection.external_account_name
    words = page.provider.words
    sharing = other_portals(connection)
    stays = ngettext(
        "The daily sync stops. %(count)s other portal goes on using %(account)s.",
        "The daily sync stops. %(count)s other portals go on using %(account)s.",
        sharing,
    ) % {"count": sharing, "account": account}
    linked = connection.identities.filter(state=ExternalIdentity.State.LINKED).count()
    mappings = connection.mappings.count()
    return {
        "title": _("Disconnect %(system)s?") % {"system": system},
        "consequences": [
            *([stays] if sharing else page.said(words.leaving, account=account)),
            ngettext(
                "%(count)s linked learner keeps account, groups, courses and progress. Nobody loses access now.",
                "%(count)s linked learners keep account, groups, courses and progress. Nobody loses access now.",
                linked,
            )
            % {"count": linked},
            *page.said(*words.disconnecting, account=account),
            ngettext(
                "%(count)s field mapping and the other settings are kept for when you connect again.",
                "%(count)s field mappings and the other settings are kept for when you connect again.",
                mappings,
            )
            % {"count": mappings},
        ],
        "button": _("Disconnect"),
        "is_dangerous": True,
        "url": page.url("disconnect"),
        "back": page.url("connection"),
    }


def other_portals(connection: Connection) -> int:
    """Return how many other portals use the same account."""
    if connection.grant_id is None:
        return 0
    return Connection.objects.filter(grant=connection.grant_id).exclude(pk=connection.pk).count()
