"""The way back from a provider's consent page: the callback, "Connect <account>?", and what went wrong."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from integrations import connecting, links, providers
from integrations.consent_problems import ConsentProblem
from integrations.models import ConsentRequest
from integrations.views.base import ProviderPage
from integrations.views.connect import links_end
from portals.hosts import PortalRequest


class CallbackView(View):
    """Where providers send browsers: the platform host, the same address for every portal."""

    def get(self, request: PortalRequest, provider: str) -> HttpResponse:
        """Go on at the host of the portal that started the consent."""
        if request.portal is not None:
            raise Http404
        try:
            system = providers.get(provider)
        except KeyError:
            raise Http404 from None
        try:
            address = connecting.callback(provider=provider, query=request.GET.dict(), now=timezone.now())
        except ConsentProblem as problem:
            template = "integrations/callback_problem.html"
            return render(request, template, problem.explain(system.label), status=HTTPStatus.BAD_REQUEST)
        return redirect(address)


class FinishView(ProviderPage):
    """The end of a consent at the portal's own host."""

    title = gettext_lazy("Connect")

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Exchange the code once, then ask "Connect <account>?" under an address that can be reloaded."""
        if "state" in request.GET:
            return self.receive(request.GET.dict())
        waiting = self.waiting()
        if waiting is None:
            return redirect(self.url("connection"))
        return self.page("integrations/confirmation.html", {"question": self.question(waiting)})

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Connect the account that the page named; another tab may have asked about another one."""
        account = request.GET.get("account", "")
        waiting = self.waiting(account) if account else None
        if waiting is None:
            return redirect(self.url("connection"))
        try:
            connection = connecting.finish(request=waiting, now=timezone.now(), http_request=request)
        except ConsentProblem as problem:
            return self.problem(problem)
        messages.success(
            request,
            _("%(account)s is connected.") % {"account": connection.external_account_name or self.provider.label},
        )
        return redirect(self.url("connection"))

    def receive(self, query: dict[str, str]) -> HttpResponse:
        """Use up what the provider sent, and go on without it in the address."""
        try:
            connecting.receive(
                portal=self.portal, provider=self.provider.key, user=self.user, query=query, now=timezone.now()
            )
        except ConsentProblem as problem:
            return self.problem(problem)
        return redirect(self.url("finish"))

    def waiting(self, account: str = "") -> ConsentRequest | None:
        """Return the consent that waits for this admin's answer."""
        return connecting.waiting(
            portal=self.portal, provider=self.provider.key, user=self.user, now=timezone.now(), account=account
        )

    def question(self, waiting: ConsentRequest) -> dict[str, Any]:
        """Return what the admin is asked, and what will follow."""
        account = waiting.external_account_name
        dropped = links.to_drop(portal=self.portal, provider=self.provider.key, record_type=waiting.record_type)
        return {
            "title": _("Connect %(account)s?") % {"account": account},
            "consequences": [
                *_chosen_kind(self.provider, waiting.record_type),
                *self.said(*self.provider.words.connecting, account=account),
                *([links_end(dropped)] if dropped else []),
            ],
            "button": _("Finish"),
            "is_dangerous": dropped > 0,
            "url": f"{self.url('finish')}?{urlencode({'account': waiting.external_account_id})}",
            "back": self.url("connection"),
        }

    def problem(self, problem: ConsentProblem) -> HttpResponse:
        """Say why nothing was connected."""
        context = {**problem.explain(self.provider.label), "back_url": self.url("connection")}
        return self.page("integrations/consent_problem.html", context, status=HTTPStatus.BAD_REQUEST)


def _chosen_kind(provider: providers.Provider, record_type: str) -> list[str]:
    return [
        _("Learners come from: %(kind)s.") % {"kind": kind.label}
        for kind in provider.record_types
        if kind.key == record_type
    ]
