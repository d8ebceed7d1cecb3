"""The way back from a provider's consent page: the callback, "Connect <company>?", and what went wrong."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from integrations import connecting, providers
from integrations.connecting import ConsentProblem, Trouble
from integrations.models import ConsentRequest
from integrations.views.base import ProviderPage
from portals.hosts import PortalRequest


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the page says about a trouble; names stand for %(system)s, %(account)s and %(expected)s."""

    title: str | Promise
    sentence: str | Promise
    advice: str | Promise


START_AGAIN = gettext_lazy("Go back to the page of %(system)s and select Connect again.")
EXPLANATIONS = {
    Trouble.UNKNOWN: Explanation(
        gettext_lazy("This link belongs to no connection"),
        gettext_lazy("Nobody started a connection to %(system)s that this link could finish. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.EXPIRED: Explanation(
        gettext_lazy("Too much time has passed"),
        gettext_lazy("A connection has to be finished within ten minutes. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.USED: Explanation(
        gettext_lazy("This link was used before"),
        gettext_lazy("A link from %(system)s works once. Nothing was changed by opening it again."),
        gettext_lazy("The page of %(system)s shows whether the connection works. If not, connect again."),
    ),
    Trouble.OTHER_USER: Explanation(
        gettext_lazy("Somebody else started this connection"),
        gettext_lazy("Only the admin who selected Connect can finish it. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.DENIED: Explanation(
        gettext_lazy("%(system)s was not connected"),
        gettext_lazy("The consent was refused on the page of %(system)s. Nothing was changed."),
        gettext_lazy("To connect, start again and agree there. You need full admin access in %(system)s."),
    ),
    Trouble.CODE_REFUSED: Explanation(
        gettext_lazy("%(system)s did not confirm the consent"),
        gettext_lazy("%(system)s no longer knows this consent: it works once and for ten minutes."),
        START_AGAIN,
    ),
    Trouble.UNAVAILABLE: Explanation(
        gettext_lazy("%(system)s does not answer"),
        gettext_lazy("%(system)s could not be reached or is too busy. Nothing was changed."),
        gettext_lazy("Wait a few minutes, then connect again."),
    ),
    Trouble.REJECTED: Explanation(
        gettext_lazy("%(system)s refused the connection"),
        gettext_lazy("%(system)s does not accept the way in which Rollcall is set up. Nothing was changed."),
        gettext_lazy("Tell the operator of this installation; the log says what was refused."),
    ),
    Trouble.COMPANY_IN_USE: Explanation(
        gettext_lazy("%(account)s is connected to another portal"),
        gettext_lazy("Each portal needs a company of its own in %(system)s. Nothing was changed."),
        gettext_lazy("Connect another company, or disconnect this one from the other portal first."),
    ),
    Trouble.OTHER_COMPANY: Explanation(
        gettext_lazy("This is another company"),
        gettext_lazy(
            "This portal was connected to %(expected)s before; you chose %(account)s. The people of one company "
            "would be taken for those of the other, so nothing was changed."
        ),
        gettext_lazy("Connect %(expected)s again. Another company needs a portal of its own."),
    ),
    Trouble.TURNED_OFF: Explanation(
        gettext_lazy("%(system)s is not turned on"),
        gettext_lazy("This portal may not use %(system)s yet. Nothing was changed."),
        gettext_lazy("Ask the operator of this installation to turn it on."),
    ),
}


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
            return render(request, template, explain(problem, system), status=HTTPStatus.BAD_REQUEST)
        return redirect(address)


class FinishView(ProviderPage):
    """The end of a consent at the portal's own host."""

    title = gettext_lazy("Connect")

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Exchange the code once, then ask "Connect <company>?" under an address that can be reloaded."""
        who = {"portal": self.portal, "provider": self.provider.key, "user": request.user}
        if "state" in request.GET:
            try:
                connecting.receive(**who, query=request.GET.dict(), now=timezone.now())
            except ConsentProblem as problem:
                return self.problem(problem)
            return redirect(self.url("finish"))
        waiting = connecting.waiting(**who, now=timezone.now())
        if waiting is None:
            return redirect(self.url("connection"))
        return self.page("integrations/confirmation.html", {"question": self.question(waiting)})

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Connect."""
        now = timezone.now()
        waiting = connecting.waiting(portal=self.portal, provider=self.provider.key, user=request.user, now=now)
        if waiting is None:
            return redirect(self.url("connection"))
        try:
            connection = connecting.finish(request=waiting, now=now, http_request=request)
        except ConsentProblem as problem:
            return self.problem(problem)
        messages.success(
            request,
            _("%(account)s is connected.") % {"account": connection.external_account_name or self.provider.label},
        )
        return redirect(self.url("connection"))

    def question(self, waiting: ConsentRequest) -> dict[str, Any]:
        """Return what the admin is asked, and what will follow."""
        names = {"system": self.provider.label, "account": waiting.external_account_name, "portal": self.portal.name}
        return {
            "title": _("Connect %(account)s?") % names,
            "consequences": [
                _("%(portal)s reads the employees of %(account)s from %(system)s, daily and when you ask for it.")
                % names,
                _("%(system)s is only read; nothing is changed there.") % names,
                _("Nobody is added or invited before the first sync."),
            ],
            "button": _("Finish"),
            "url": self.url("finish"),
            "back": self.url("connection"),
        }

    def problem(self, problem: ConsentProblem) -> HttpResponse:
        """Say why nothing was connected."""
        context = {**explain(problem, self.provider), "back_url": self.url("connection")}
        return self.page("integrations/consent_problem.html", context, status=HTTPStatus.BAD_REQUEST)


def explain(problem: ConsentProblem, provider: providers.Provider) -> dict[str, str]:
    """Return title, sentence and advice for a page."""
    explanation = EXPLANATIONS[problem.trouble]
    names = {"account": "", "expected": "", **problem.names, "system": provider.label}
    return {
        "title": str(explanation.title) % names,
        "sentence": str(explanation.sentence) % names,
        "advice": str(explanation.advice) % names,
    }
