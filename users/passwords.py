"""Set and change passwords: other sign-ins end, the person hears of it, the audit trail tells."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from portals.models import Portal
from users import audit, notices, sessions
from users.models import Invitation, Notice, User
from users.models.invitations import new_nonce


def set_password(
    *,
    user: User,
    password: str,
    portal: Portal | None,
    now: datetime,
    kept_session: str | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Give the account a password and end its sign-ins, except the session with the key `kept_session`.

    Links that were mailed to set another one die, whichever portal of the account they are from.
    A first password is nothing to warn of; whoever had one is told by mail.
    """
    with transaction.atomic():
        had_one = user.has_usable_password()
        user.set_password(password)
        user.save(update_fields=["password"])
        sessions.end_all(user_ids=[user.pk], but=kept_session)
        resets = Invitation.objects.filter(membership__user=user, kind=Invitation.Kind.RESET)
        resets.filter(state__in=Invitation.OPEN_STATES).update(
            state=Invitation.State.CANCELLED, nonce=new_nonce(), next_try_at=None
        )
        if had_one:
            notices.announce(kind=Notice.Kind.PASSWORD_CHANGED, user=user, portal=portal, now=now)
        action = "password_changed" if had_one else "password_set"
        audit.record(portal=portal, action=action, object=user, actor=user, request=request)
