"""Accounts: who signs in; one e-mail address is one account per realm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portals.models import Portal, Realm
from portals.standing import NOBODY, Level, Standing

if TYPE_CHECKING:
    from users.models.memberships import Membership


class UserManager(BaseUserManager["User"]):
    """Makes accounts; operators have no realm."""

    def create_user(self, *, realm: Realm | None, email: str, password: str | None = None, **fields: Any) -> User:
        """Return a new account; without a password it cannot sign in by password."""
        user: User = self.model(realm=realm, email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, *, email: str, password: str | None = None, **fields: Any) -> User:
        """Return a new operator of the installation."""
        return self.create_user(realm=None, email=email, password=password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the operator with this address; people of realms are found by the backend."""
        return self.get(realm=None, email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account that signs in by e-mail address, within its realm."""

    realm = models.ForeignKey(
        Realm,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="users",
        verbose_name=_("realm"),
    )
    email = models.EmailField(_("e-mail address"))
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    sign_in_count = models.PositiveIntegerField(_("number of sign-ins"), default=0, db_default=0, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint("realm", Lower("email"), name="user_email_once_per_realm"),
            models.UniqueConstraint(
                Lower("email"), condition=models.Q(realm=None), name="user_email_once_among_operators"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or f"#{self.pk}"

    @property
    def full_name(self) -> str:
        """First and last name, or an empty text."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_staff(self) -> bool:
        """Operators only: portal admins are let in by `administers`."""
        return self.is_superuser

    def administers(self, portal: Portal | None) -> bool:
        """Whether this account is an admin of a portal, or of the installation when None."""
        return self.standing_in(portal).administers

    def memberships_around(self, portal: Portal, *, keep: bool = False) -> dict[int, Membership]:
        """Return the memberships in a portal and in its realm's top-level portal, by portal.

        `keep` remembers them with this object, for the rest of a request.
        """
        kept: tuple[int, dict[int, Membership]] | None = self.__dict__.get("_around")
        if kept is not None and kept[0] == portal.pk:
            return kept[1]
        found = self.memberships.filter(portal__in={portal.pk, portal.top_level.pk})
        rows = {row.portal_id: row for row in found}
        if keep:
            self.__dict__["_around"] = (portal.pk, rows)
        return rows

    def standing_in(self, portal: Portal | None) -> Standing:
        """Return what this account may do in a portal, or in the installation when None.

        An admin of the realm's top-level portal is one in every sub-portal, without a membership there; whoever lost
        the access to the top-level portal has none below.
        """
        if not self.is_active:
            return NOBODY
        if self.is_superuser:
            return Standing(Level.OPERATOR)
        if portal is None or portal.realm_id != self.realm_id:
            return NOBODY
        top = portal.top_level
        rows = self.memberships_around(portal)
        here, above = rows.get(portal.pk), rows.get(top.pk)
        if above and above.status == "ended":
            return NOBODY
        if above and above.role == "admin" and above.status == "active":
            return replace(above.standing(), is_from_above=above is not here)
        return here.standing() if here else NOBODY
