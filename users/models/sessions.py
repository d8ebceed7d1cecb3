"""Sign-ins: sessions that know whose they are, so that people can see and end them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Portal

from .accounts import User

if TYPE_CHECKING:
    from django.contrib.sessions.backends.db import SessionStore


class Session(AbstractBaseSession):
    """One browser's session; without an account it is that of a visitor who is not signed in."""

    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="sign_ins", verbose_name=_("account")
    )
    # Where the person signed in; None at the platform host.
    portal = models.ForeignKey(Portal, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("portal"))
    device = models.CharField(_("device"), max_length=60, blank=True)
    # Shortened: enough to recognize a place, not a person.
    address = models.CharField(_("network"), max_length=50, blank=True)
    signed_in_at = models.DateTimeField(_("signed in at"), null=True)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True)

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"{self.user_id} {self.signed_in_at}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        """Return the store that keeps these rows."""
        store: type[SessionStore] = import_module(settings.SESSION_ENGINE).SessionStore
        return store
