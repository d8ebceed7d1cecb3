"""What was deleted because HubSpot asked for it: receipts that name nobody."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.hubspot import privacy
from integrations.hubspot.models import PrivacyReceipt
from integrations.views.base import ConnectedPage, paged
from portals.hosts import PortalRequest

RECEIPTS_PER_PAGE = 50


class PrivacyPage(ConnectedPage):
    """Settings > Integrations > HubSpot > Privacy."""

    title = gettext_lazy("Deletions that HubSpot asked for")
    tab = "hubspot:privacy"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """List the receipts, newest first."""
        receipts = self.connection.privacy_receipts.order_by("-asked_at", "-pk")
        pages = paged(receipts, request, per_page=RECEIPTS_PER_PAGE)
        return self._show(pages["page"].object_list, **pages)

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Look up the receipts of a record, whose id is not to stand in an address."""
        searched = request.POST.get("record", "").replace("\0", "").strip()
        return self._show(privacy.receipts_of(self.connection, searched), is_search=True)

    def _show(self, receipts: Any, **context: Any) -> HttpResponse:
        rows = [(one, removed(one)) for one in receipts]
        return self.page("hubspot/privacy.html", {"rows": rows, **context})


def removed(receipt: PrivacyReceipt) -> list[str]:
    """Return what was removed, as short phrases with numbers."""
    found = receipt.removed
    texts = {
        "links": _("the link to the record"),
        "earlier": _("its earlier ids"),
        "left_out": _("what was read of it"),
        "records": ngettext(
            "%(count)d record of course progress in HubSpot",
            "%(count)d records of course progress in HubSpot",
            found.get("records", 0),
        ),
        "calls": ngettext(
            "what %(count)d workflow call had said",
            "what %(count)d workflow calls had said",
            found.get("calls", 0),
        ),
        "lines": ngettext(
            "%(count)d line in the history of syncs",
            "%(count)d lines in the history of syncs",
            found.get("lines", 0),
        ),
    }
    return [text % {"count": found[key]} for key, text in texts.items() if found.get(key)]
