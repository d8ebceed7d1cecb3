"""Hand waiting mails over to the mail server: one connection per batch, one commit per mail."""

import logging
import smtplib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext as _

from users import claims, emails, invitations
from users.claims import Claim, Clock
from users.models import Invitation

logger = logging.getLogger(__name__)

# Waits double from one minute to six hours; twenty tries span 68 hours, just below the 72 that a mail may wait.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
MOST_TRIES = 20
# An outage of the server counts as so many tries at most, so that its end is noticed within four minutes.
TRIES_OF_AN_OUTAGE = 3
# Mails that are read together, and how long what was read counts: what is withdrawn later than that stays here.
READ_AT_ONCE = 10
FRESH = timedelta(seconds=1)


class ServerTrouble(Exception):
    """The mail server cannot be used at the moment: nothing is wrong with the mail in hand."""


class Unreachable(ServerTrouble):
    """No mail could have been handed over."""


class TryLater(Exception):
    """The server put this one mail off."""


class NeverAccepted(Exception):
    """The server, or the address itself, rules this mail out for good; the text says why."""


def send_waiting(*, clock: Clock, until: datetime) -> int:
    """Hand over what is due and return how many mails left; stop at `until` or when the server makes trouble."""
    sent = 0
    while clock() < until and (claim := claims.take(Invitation.objects.waiting(), clock())).ids:
        connection = get_connection()
        try:
            for invitation in _in_hand(claim, clock, until):
                sent += _send(invitation, connection, clock)
        except ServerTrouble:
            logger.warning("The mail server cannot be used; the remaining mails wait.", exc_info=True)
            return sent
        finally:
            with suppress(OSError):
                connection.close()
            claim.give_back(clock())
    return sent


def _in_hand(claim: Claim[Invitation], clock: Clock, until: datetime) -> Iterator[Invitation]:
    """Yield each claimed mail that still waits as its turn comes; a few are read together, and count for a second."""
    read: dict[int, Invitation] = {}
    read_at = until
    for pk in claim.one_by_one(clock=clock, until=until):
        now = clock()
        if pk not in read or now - read_at > FRESH:
            mails = claim.ours([pk, *claim.ids[: READ_AT_ONCE - 1]])
            read, read_at = mails.select_related("membership__user", "membership__portal").in_bulk(), now
        if invitation := read.get(pk):
            yield invitation


def _send(invitation: Invitation, connection: BaseEmailBackend, clock: Clock) -> int:
    """Hand over one mail and return 1, or note why not and return 0; raises ServerTrouble."""
    if not invitations.is_wanted(invitation, now=clock()):
        invitations.cancel(invitation=invitation)
        return 0
    if invitation.has_expired(clock()):
        # A reminder that waited too long: its link is of no use any more.
        _note(invitation, next_try_at=None)
        return 0
    try:
        deliver(emails.compose(invitation), connection)
    except NeverAccepted as refusal:
        _give_up(invitation, str(refusal))
    except TryLater as refusal:
        _put_off(invitation, str(refusal), clock())
    except Unreachable as trouble:
        _note(invitation, failure=str(trouble)[:300], **after_outage(invitation.tries, clock()))
        raise
    except ServerTrouble as trouble:
        _put_off(invitation, str(trouble), clock())
        raise
    else:
        invitations.hand_over(invitation=invitation, now=clock())
        return 1
    return 0


def deliver(message: EmailMessage, connection: BaseEmailBackend) -> None:
    """Hand one mail over; raises ServerTrouble, TryLater or NeverAccepted."""
    try:
        connection.open()
    except OSError as error:
        raise Unreachable(_("The mail server could not be reached.")) from error
    try:
        if not connection.send_messages([message]):
            raise NeverAccepted(_("There is no e-mail address."))
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise _refusal(code, answer) from error
    except smtplib.SMTPDataError as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise _refusal(550, str(error)) from error
    except OSError as error:
        # Also a refused sender, which is our own setting: the person is not to blame.
        raise ServerTrouble(_("The mail server broke off.")) from error
    except ValueError as error:
        # The session may stand between two commands; the next mail begins a new one.
        with suppress(OSError):
            connection.close()
        raise NeverAccepted(_("The e-mail address cannot be used.")) from error


def after_outage(tries: int, now: datetime) -> dict[str, Any]:
    """Return how often a mail counts as tried, and when it is tried again, when the server could not be reached.

    That is no fault of the mail, so it is never given up for it.
    """
    counted = min(tries + 1, TRIES_OF_AN_OUTAGE)
    return {"tries": max(tries, counted), "next_try_at": now + FIRST_WAIT * 2 ** (counted - 1)}


def _refusal(code: int, answer: bytes | str) -> Exception:
    """Return what the server's answer means (RFC 5321: 4yz may pass later, 5yz never will)."""
    said = emails.one_line(answer.decode(errors="replace") if isinstance(answer, bytes) else answer)
    if code == 421:
        return ServerTrouble(said)
    if code < 500:
        return TryLater(_("The mail server put it off: %(answer)s") % {"answer": said})
    return NeverAccepted(_("The mail server refused it: %(answer)s") % {"answer": said})


def _give_up(invitation: Invitation, why: str, **fields: object) -> None:
    """Note that the mail never left; a link that is only reminded of goes on working."""
    is_reminder = invitation.state == Invitation.State.SENT
    state = Invitation.State.SENT if is_reminder else Invitation.State.FAILED
    _note(invitation, state=state, failure=why[:300], next_try_at=None, **fields)


def _put_off(invitation: Invitation, why: str, now: datetime) -> None:
    tries = invitation.tries + 1
    if tries >= MOST_TRIES:
        _give_up(invitation, why, tries=tries)
        return
    wait = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
    _note(invitation, failure=why[:300], next_try_at=now + wait, tries=tries)


def _note(invitation: Invitation, **fields: object) -> None:
    """Write the outcome, unless the mail was replaced or withdrawn meanwhile."""
    same = Invitation.objects.waiting().filter(pk=invitation.pk, nonce=invitation.nonce)
    same.update(**fields)
