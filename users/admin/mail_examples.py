"""What the portal's mails look like: pages of the admin, and a test mail to whoever looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from portals.models import Portal
from portals.scoping import administers, portal_of
from users import mail_examples, tasks
from users.admin.people import visitor
from users.throttles import Throttle

TEST_MAILS = Throttle("test-mails", limit=10, period=timedelta(hours=1))
# A mail as HTML, in a frame: its own styles and the portal's logo, nothing else.
MAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["*"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
}


class MailExamples(ModelAdmin):
    """Mixed into the list of pending users: examples of the portal's mails, for an invented and for a real person."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages."""
        wrap = self.admin_site.admin_view
        framed: Any = self.mail_as_html
        html = xframe_options_sameorigin(csp(MAIL_POLICY)(framed))
        own: list[URLPattern] = [
            path("mails/<int:portal_id>/", wrap(self.mails), name="users_pendinguser_mails"),
            path("mails/<int:portal_id>/<str:name>/", wrap(html), name="users_pendinguser_mail_html"),
            path("mails/<int:portal_id>/<str:name>/test/", wrap(self.test_mail), name="users_pendinguser_mail_test"),
        ]
        return [*own, *super().get_urls()]

    def mails(self, request: HttpRequest, portal_id: int) -> HttpResponse:
        """Show one of the mails of a portal, of which `?mail=` names the kind and `?person=` the addressee."""
        portal = self._portal(request, portal_id)
        name = request.GET.get("mail", "invite")
        mail = self._example(request, portal, name)
        page = reverse("admin:users_pendinguser_mails", args=[portal.pk])
        person = f"&person={request.GET['person']}" if "person" in request.GET else ""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Mails"),
            "mail": mail,
            "tabs": [
                (f"{page}?mail={key}{person}", label, key == name) for key, label in _names(bool(person)).items()
            ],
            "frame": reverse("admin:users_pendinguser_mail_html", args=[portal.pk, name]) + f"?{person[1:]}",
            "test": "" if person else reverse("admin:users_pendinguser_mail_test", args=[portal.pk, name]),
            "settings": reverse("admin:portals_portal_change", args=[portal.pk]),
            "address": visitor(request).email,
        }
        return TemplateResponse(request, "admin/users/mail_examples.html", context)

    def mail_as_html(self, request: HttpRequest, portal_id: int, name: str) -> HttpResponse:
        """Return the HTML of a mail, for the frame."""
        mail = self._example(request, self._portal(request, portal_id), name)
        html: Any = mail.alternatives[0]
        return HttpResponse(html.content)

    def test_mail(self, request: HttpRequest, portal_id: int, name: str) -> HttpResponse:
        """Mail an example to the visitor."""
        return require_POST(self._send_test_mail)(request, self._portal(request, portal_id), name)

    def link_to_mail(self, person: Any) -> SafeString:
        """Return a link to what this person's mail looks like."""
        page = reverse("admin:users_pendinguser_mails", args=[person.portal_id])
        template = '<a href="{}?person={}" class="text-link underline">{}</a>'
        return format_html(template, page, person.pk, _("Show the mail"))

    def _send_test_mail(self, request: HttpRequest, portal: Portal, name: str) -> HttpResponse:
        if name not in mail_examples.NAMES:
            raise Http404
        user = visitor(request)
        if TEST_MAILS.take(user.pk):
            transaction.on_commit(lambda: tasks.send_test_mail.delay(portal_id=portal.pk, user_id=user.pk, name=name))
            messages.success(request, _("A test mail to %(email)s is on its way.") % {"email": user.email})
        else:
            messages.warning(request, _("That were many test mails. Try again in an hour."))
        return redirect(reverse("admin:users_pendinguser_mails", args=[portal.pk]) + f"?mail={name}")

    def _portal(self, request: HttpRequest, portal_id: int) -> Portal:
        if not administers(request):
            raise PermissionDenied
        here = portal_of(request)
        portal = Portal.objects.filter(pk=portal_id).first()
        if portal is None or (here and here.pk != portal.pk):
            raise Http404
        return portal

    def _example(self, request: HttpRequest, portal: Portal, name: str) -> EmailMultiAlternatives:
        now = timezone.now()
        if "person" not in request.GET:
            if name not in mail_examples.NAMES:
                raise Http404
            return mail_examples.of_invented_person(portal=portal, name=name, now=now)
        person: Any = self.get_object_or_404(request, request.GET["person"])
        if person.portal_id != portal.pk or name not in _names(True):
            raise Http404
        return mail_examples.of_person(membership=person, name=name, now=now)


def _names(is_pending: bool) -> dict[str, Any]:
    """Return the mails that there are; pending people get fewer."""
    wanted = ("invite", "reminder") if is_pending else tuple(mail_examples.NAMES)
    return {name: mail_examples.NAMES[name] for name in wanted}
