"""Grants (tokens of an external account), connections (a portal's use of one), consents under way."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portals.models import Portal, Realm
from users.models import User


class Provider(models.TextChoices):
    """The systems that a portal can be connected to."""

    GUSTO = "gusto", _("Gusto")
    HUBSPOT = "hubspot", _("HubSpot")


class Grant(models.Model):
    """An encrypted token pair of one external account: a Gusto company, a HubSpot account."""

    # Names this row inside the sealed tokens, also before it is saved.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=20, choices=Provider)
    realm = models.ForeignKey(Realm, on_delete=models.PROTECT, related_name="grants", verbose_name=_("realm"))
    external_account_id = models.CharField(_("external account"), max_length=64)
    external_account_name = models.CharField(_("name of the external account"), max_length=200, blank=True)
    # Sealed by portals.sealing; read and written by integrations.oauth only.
    access_token = models.TextField(editable=False)
    refresh_token = models.TextField(editable=False, blank=True)
    # The access token's end of life, counted from its receipt by the database's clock.
    expires_at = models.DateTimeField(_("access token expires at"))
    scopes = models.TextField(_("granted scopes"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    refreshed_at = models.DateTimeField(_("refreshed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_account_id"], name="grant_once_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_account_id}"


class Connection(models.Model):
    """One portal's use of a provider; its settings and links outlive a disconnect."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        NEEDS_RECONNECTING = "needs_reconnecting", _("Needs reconnecting")
        QUARANTINED = "quarantined", _("Paused after trouble")
        DISCONNECTED = "disconnected", _("Not connected")

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="connections", verbose_name=_("portal"))
    provider = models.CharField(_("provider"), max_length=20, choices=Provider)
    grant = models.ForeignKey(
        Grant, null=True, blank=True, on_delete=models.SET_NULL, related_name="connections", verbose_name=_("grant")
    )
    # A key of the provider's record_types, fixed while connected; empty where there is only one kind.
    record_type = models.CharField(_("record type"), max_length=10, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.DISCONNECTED)
    # A sentence for the admin: why the connection is not active.
    state_reason = models.CharField(_("reason"), max_length=300, blank=True)
    # Kept after a disconnect: reconnecting must lead to the same account.
    external_account_id = models.CharField(_("external account"), max_length=64, blank=True)
    external_account_name = models.CharField(_("name of the external account"), max_length=200, blank=True)
    connected_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("connected by")
    )
    connected_at = models.DateTimeField(_("connected at"), null=True, blank=True)
    # Set while disconnected; some providers' links are dropped a while after.
    disconnected_at = models.DateTimeField(_("disconnected at"), null=True, blank=True, editable=False)
    # Start of the last manual sync that counts for the hourly limit.
    last_manual_sync_at = models.DateTimeField(_("last manual sync"), null=True, blank=True)
    next_due_at = models.DateTimeField(_("next daily sync"), null=True, blank=True)
    last_complete_sync_at = models.DateTimeField(_("last complete sync"), null=True, blank=True)
    failures_in_a_row = models.PositiveSmallIntegerField(default=0, editable=False)
    # Since when and for which engine.care.Trouble the connection is only tried now and then.
    quarantined_at = models.DateTimeField(_("paused since"), null=True, blank=True, editable=False)
    quarantine = models.CharField(max_length=20, blank=True, editable=False)
    # The trouble that admins have heard of, until they heard that it is over.
    told_trouble = models.CharField(max_length=20, blank=True, editable=False)
    # Memberships of the admins who get the reports; empty: every full admin. Kinds of reports that nobody wants.
    report_to = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    unwanted_reports = ArrayField(models.CharField(max_length=20), default=list, blank=True, editable=False)

    # With a grant that may work.
    SYNCABLE = (State.ACTIVE, State.QUARANTINED)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = [
            models.UniqueConstraint(fields=["portal", "provider"], name="connection_once_per_portal"),
            # Each portal needs a Gusto company of its own.
            models.UniqueConstraint(
                fields=["external_account_id"],
                condition=Q(provider="gusto") & ~Q(state="disconnected"),
                name="connection_gusto_company_once",
            ),
        ]
        indexes = [
            # Whom an event of an account concerns.
            models.Index(fields=["provider", "external_account_id"], name="connection_account"),
            models.Index(
                fields=["next_due_at"], condition=Q(state__in=["active", "quarantined"]), name="connection_due_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} {self.pk}"

    @property
    def is_connected(self) -> bool:
        """Whether a grant is in place, working or not."""
        return self.state != self.State.DISCONNECTED

    @property
    def may_sync(self) -> bool:
        """Whether a sync may be tried: the consent is not known to be broken."""
        return self.state in self.SYNCABLE


class ConsentRequest(models.Model):
    """A consent under way: the one-time OAuth state, bound to login, portal and provider for ten minutes."""

    # SHA-256 of the state parameter, in hex.
    state_digest = models.CharField(max_length=64, unique=True)
    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=20, choices=Provider)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    record_type = models.CharField(max_length=10, blank=True)
    code_verifier = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    # Set when the code is exchanged: a state works once.
    used_at = models.DateTimeField(null=True, blank=True)
    # What the exchange brought, waiting for the admin's "Finish": sealed token answer, account id and name.
    sealed_token = models.TextField(blank=True)
    external_account_id = models.CharField(max_length=64, blank=True)
    external_account_name = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("consent under way")
        verbose_name_plural = _("consents under way")

    def __str__(self) -> str:
        return f"{self.provider} {self.pk}"
