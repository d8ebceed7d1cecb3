"""What single sign-on remembers: who comes from which identity provider, used tokens, and the last attempts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Portal

from .memberships import Membership


class SignOnIdentity(models.Model):
    """A person as the portal's identity provider names them; the name, not the address, knows them again."""

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, db_index=False, related_name="+", verbose_name=_("portal")
    )
    issuer = models.CharField(_("identity provider"), max_length=300)
    name_id = models.CharField(_("name id"), max_length=256)
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="sign_on_identities", verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("sign-on identity")
        verbose_name_plural = _("sign-on identities")
        constraints = [
            models.UniqueConstraint(fields=["portal", "issuer", "name_id"], name="sign_on_identity_once"),
            models.UniqueConstraint(fields=["membership", "issuer"], name="sign_on_identity_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.issuer}"


class SpentToken(models.Model):
    """An assertion or a signed link that was used, kept as a digest until it would have expired."""

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, db_index=False, related_name="+", verbose_name=_("portal")
    )
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("spent token")
        verbose_name_plural = _("spent tokens")
        constraints = [models.UniqueConstraint(fields=["portal", "digest"], name="token_spent_once")]
        indexes = [models.Index(fields=["portal", "expires_at"], name="spent_token_expiry")]

    def __str__(self) -> str:
        return str(self.pk)


class SignInAttempt(models.Model):
    """One try to come in by single sign-on, and why it was refused if it was; never what it carried."""

    class Method(models.TextChoices):
        SAML = "saml", _("SAML")
        SIGNED_LINK = "signed_link", _("Signed link")

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, db_index=False, related_name="+", verbose_name=_("portal")
    )
    at = models.DateTimeField(_("at"))
    method = models.CharField(_("method"), max_length=11, choices=Method)
    # A code of users.sso.REASONS; empty when the person came in.
    reason = models.CharField(_("refused because"), max_length=40, blank=True)
    membership = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("user")
    )
    address = models.GenericIPAddressField(_("network address"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-in attempt")
        verbose_name_plural = _("sign-in attempts")
        indexes = [models.Index(fields=["portal", "-at"], name="sign_in_attempt_portal_at")]

    def __str__(self) -> str:
        return f"{self.method} {self.pk}"
