"""What admins do with pending people, one or thousands at once: send again, release, cancel, allow again.

Each function takes ids that the caller has checked, and runs the same few statements for any number of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from portals.models import Portal
from users import audit, cascade, invitations, signals
from users.models import AuditEntry, Invitation, Membership, User
from users.models.invitations import new_nonce

BATCH = 1000
State = Invitation.State


@transaction.atomic
def resend(*, membership_ids: Collection[int], actor: User, now: datetime) -> int:
    """Mail a new link to these people and return to how many.

    Left out are those who sign in another way, whose access ended, if only in the portal above, and whose invitation
    was cancelled by an admin.
    """
    portals = _lock(membership_ids, _may_get_mail())
    open_ = _invites(portals).filter(state__in=Invitation.OPEN_STATES)
    known = set(open_.values_list("membership", flat=True))
    open_.update(nonce=invitations.random_nonces(), sent_by=actor, **invitations.fresh(now))
    row = {"kind": Invitation.Kind.INVITE, "created_at": now, "sent_by": actor, **invitations.fresh(now)}
    newcomers = [Invitation(membership_id=pk, nonce=new_nonce(), **row) for pk in portals if pk not in known]
    Invitation.objects.bulk_create(newcomers, batch_size=BATCH)
    _record("invitation_resent", portals, actor, now)
    return len(portals)


@transaction.atomic
def release(*, membership_ids: Collection[int], actor: User, now: datetime, per_hour: int | None = None) -> int:
    """Let held invitations go out, all at once or so many per hour, and return how many will."""
    portals = _lock(membership_ids, _may_get_mail())
    held = _invites(portals).filter(state=State.HELD)
    released = {membership: portals[membership] for membership in held.values_list("membership", flat=True)}
    _record("invitation_released", released, actor, now)
    return invitations.release(held, now=now, per_hour=per_hour, actor=actor)


@transaction.atomic
def cancel(*, membership_ids: Collection[int], actor: User, now: datetime) -> int:
    """Kill the links of pending people, keep syncs from inviting them again, and return how many were cancelled."""
    portals = _lock(membership_ids, Q(invitation_withdrawn_at=None))
    invitations.cancel_open(membership_ids=portals)
    Membership.objects.filter(pk__in=portals).update(invitation_withdrawn_at=now)
    _record("invitation_cancelled", portals, actor, now)
    return len(portals)


@transaction.atomic
def allow(*, membership_ids: Collection[int], actor: User, now: datetime) -> list[int]:
    """Take back that no invitation may be sent to these people, and return the ids of those that it was about."""
    portals = _lock(membership_ids, Q(invitation_withdrawn_at__isnull=False))
    Membership.objects.filter(pk__in=portals).update(invitation_withdrawn_at=None)
    _record("invitations_allowed", portals, actor, now)
    signals.invitations_allowed.send(sender=None, membership_ids=list(portals))
    return list(portals)


def without_mail(people: QuerySet[Membership]) -> QuerySet[Membership]:
    """Return those among pending people to whom no invitation can be sent as things are."""
    return people.exclude(_may_get_mail())


def _lock(membership_ids: Collection[int], wanted: Q) -> dict[int, int]:
    """Return the portal of each pending person who is as wanted, in the order of ids that all writers keep."""
    people = Membership.objects.pending().filter(wanted, pk__in=membership_ids)
    return dict(people.select_for_update(of=("self",)).order_by("pk").values_list("pk", "portal"))


def _may_get_mail() -> Q:
    needs_password = Q(portal__sign_in_method=Portal.SignInMethod.PASSWORD) | ~Q(role=Membership.Role.LEARNER)
    return needs_password & Q(user__is_active=True, invitation_withdrawn_at=None) & ~cascade.shut_out_above()


def _invites(membership_ids: Iterable[int]) -> QuerySet[Invitation]:
    return Invitation.objects.filter(membership__in=membership_ids, kind=Invitation.Kind.INVITE)


def _record(action: str, portals: dict[int, int], actor: User, now: datetime) -> None:
    entries: Sequence[AuditEntry] = [
        audit.entry(portal_id=portal_id, action=action, object=Membership(pk=pk), at=now)
        for pk, portal_id in portals.items()
    ]
    for entry in entries:
        entry.actor_id = actor.pk
    AuditEntry.objects.bulk_create(entries, batch_size=BATCH)
