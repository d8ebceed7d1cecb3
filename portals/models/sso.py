"""Single sign-on of a portal: its identity provider (SAML), or the site that signs links (SQSSO)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .custom_fields import CustomField
from .realms import Portal

if TYPE_CHECKING:
    from datetime import datetime

WEB_ADDRESS = RegexValidator(r"^https?://[^\s/]+(/\S*)?$", _("Enter an address that begins with https://."))
# No second slash or backslash: browsers take those for another host.
PORTAL_PATH = RegexValidator(r"^/(?![/\\])[^\s\\]*$", _("Enter a path of this portal, such as /."))
PARAMETER = RegexValidator(r"^[A-Za-z0-9_.-]+$", _("Use letters, digits, dots, hyphens and underscores."))


class SamlSettings(models.Model):
    """What a portal knows of the identity provider that its learners sign in at."""

    class NameIdFormat(models.TextChoices):
        EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", _("E-mail address")
        PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", _("Persistent")
        UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", _("Unspecified")

    portal = models.OneToOneField(
        Portal, on_delete=models.CASCADE, related_name="saml_settings", verbose_name=_("portal")
    )
    entity_id = models.CharField(_("entity id of the identity provider"), max_length=300, blank=True)
    sign_in_url = models.CharField(
        _("sign-in URL"),
        max_length=500,
        blank=True,
        validators=[WEB_ADDRESS],
        help_text=_("Learners are sent there to sign in (HTTP-Redirect)."),
    )
    sign_out_url = models.CharField(
        _("sign-out URL"),
        max_length=500,
        blank=True,
        validators=[WEB_ADDRESS],
        help_text=_("Learners are sent there after they sign out of the portal. Empty: they stay here."),
    )
    name_id_format = models.CharField(
        _("name id format"),
        max_length=80,
        choices=NameIdFormat,
        default=NameIdFormat.EMAIL,
        help_text=_("The name id is how we know a person again. It must not change from one sign-in to the next."),
    )
    email_attribute = models.CharField(
        _("e-mail attribute"), max_length=200, blank=True, help_text=_("Empty: the name id is the address.")
    )
    first_name_attribute = models.CharField(_("first name attribute"), max_length=200, blank=True)
    last_name_attribute = models.CharField(_("last name attribute"), max_length=200, blank=True)
    groups_attribute = models.CharField(
        _("groups attribute"),
        max_length=200,
        blank=True,
        help_text=_("Its values are titles of groups. Only groups with the switch “single sign-on” follow it."),
    )
    creates_people = models.BooleanField(
        _("create people at their first sign-in"),
        default=False,
        help_text=_("Off: only people who are in the portal already, or invited, come in."),
    )
    accepts_unasked = models.BooleanField(
        _("accept sign-ins that start at the identity provider"),
        default=False,
        help_text=_("Needed for the tile on your identity provider's start page. Safer when it is off."),
    )

    class Meta:
        verbose_name = _("SAML settings")
        verbose_name_plural = _("SAML settings")

    def __str__(self) -> str:
        return "SAML"

    @property
    def is_complete(self) -> bool:
        """Whether learners can sign in with what is known."""
        return bool(self.entity_id and self.sign_in_url and self.certificates.exists())


class SamlCertificate(models.Model):
    """A certificate by which the identity provider signs; several are valid while it changes them."""

    settings = models.ForeignKey(
        SamlSettings, on_delete=models.CASCADE, related_name="certificates", verbose_name=_("SAML settings")
    )
    pem = models.TextField(_("certificate (PEM)"))
    fingerprint = models.CharField(_("SHA-256 fingerprint"), max_length=64, editable=False)
    expires_at = models.DateTimeField(_("expires at"), editable=False)

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        constraints = [models.UniqueConstraint(fields=["settings", "fingerprint"], name="saml_certificate_once")]

    def __str__(self) -> str:
        return self.fingerprint[:16]


class SamlMapping(models.Model):
    """An attribute of the identity provider that fills a custom field."""

    settings = models.ForeignKey(
        SamlSettings, on_delete=models.CASCADE, related_name="mappings", verbose_name=_("SAML settings")
    )
    attribute = models.CharField(_("attribute"), max_length=200)
    custom_field = models.ForeignKey(
        CustomField, on_delete=models.PROTECT, related_name="saml_mappings", verbose_name=_("custom field")
    )

    class Meta:
        verbose_name = _("attribute mapping")
        verbose_name_plural = _("attribute mappings")
        constraints = [models.UniqueConstraint(fields=["settings", "custom_field"], name="saml_mapping_once")]

    def __str__(self) -> str:
        return self.attribute


class SignedLinkSettings(models.Model):
    """How a site of the customer signs the links by which learners come in."""

    class Signature(models.TextChoices):
        HMAC = "hmac", _("HMAC-SHA256 over all fields (recommended)")
        SHA256 = "sha256", _("SHA-256 of a pattern (older sites)")
        MD5 = "md5", _("MD5 of a pattern (oldest sites, weak)")

    portal = models.OneToOneField(
        Portal, on_delete=models.CASCADE, related_name="signed_link_settings", verbose_name=_("portal")
    )
    # Sealed by portals.sealing; read and written by users.signed_links only.
    secret = models.TextField(blank=True, editable=False)
    previous_secret = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(_("previous secret works until"), null=True, blank=True, editable=False)
    signature = models.CharField(_("signature"), max_length=6, choices=Signature, default=Signature.HMAC)
    accepts_weak = models.BooleanField(
        _("I accept that these links can be altered or forged more easily"),
        default=False,
        help_text=_("Needed for SHA-256 and MD5 patterns: only what is in the pattern is protected."),
    )
    pattern = models.CharField(
        _("pattern of older sites"),
        max_length=300,
        default="USER={email}&TS={time}&KEY={secret}",
        help_text=_("May hold {email}, {time}, {secret}, {first_name}, {last_name}, {redirect} and {parameter:Name}."),
    )
    email_parameter = models.CharField(_("e-mail parameter"), max_length=60, default="Email", validators=[PARAMETER])
    time_parameter = models.CharField(_("time parameter"), max_length=60, default="TS", validators=[PARAMETER])
    token_parameter = models.CharField(_("token parameter"), max_length=60, default="SSOToken", validators=[PARAMETER])
    first_name_parameter = models.CharField(
        _("first name parameter"), max_length=60, default="FirstName", validators=[PARAMETER]
    )
    last_name_parameter = models.CharField(
        _("last name parameter"), max_length=60, default="LastName", validators=[PARAMETER]
    )
    redirect_parameter = models.CharField(
        _("redirect parameter"), max_length=60, default="redirect_uri", validators=[PARAMETER]
    )
    max_age_minutes = models.PositiveSmallIntegerField(
        _("minutes that a link works"), default=5, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    sign_in_url = models.CharField(
        _("sign-in URL"),
        max_length=500,
        blank=True,
        validators=[WEB_ADDRESS],
        help_text=_("The page of your site that makes the links: learners who are not signed in are sent there."),
    )
    landing_path = models.CharField(
        _("landing page"),
        max_length=200,
        default="/",
        validators=[PORTAL_PATH],
        help_text=_("Where a link leads that does not say."),
    )
    unauthorized_url = models.CharField(
        _("unauthorised URL"),
        max_length=500,
        blank=True,
        validators=[WEB_ADDRESS],
        help_text=_("Where people go whose link is refused. Empty: a page of the portal."),
    )
    sign_out_url = models.CharField(
        _("sign-out URL"),
        max_length=500,
        blank=True,
        validators=[WEB_ADDRESS],
        help_text=_("Learners are sent there after they sign out of the portal. Empty: they stay here."),
    )
    creates_people = models.BooleanField(
        _("create people at their first sign-in"),
        default=False,
        help_text=_("Off: only people who are in the portal already, or invited, come in."),
    )

    class Meta:
        verbose_name = _("signed link settings")
        verbose_name_plural = _("signed link settings")

    def __str__(self) -> str:
        return "SQSSO"

    @property
    def is_complete(self) -> bool:
        """Whether learners can come in by a link."""
        return bool(self.secret)

    def previous_works(self, now: datetime) -> bool:
        """Whether the secret before the present one is still accepted."""
        return bool(self.previous_secret and self.previous_until and now < self.previous_until)


class SignedLinkMapping(models.Model):
    """A parameter of the link that fills a custom field."""

    settings = models.ForeignKey(
        SignedLinkSettings, on_delete=models.CASCADE, related_name="mappings", verbose_name=_("signed link settings")
    )
    parameter = models.CharField(_("parameter"), max_length=60, validators=[PARAMETER])
    custom_field = models.ForeignKey(
        CustomField, on_delete=models.PROTECT, related_name="signed_link_mappings", verbose_name=_("custom field")
    )

    class Meta:
        verbose_name = _("parameter mapping")
        verbose_name_plural = _("parameter mappings")
        constraints = [models.UniqueConstraint(fields=["settings", "custom_field"], name="signed_link_mapping_once")]

    def __str__(self) -> str:
        return self.parameter
