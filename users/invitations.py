"""Invitations: links that let people set their password; issued, sent again, withdrawn, accepted.

A link is derived with the secret key from the row and its nonce, so no table, queue or log ever holds one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import transaction
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Lower, Replace
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int, int_to_base36

from portals import statements
from portals.models import Portal
from users import audit, cascade, enrollments, grouping, passwords, seats, signals
from users.models import Invitation, Membership, User
from users.models.invitations import new_nonce

Kind = Invitation.Kind
State = Invitation.State

# What a membership must be for a mail of this kind to make sense.
EXPECTED_STATUS = {
    Kind.INVITE: Membership.Status.PENDING,
    Kind.WELCOME: Membership.Status.ACTIVE,
    Kind.RESET: Membership.Status.ACTIVE,
}


class InvitationRefused(Exception):
    """This person gets no such mail: single sign-on, access ended, or already answered."""


class LinkDead(Exception):
    """The link was used, withdrawn, replaced or is too old."""


_RELEASE = """
UPDATE users_invitation AS v SET
    state = 'scheduled', sent_by_id = coalesce(%(actor)s::bigint, v.sent_by_id),
    next_try_at = %(now)s::timestamptz + make_interval(hours => ((w.place - 1) / %(wave)s::bigint)::integer)
FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM users_invitation WHERE id = ANY (%(ids)s::bigint[]) AND state = 'held'
) AS w
WHERE v.id = w.id AND v.state = 'held'
RETURNING v.id
"""

_HAND_OVER = """
UPDATE users_invitation SET state = 'sent', last_sent_at = %(now)s::timestamptz, failure = '', tries = 0,
    expires_at = %(expires_at)s::timestamptz, times_sent = times_sent + 1, next_try_at = NULL
WHERE id = %(id)s::bigint AND nonce = %(nonce)s AND state = %(state)s
RETURNING id
"""


def issue(
    *, membership: Membership, kind: str, source: str = "manual", sent_by: User | None = None, now: datetime
) -> Invitation:
    """Put a mail with a new link into the outbox; an open one of the same kind is replaced.

    Raises InvitationRefused.
    """
    with transaction.atomic():
        membership = _lock_membership(membership.pk)
        _check(membership, kind, now)
        invitation = membership.invitations.filter(kind=kind, state__in=Invitation.OPEN_STATES).first()
        if invitation is None:
            invitation = Invitation(membership=membership, kind=kind, created_at=now, source=source)
        invitation.sent_by = sent_by or invitation.sent_by
        _schedule(invitation, now)
        return invitation


def resend(*, invitation: Invitation, sent_by: User | None = None, now: datetime) -> Invitation:
    """Put the mail into the outbox again, with a new link; raises InvitationRefused once it was answered."""
    with transaction.atomic():
        membership = _lock_membership(invitation.membership_id)
        invitation = _lock(invitation, membership)
        if invitation.state not in Invitation.OPEN_STATES:
            raise InvitationRefused
        _check(membership, invitation.kind, now)
        invitation.sent_by = sent_by or invitation.sent_by
        _schedule(invitation, now)
        audit.record(
            portal=membership.portal,
            action="invitation_resent",
            object=membership,
            after={"kind": invitation.kind},
            actor=sent_by,
        )
        return invitation


def fresh(now: datetime) -> dict[str, Any]:
    """Return what a mail's row holds, apart from its nonce, when it has just been put into the outbox."""
    return {
        "state": State.SCHEDULED,
        "next_try_at": now,
        "expires_at": None,
        "tries": 0,
        "failure": "",
        "reminder": "",
    }


def random_nonces() -> Replace:
    """Return the SQL expression that gives every updated row a nonce of its own: 122 random bits."""
    return Replace(Cast(RandomUUID(), CharField()), Value("-"))


def cancel(*, invitation: Invitation, actor: User | None = None) -> None:
    """Withdraw a mail and its link; the person stays as they are."""
    with transaction.atomic():
        if _cancel(Invitation.objects.filter(pk=invitation.pk)):
            audit.record(
                portal=invitation.membership.portal,
                action="invitation_cancelled",
                object=invitation.membership,
                before={"kind": invitation.kind, "state": invitation.state},
                actor=actor,
            )


def cancel_open(*, membership_ids: Iterable[int]) -> int:
    """Withdraw every mail and link of these people; return how many there were."""
    return _cancel(Invitation.objects.filter(membership__in=membership_ids))


def void_for_new_address(user: User) -> None:
    """Kill every link that went to an account's old address; invitations wait for an admin to send them again."""
    open_ = Invitation.objects.filter(membership__user=user, state__in=Invitation.OPEN_STATES)
    _cancel(open_.exclude(kind=Kind.INVITE))
    open_.filter(kind=Kind.INVITE).update(
        state=State.FAILED, failure=Invitation.ADDRESS_CHANGED, nonce=random_nonces(), next_try_at=None
    )


def release(
    held: QuerySet[Invitation], *, now: datetime, per_hour: int | None = None, actor: User | None = None
) -> int:
    """Let held mails be sent, all at once or in waves of so many per hour, and return how many; one statement.

    `actor` is noted as who sent them.
    """
    ids = list(held.filter(state=Invitation.State.HELD).values_list("pk", flat=True))
    parameters = {
        "ids": statements.integers(ids),
        "now": now,
        "wave": per_hour or max(len(ids), 1),
        "actor": actor.pk if actor else None,
    }
    return len(statements.rows(_RELEASE, parameters))


def hand_over(*, invitation: Invitation, now: datetime) -> bool:
    """Note that the link left our hands, from which moment its 72 hours run; False when it was replaced meanwhile.

    A reminder of a link that still works leaves the clock alone.
    """
    expires_at = invitation.expires_at if invitation.state == State.SENT else now + settings.INVITATION_LIFETIME
    parameters = {
        "id": invitation.pk,
        "nonce": invitation.nonce,
        "state": str(invitation.state),
        "now": now,
        "expires_at": expires_at,
    }
    return bool(statements.rows(_HAND_OVER, parameters, keeps_plan=True))


def token(invitation: Invitation) -> str:
    """Return the secret part of the link."""
    return f"{int_to_base36(invitation.pk)}-{_derive('link', invitation).hex()}"


def link(invitation: Invitation) -> str:
    """Return the address of the page on which the person sets a password."""
    return invitation.membership.portal.url(reverse("users:invitation", args=[token(invitation)]))


def temporary_password(invitation: Invitation) -> str:
    """Return the one-time password of the mail: 80 bits, good for nothing but reaching the same page as the link."""
    text = base64.b32encode(_derive("temporary password", invitation)[:10]).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, 16, 4))


def unaccepted(membership_ids: Iterable[int]) -> QuerySet[Any]:
    """Return the ids of those among these people who were invited and have never accepted."""
    people = Membership.objects.filter(pk__in=membership_ids, accepted_at=None, invitations__kind=Kind.INVITE)
    return people.values_list("pk", flat=True).distinct()


def find(token_: str, *, portal: Portal, now: datetime) -> Invitation | None:
    """Return the invitation that a link stands for while the link works, else None."""
    invitation = _of(token_, portal)
    return invitation if invitation and works(invitation, now=now) else None


def find_expired(token_: str, *, portal: Portal, now: datetime) -> Invitation | None:
    """Return the invitation of a link that only time has killed, else None."""
    invitation = _of(token_, portal)
    return invitation if invitation and invitation.has_expired(now) and is_wanted(invitation, now=now) else None


def find_by_temporary_password(*, portal: Portal, email: str, password: str, now: datetime) -> Invitation | None:
    """Return the invitation whose one-time password was typed at the portal's sign-in page."""
    invitations = (
        _people()
        .alias(address=Lower("membership__user__email"))
        .filter(membership__portal=portal, address=email.strip().lower(), kind=Kind.INVITE, state=State.SENT)
    )
    for invitation in invitations:
        typed = password.strip().lower()
        if constant_time_compare(temporary_password(invitation), typed) and works(invitation, now=now):
            return invitation
    return None


def works(invitation: Invitation, *, now: datetime) -> bool:
    """Whether the link may be used now."""
    return (
        invitation.state == State.SENT
        and invitation.expires_at is not None
        and now < invitation.expires_at
        and is_wanted(invitation, now=now)
    )


def is_wanted(invitation: Invitation, *, now: datetime) -> bool:
    """Whether the person should still get this mail, as things are with them and with the portal."""
    membership = invitation.membership
    is_learner = membership.role == Membership.Role.LEARNER
    # Staff of a portal with single sign-on keep a password: an identity provider may only let in learners.
    needs_password = membership.portal.uses_passwords or not is_learner
    is_as_expected = membership.status == EXPECTED_STATUS[Kind(invitation.kind)]
    is_withdrawn = invitation.kind == Kind.INVITE and membership.invitation_withdrawn_at is not None
    has_left = is_learner and membership.last_day is not None and membership.last_day < membership.portal.today(now)
    if not (needs_password and is_as_expected and membership.user.is_active) or is_withdrawn or has_left:
        return False
    return not cascade.is_shut_out_above(user_id=membership.user_id, portal=membership.portal, now=now)


def accept(*, invitation: Invitation, password: str | None, now: datetime) -> User:
    """Use the link: set the password, let a pending person in, kill every other link. Return the account.

    None keeps the password of someone who has one already. Raises LinkDead when the link died meanwhile, and NoSeat,
    after which the link still works.
    """
    with transaction.atomic():
        supply = seats.supply(invitation.membership.portal, now=now)
        membership = _lock_membership(invitation.membership_id)
        current = _lock(invitation, membership)
        if current.nonce != invitation.nonce or not works(current, now=now):
            raise LinkDead
        if password is not None:
            passwords.set_password(user=membership.user, password=password, portal=membership.portal, now=now)
        current.state, current.nonce, current.next_try_at = State.ACCEPTED, new_nonce(), None
        current.save(update_fields=["state", "nonce", "next_try_at"])
        cancel_open(membership_ids=[membership.pk])
        if membership.status == Membership.Status.PENDING:
            _let_in(membership, supply, now)
        return membership.user


def decline(*, invitation: Invitation, now: datetime) -> None:
    """Note that a pending person does not want to join: the link dies, and nobody is invited again unasked.

    Raises LinkDead when the link died meanwhile, and for mails that are no invitation.
    """
    with transaction.atomic():
        membership = _lock_membership(invitation.membership_id)
        current = _lock(invitation, membership)
        if current.nonce != invitation.nonce or current.kind != Kind.INVITE or not works(current, now=now):
            raise LinkDead
        current.state, current.nonce, current.next_try_at = State.REJECTED, new_nonce(), None
        current.save(update_fields=["state", "nonce", "next_try_at"])
        membership.invitation_withdrawn_at = now
        membership.save(update_fields=["invitation_withdrawn_at"])
        audit.record(portal=membership.portal, action="invitation_declined", object=membership, actor=membership.user)


def accept_by_single_sign_on(*, membership: Membership, now: datetime) -> None:
    """Let a pending person in who came by the portal's own single sign-on; the mailed link dies with it.

    Raises NoSeat.
    """
    with transaction.atomic():
        supply = seats.supply(membership.portal, now=now)
        membership = _lock_membership(membership.pk)
        if membership.status != Membership.Status.PENDING:
            return
        open_ = membership.invitations.filter(kind=Kind.INVITE, state__in=Invitation.OPEN_STATES)
        open_.update(state=State.ACCEPTED, nonce=new_nonce(), next_try_at=None)
        cancel_open(membership_ids=[membership.pk])
        _let_in(membership, supply, now)


def answer_request(*, portal: Portal, email: str, now: datetime) -> None:
    """Send a new link to whoever this address belongs to in the portal; strangers get nothing."""
    people = Membership.objects.alias(address=Lower("user__email")).filter(address=email.strip().lower())
    membership = people.filter(portal=portal).first()
    if membership is None and portal.parent_id:
        # Admins of the top-level portal sign in here too, and set their password there.
        membership = people.filter(portal=portal.top_level, role=Membership.Role.ADMIN).first()
    if membership is None:
        return
    try:
        if membership.has_access:
            issue(membership=membership, kind=Kind.RESET, now=now)
        # Only an invitation that an admin has let go out, and has not withdrawn, is sent again.
        elif open_ := membership.invitations.filter(kind=Kind.INVITE, state__in=[State.SENT, State.FAILED]).first():
            resend(invitation=open_, now=now)
    except InvitationRefused:
        return


def _derive(purpose: str, invitation: Invitation) -> bytes:
    text = f"{invitation.pk}:{invitation.nonce}:{invitation.kind}"
    return salted_hmac(f"users.invitations {purpose}", text, algorithm="sha256").digest()


def _of(token_: str, portal: Portal) -> Invitation | None:
    """Return the invitation for which this link was made, whatever became of it but a newer link."""
    try:
        pk = base36_to_int(token_.partition("-")[0])
    except ValueError:
        return None
    invitation = _people().filter(pk=pk, membership__portal=portal).first()
    is_genuine = invitation is not None and constant_time_compare(token(invitation), token_)
    return invitation if is_genuine else None


def _people() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("membership__user", "membership__portal")


def _lock_membership(pk: int) -> Membership:
    return Membership.objects.select_for_update(of=("self",)).select_related("portal", "user").get(pk=pk)


def _lock(invitation: Invitation, membership: Membership) -> Invitation:
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    locked.membership = membership
    return locked


def _check(membership: Membership, kind: str, now: datetime) -> None:
    if not is_wanted(Invitation(membership=membership, kind=kind), now=now):
        raise InvitationRefused


def _schedule(invitation: Invitation, now: datetime) -> None:
    invitation.nonce = new_nonce()
    for name, value in fresh(now).items():
        setattr(invitation, name, value)
    invitation.save()


def _cancel(invitations: QuerySet[Invitation]) -> int:
    return invitations.filter(state__in=Invitation.OPEN_STATES).update(
        state=State.CANCELLED, nonce=random_nonces(), next_try_at=None
    )


def _let_in(membership: Membership, supply: seats.Supply, now: datetime) -> None:
    if not supply.take():
        raise seats.NoSeat
    membership.status = Membership.Status.ACTIVE
    membership.accepted_at = now
    membership.save(update_fields=["status", "accepted_at"])
    audit.record(
        portal=membership.portal,
        action="invitation_accepted",
        object=membership,
        before={"status": Membership.Status.PENDING},
        after={"status": Membership.Status.ACTIVE},
        actor=membership.user,
    )
    grouping.regroup(portal_id=membership.portal_id, membership_ids=[membership.pk], now=now)
    # Groups that were joined by hand while the invitation was open.
    enrollments.enroll_missed(membership_ids=[membership.pk], now=now)
    signals.access_changed.send(sender=None, portal_id=membership.portal_id, membership_ids=[membership.pk])
