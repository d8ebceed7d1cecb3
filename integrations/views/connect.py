"""Before the consent: what an admin has to know and to choose, and the way to the provider's page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import ngettext

from integrations import connecting, links
from integrations.consent_problems import ConsentProblem
from integrations.views.base import ProviderPage
from portals.hosts import PortalRequest


class ConnectView(ProviderPage):
    """Starts the consent; the provider's page follows."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Go to the provider's consent page, or first to the address where the consent begins."""
        if elsewhere := begins_at(self):
            return HttpResponseRedirect(elsewhere)
        try:
            address = connecting.start(
                portal=self.portal,
                provider=self.provider.key,
                record_type=request.POST.get("record_type", ""),
                user=self.user,
                now=timezone.now(),
            )
        except ConsentProblem as problem:
            messages.error(request, " ".join(problem.explain(self.provider.label).values()))
            return redirect(self.url("connection"))
        return HttpResponseRedirect(address)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the kinds of records to choose from, with the links that end when it is chosen."""

    key: str
    label: str | Promise
    help: str | Promise
    is_chosen: bool
    warning: str


@dataclass(frozen=True, slots=True)
class ConsentCard:
    """What the page says before the consent; `begins_at` is the portal's other address if it begins there."""

    purpose: str
    needs: list[str]
    receives: list[str]
    kinds: list[Kind]
    begins_at: str


def consent_card(page: ProviderPage) -> ConsentCard:
    """Return what an admin has to know, and to choose, before connecting."""
    words = page.provider.words
    before = page.known_connection.record_type if page.known_connection else ""
    return ConsentCard(
        purpose=page.said(words.purpose)[0],
        needs=page.said(*words.needs),
        receives=page.said(*words.receives),
        kinds=[
            Kind(kind.key, kind.label, kind.help, kind.key == before, _warning(page, kind.key))
            for kind in page.provider.record_types
        ],
        begins_at=begins_at(page),
    )


def begins_at(page: ProviderPage) -> str:
    """Return where the consent begins, if not at the address at which the page is open."""
    if not page.provider.starts_at_platform_address:
        return ""
    address = connecting.address(page.portal, page.provider.key, page.url("connection"))
    return "" if urlsplit(address).netloc == page.request.get_host() else address


def _warning(page: ProviderPage, kind: str) -> str:
    number = links.to_drop(portal=page.portal, provider=page.provider.key, record_type=kind)
    return links_end(number) if number else ""


def links_end(number: int) -> str:
    """Return the sentence on people who are linked to another kind of records than the one to connect with."""
    return ngettext(
        "%(count)s person is linked to the other kind of records. That link and your field mappings are removed; "
        "the account, its groups and courses stay.",
        "%(count)s people are linked to the other kind of records. These links and your field mappings are removed; "
        "the accounts, their groups and courses stay.",
        number,
    ) % {"count": number}
