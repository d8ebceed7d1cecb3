"""Realms and portals: whose people are shared, and where they sign in."""

import zoneinfo
from datetime import date, datetime, time

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

HOST_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def check_time_zone(name: str) -> None:
    """Refuse a name that is not in the time zone database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(name)s” is not a known time zone."), params={"name": name})


class Realm(models.Model):
    """A top-level portal and its sub-portals; one e-mail address is one account within it."""

    name = models.CharField(_("name"), max_length=200, unique=True)

    class Meta:
        verbose_name = _("realm")
        verbose_name_plural = _("realms")

    def __str__(self) -> str:
        return self.name


class Portal(models.Model):
    """A training portal with its own address, people and settings."""

    class SignInMethod(models.TextChoices):
        PASSWORD = "password", _("Password")
        SAML = "saml", _("SAML single sign-on")
        SIGNED_LINK = "signed_link", _("Signed link (SQSSO)")

    realm = models.ForeignKey(Realm, on_delete=models.PROTECT, related_name="portals", verbose_name=_("realm"))
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="sub_portals", verbose_name=_("parent")
    )
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(
        _("address"),
        max_length=63,
        unique=True,
        validators=[RegexValidator(HOST_NAME + "$", _("Use lower-case letters, digits and hyphens."))],
        help_text=_("First part of the portal's address."),
    )
    custom_domain = models.CharField(
        _("custom domain"),
        max_length=253,
        blank=True,
        validators=[RegexValidator(HOST_NAME + r"(\.[a-z0-9-]{1,63})+$", _("Enter a host name in lower case."))],
    )
    custom_domain_verified_at = models.DateTimeField(_("custom domain verified at"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[check_time_zone])
    language = models.CharField(
        _("language"),
        max_length=12,
        default="en",
        choices=settings.LANGUAGES,
        help_text=_("The language of the mails with invitations and links."),
    )
    sign_in_method = models.CharField(
        _("sign-in method"), max_length=12, choices=SignInMethod, default=SignInMethod.PASSWORD
    )
    accent_color = models.CharField(
        _("accent colour"),
        max_length=7,
        default="#256188",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Enter a colour such as #256188."))],
    )
    # Digest of the logo, which is part of its address; empty without one.
    logo_digest = models.CharField(max_length=32, blank=True, editable=False)
    mail_sender = models.CharField(
        _("sender of mails"),
        max_length=80,
        blank=True,
        help_text=_("The name that people see in their inbox. Empty: the name of the portal."),
    )
    remind_days_before = models.PositiveSmallIntegerField(
        _("remind invited people before their link expires"),
        default=0,
        choices=[(0, _("Do not remind")), (1, _("One day before")), (2, _("Two days before"))],
    )
    remind_days_after = models.PositiveSmallIntegerField(
        _("send a new link after the first one expired"),
        default=0,
        choices=[(0, _("Do not remind")), (1, _("One day after")), (3, _("Three days after")), (7, _("A week after"))],
    )
    tells_of_new_people = models.BooleanField(
        _("tell the admins every morning who was added"),
        default=False,
        db_default=False,
        help_text=_("Of people added by hand, and those who came by single sign-on; not of files and syncs."),
    )
    # The day until which they were told.
    new_people_told_on = models.DateField(null=True, blank=True, editable=False)
    may_request_deletion = models.BooleanField(
        _("people may ask for their account to be deleted"),
        default=False,
        help_text=_("They ask on their profile page. For seven days they or an admin can take it back."),
    )
    deletion_contact = models.EmailField(
        _("who is told about such requests"), blank=True, help_text=_("Empty: every admin of the portal.")
    )
    enabled_integrations = ArrayField(
        models.CharField(max_length=20),
        verbose_name=_("turned-on integrations"),
        default=list,
        blank=True,
        help_text=_("Integrations that the admins of this portal may set up."),
    )
    may_add_people_known_elsewhere = models.BooleanField(
        _("allow adding people who are known elsewhere in the realm"),
        default=False,
        help_text=_("Off: such people can only be invited, and confirm by the link in the mail."),
    )
    admins_need_second_factor = models.BooleanField(
        _("admins must use a second factor"),
        default=False,
        help_text=_("On: the admin pages open only after a code from the admin's phone."),
    )
    custom_field_limit = models.PositiveSmallIntegerField(_("number of custom fields"), default=10)
    # How many were bought; null: as many as there are people.
    seats = models.PositiveIntegerField(
        _("number of seats"),
        null=True,
        blank=True,
        help_text=_("How many people may have access at the same time. Empty: any number."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("portal")
        verbose_name_plural = _("portals")
        constraints = [
            models.UniqueConstraint(
                Lower("custom_domain"),
                # Claiming a domain must not keep its owner from proving it.
                condition=models.Q(custom_domain_verified_at__isnull=False) & ~models.Q(custom_domain=""),
                name="portal_custom_domain_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone in which this portal's days begin and end."""
        return zoneinfo.ZoneInfo(self.time_zone)

    def today(self, now: datetime) -> date:
        """Return the calendar day of an instant at the portal."""
        return now.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """Return the instant at which a calendar day begins at the portal."""
        return datetime.combine(day, time.min, tzinfo=self.zone)

    @property
    def uses_passwords(self) -> bool:
        """Whether people sign in with a password, so that password mails make sense."""
        return self.sign_in_method == self.SignInMethod.PASSWORD

    @property
    def top_level(self) -> "Portal":
        """The portal above all others of this one's family: itself when it is no sub-portal."""
        portal = self
        while portal.parent is not None:
            portal = portal.parent
        return portal

    @property
    def host(self) -> str:
        """Host (and port) at which people reach the portal."""
        if self.custom_domain and self.custom_domain_verified_at:
            # Off the usual port, as in the demo, the custom domain is reached at the same one.
            _host, colon, port = settings.PLATFORM_DOMAIN.partition(":")
            return f"{self.custom_domain}{colon}{port}"
        return self.platform_host

    @property
    def platform_host(self) -> str:
        """Host (and port) of the portal below the platform's own domain."""
        return f"{self.slug}.{settings.PLATFORM_DOMAIN}"

    def url(self, path: str = "/") -> str:
        """Return the absolute address of a path of this portal."""
        return f"{settings.PLATFORM_SCHEME}://{self.host}{path}"

    @property
    def logo_path(self) -> str:
        """Path of the logo at the portal's host, an empty text without one."""
        return f"/logo/{self.logo_digest}.png" if self.logo_digest else ""

    @property
    def sender_name(self) -> str:
        """The name in front of the address of the portal's mails."""
        return self.mail_sender or self.name


class PortalLogo(models.Model):
    """A portal's logo as PNG, in a row of its own because every request reads the portal."""

    portal = models.OneToOneField(Portal, on_delete=models.CASCADE, related_name="logo", verbose_name=_("portal"))
    content = models.BinaryField()

    class Meta:
        verbose_name = _("logo")
        verbose_name_plural = _("logos")

    def __str__(self) -> str:
        return f"{self.portal_id}"
