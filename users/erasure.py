"""Permanent deletion: asked for, put off for a week, carried out; of the person only digests and numbers stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from portals import statements
from portals.models import Portal
from users import audit, last_admin, notices, signals
from users.models import DeletionRequest, Invitation, Membership, Notice, User
from users.models.deletions import WAITING_TIME

# What stands in the audit trail where a name or an address stood.
NOBODY = "–"


class LastFullAdmin(Exception):
    """Without this person nobody could change the portal's settings any more."""


@transaction.atomic
def ask(*, membership: Membership, actor: User, now: datetime, request: HttpRequest | None = None) -> DeletionRequest:
    """Note that someone is to be deleted in a week, and tell the admins; asking again changes nothing.

    Raises LastFullAdmin.
    """
    _refuse_last_admins([membership])
    asked, is_new = DeletionRequest.objects.get_or_create(
        membership=membership,
        defaults={"requested_at": now, "due_at": now + WAITING_TIME, "requested_by": actor},
    )
    if is_new:
        audit.record(
            portal=membership.portal, action="deletion_requested", object=membership, request=request, actor=actor
        )
        _tell(Notice.Kind.DELETION_ASKED, membership, [membership.user.email], now)
        _tell(Notice.Kind.DELETION_TO_DECIDE, membership, _contacts(membership.portal), now)
    return asked


@transaction.atomic
def take_back(*, membership: Membership, actor: User, now: datetime, request: HttpRequest | None = None) -> bool:
    """Let someone stay after all; return whether there was a request."""
    count, _ = DeletionRequest.objects.filter(membership=membership).delete()
    if count:
        audit.record(
            portal=membership.portal, action="deletion_taken_back", object=membership, request=request, actor=actor
        )
        _tell(Notice.Kind.DELETION_TAKEN_BACK, membership, [membership.user.email], now)
    return bool(count)


def erase_due(*, now: datetime) -> int:
    """Delete everyone whose week is over and return how many; last admins stay until there is another."""
    due = DeletionRequest.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    return sum(_erase_one(pk, now) for pk in list(due))


@transaction.atomic
def _erase_one(request_id: int, now: datetime) -> bool:
    rows = DeletionRequest.objects.select_for_update(skip_locked=True, of=("self",))
    # Taken back, or being carried out by another worker.
    asked = rows.select_related("membership__portal", "membership__user").filter(pk=request_id).first()
    if asked is None or asked.due_at > now:
        return False
    try:
        erase(membership=asked.membership, reason="requested")
    except LastFullAdmin:
        return False
    return True


@transaction.atomic
def erase(
    *, membership: Membership, reason: str = "", actor: User | None = None, request: HttpRequest | None = None
) -> None:
    """Delete someone's data in the portal, in the top-level portal also in those below; raises LastFullAdmin.

    The account goes with its last membership.
    """
    user, portal = membership.user, membership.portal
    everywhere = portal.parent_id is None
    rows = list(user.memberships.select_related("portal")) if everywhere else [membership]
    _refuse_last_admins(rows)
    ids = [row.pk for row in rows]
    _lock(ids)
    signals.account_erased.send(
        sender=None, portal_ids=[row.portal_id for row in rows], membership_ids=ids, addresses=[user.email]
    )
    is_gone = not user.is_superuser and not user.memberships.exclude(pk__in=ids).exists()
    _forget_in_trail(user, rows, is_gone=is_gone)
    Membership.objects.filter(pk__in=ids).delete()
    audit.record(
        portal=portal, action="account_erased", object=membership, reason=reason, request=request, actor=actor
    )
    if is_gone:
        user.delete()


def _lock(membership_ids: Sequence[int]) -> None:
    """Wait for whoever is changing these people, and let nobody add to what is about to be deleted."""
    list(Membership.objects.select_for_update().filter(pk__in=membership_ids).order_by("pk").values_list("pk"))


def is_last_full_admin(membership: Membership) -> bool:
    """Whether nobody else could change the portal's settings; others wait meanwhile."""
    return last_admin.is_among(portal=membership.portal, membership_ids=[membership.pk])


def _refuse_last_admins(rows: Sequence[Membership]) -> None:
    last_admin.lock(row.portal for row in rows)
    going = [row.pk for row in rows]
    for row in rows:
        if last_admin.is_among(portal=row.portal, membership_ids=going):
            raise LastFullAdmin


def _contacts(portal: Portal) -> list[str]:
    if portal.deletion_contact:
        return [portal.deletion_contact]
    admins = last_admin.full_admins(portal)
    return list(admins.order_by("pk").values_list("user__email", flat=True))


def _tell(kind: str, membership: Membership, addresses: Sequence[str], now: datetime) -> None:
    notices.send_to(addresses, kind=kind, user=membership.user, portal=membership.portal, now=now)


_FORGET_ENTRIES = """
UPDATE users_auditentry SET before = '{}', after = '{}', reason = ''
WHERE object_type = ANY(%(types)s::text[]) AND object_id = ANY(%(ids)s::bigint[])
"""
_FORGET_PLACES = "UPDATE users_auditentry SET address = NULL WHERE actor_id = %(actor)s AND address IS NOT NULL"
# Elsewhere in the trail, such as in the list of who joined a group, names stand as values of their own.
_FORGET_NAMES = """
UPDATE users_auditentry SET
    before = replace(before::text, %(name)s, %(nobody)s)::jsonb,
    after = replace(after::text, %(name)s, %(nobody)s)::jsonb
WHERE portal_id = ANY(%(portals)s::bigint[])
    AND (strpos(before::text, %(name)s) > 0 OR strpos(after::text, %(name)s) > 0)
"""


def _forget_in_trail(user: User, rows: Sequence[Membership], *, is_gone: bool) -> None:
    """Take the person's names, address and values out of the audit trail; what happened, and when, stays."""
    members = [row.pk for row in rows]
    mails = list(Invitation.objects.filter(membership__in=members).values_list("pk", flat=True))
    names = [name for name in (user.full_name, user.email) if len(name) > 2]
    with audit.erasing():
        _run(_FORGET_ENTRIES, types=["users.membership", "users.pendinguser"], ids=members)
        _run(_FORGET_ENTRIES, types=["users.invitation"], ids=mails)
        if is_gone:
            _run(_FORGET_ENTRIES, types=["users.user"], ids=[user.pk])
            _run(_FORGET_PLACES, actor=user.pk)
        for name in names:
            _run(
                _FORGET_NAMES,
                name=json.dumps(name, ensure_ascii=False),
                nobody=json.dumps(NOBODY, ensure_ascii=False),
                portals=[row.portal_id for row in rows],
            )


def _run(statement: str, **parameters: Any) -> None:
    statements.rows(statement, parameters)
