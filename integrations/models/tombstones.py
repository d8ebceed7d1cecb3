"""Marks of erased people: digests that name nobody, so that no sync creates them again unasked."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b, sha256

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portals import statements
from portals.models import Portal

_KNOWN = """
SELECT digest FROM integrations_tombstone WHERE portal_id = %(portal)s AND digest = ANY (%(digests)s::bytea[])
"""


class Tombstone(models.Model):
    """One id or address of someone who was deleted for good in a portal."""

    portal = models.ForeignKey(
        Portal, on_delete=models.CASCADE, db_index=False, related_name="+", verbose_name=_("portal")
    )
    digest = models.BinaryField(max_length=16)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("mark of a deleted person")
        verbose_name_plural = _("marks of deleted people")
        constraints = [models.UniqueConstraint(fields=["portal", "digest"], name="tombstone_once")]

    def __str__(self) -> str:
        return f"{self.portal_id}"


def mark_of_record(provider: str, account_id: str, external_id: str) -> str:
    """Return what stands for a record of a provider."""
    return f"{provider}:{account_id}:{external_id}"


def mark_of_address(email: str) -> str:
    """Return what stands for a mail address."""
    return f"email:{email.strip().lower()}"


def marks_of_learner(provider: str, account_id: str, membership_id: int, email: str) -> tuple[str, str]:
    """Return what stands for a learner whose record a provider was asked to delete, by membership and by address.

    Only the link is refused, the learner is as welcome as anybody.
    """
    person = mark_of_record(provider, account_id, f"membership:{membership_id}")
    return person, mark_of_record(provider, account_id, f"address:{email.strip().lower()}")


def digest_of(mark: str) -> bytes:
    """Return the keyed digest under which a mark is stored."""
    return _digest(mark, settings.SECRET_KEY)


def digests_of(marks: Iterable[str]) -> dict[bytes, str]:
    """Return the marks by every digest that they may be stored under, also by those of earlier secret keys."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return {_digest(mark, key): mark for mark in marks for key in keys}


def known_marks(portal_id: int, marks: Iterable[str]) -> set[str]:
    """Return which of these marks a portal keeps."""
    digests = digests_of(marks)
    found = statements.rows(_KNOWN, {"portal": portal_id, "digests": list(digests)}, keeps_plan=True)
    return {digests[bytes(row[0])] for row in found}


def _digest(mark: str, key: str) -> bytes:
    secret = sha256(f"integrations.tombstone {key}".encode()).digest()
    return blake2b(mark.encode(), key=secret, digest_size=16).digest()
