"""Pure: people + learners + policy + today → the changes that make them equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from . import scope
from .changes import Change, Kind, Reason
from .guard import must_confirm_address
from .mapping import custom_values
from .matching import NoMatch, Surroundings, addresses, is_address, match_by_email
from .records import EmploymentStatus, Flaw, Learner, Person, Policy

MAX_NAME_LENGTH = 150


@dataclass(slots=True)
class Difference:
    """Old and new values of what differs between a person and a learner, and the flaws met on the way.

    What takes something away stands apart: a changed address, and values that become empty.
    """

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()
    email: tuple[str, str] | None = None
    must_confirm_email: bool = False
    cleared: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, old: Any, new: Any) -> None:
        """Remember that a value must change."""
        self.before[name], self.after[name] = old, new


def plan(people: Sequence[Person], surroundings: Surroundings, policy: Policy, today: date) -> list[Change]:
    """Return every change for these people, in their order; nothing for those who are as they should be."""
    return [change for person in people for change in decide(person, surroundings, policy, today)]


def decide(person: Person, surroundings: Surroundings, policy: Policy, today: date) -> Iterator[Change]:
    """Yield the changes that bring one person's learner in line."""
    learner = surroundings.linked.get(person.key)
    if not person.is_readable:
        yield _skip(person, Reason.UNREADABLE)
    elif len(person.first_name) > MAX_NAME_LENGTH or len(person.last_name) > MAX_NAME_LENGTH:
        yield _skip(person, Reason.NAME_TOO_LONG)
    elif learner is not None:
        yield from _follow(person, learner, surroundings, policy, today)
    elif person.key in surroundings.removed:
        yield _skip(person, Reason.REMOVED_BY_ADMIN)
    elif person.status is EmploymentStatus.INACTIVE or has_left(person, today):
        yield _skip(person, Reason.LEFT if person.last_day else Reason.INACTIVE)
    elif policy.scope and scope.broken(person.attributes, policy.scope):
        yield _skip(person, Reason.OUT_OF_SCOPE)
    else:
        yield from _admit(person, surroundings, policy, today)


def has_left(person: Person, today: date) -> bool:
    """Whether the person's last day is over, or they are inactive without one."""
    if person.last_day is not None:
        return person.last_day < today
    return person.status is EmploymentStatus.INACTIVE


def _admit(person: Person, surroundings: Surroundings, policy: Policy, today: date) -> Iterator[Change]:
    """Link someone who is not linked yet to a learner, add them, or say why not."""
    known = addresses(person, policy)
    try:
        learner = _match(person, known, surroundings)
    except NoMatch as problem:
        is_ours_to_mend = problem.reason in (Reason.NO_EMAIL, Reason.INVALID_EMAIL)
        yield _skip(person, problem.reason, due_on=None if is_ours_to_mend else today)
        return
    if learner is not None:
        yield from _change(Kind.LINK, person, learner, _difference(person, learner, surroundings, policy))
    elif person.key in surroundings.erased:
        yield Change(kind=Kind.SKIP, key=person.key, reason=Reason.ERASED)
    elif policy.invite.waits_for_hire_date and (person.hired_on is None or person.hired_on > today):
        reason = Reason.HIRE_DATE_AHEAD if person.hired_on else Reason.HIRE_DATE_UNKNOWN
        yield _skip(person, reason, due_on=person.hired_on)
    else:
        yield _add(person, known[0], surroundings, policy, today)


def _match(person: Person, known: list[str], surroundings: Surroundings) -> Learner | None:
    """Return the learner whom the person's addresses name. Raises NoMatch."""
    if not known:
        raise NoMatch(Reason.NO_EMAIL)
    if not is_address(known[0]):
        raise NoMatch(Reason.INVALID_EMAIL)
    if known[0] in surroundings.shared:
        raise NoMatch(Reason.SHARED_EMAIL)
    return match_by_email(person, known, surroundings)


def _add(person: Person, address: str, surroundings: Surroundings, policy: Policy, today: date) -> Change:
    account = surroundings.accounts.get(address)
    adds_as = policy.invite.adds_as
    if account and adds_as == "active" and not policy.may_add_people_known_elsewhere:
        return _skip(person, Reason.KNOWN_ELSEWHERE, due_on=today)
    values, flaws = custom_values(person, policy)
    # An account that is used in another portal keeps its names.
    names = {} if account else {"first_name": person.first_name, "last_name": person.last_name}
    after: dict[str, Any] = {
        "email": address,
        **names,
        "status": adds_as,
        "custom_data": {key: value for key, value in values.items() if value is not None},
    }
    if person.last_day is not None:
        after["last_day"] = person.last_day.isoformat()
    return Change(
        kind=Kind.INVITE if adds_as == "pending" else Kind.ADD,
        key=person.key,
        user_id=account,
        after=after,
        mail=_mail(adds_as, policy),
        flaws=person.flaws + flaws,
    )


def _follow(
    person: Person, learner: Learner, surroundings: Surroundings, policy: Policy, today: date
) -> Iterator[Change]:
    """Bring a linked learner in line."""
    if person.status is EmploymentStatus.INACTIVE or has_left(person, today):
        yield from _end(person, learner, policy)
        return
    if policy.scope and scope.has_surely_left(person.attributes, policy.scope):
        yield from _leave_scope(person, learner, policy)
        return
    difference = _difference(person, learner, surroundings, policy)
    if learner.has_ended and learner.ended_by == policy.provider:
        yield from _restore(person, learner, difference, policy)
        return
    if learner.status == "pending" and policy.invite.activates_pending and not learner.invitation_cancelled:
        difference.note("status", "pending", "active")
    is_ours = not learner.is_staff and learner.ended_by == policy.provider
    if is_ours and learner.last_day and person.last_day is None:
        difference.note("last_day", learner.last_day.isoformat(), None)
    yield from _change(Kind.UPDATE, person, learner, difference)
    if learner.has_ended:
        yield _skip(person, Reason.ENDED_BY_ADMIN, learner=learner)
    elif person.last_day is not None:
        yield from _end(person, learner, policy)
    elif learner.status == "pending" and learner.invitation_cancelled:
        yield _skip(person, Reason.INVITATION_CANCELLED, learner=learner)


def _end(person: Person, learner: Learner, policy: Policy) -> Iterator[Change]:
    """End the learner's access after the person's last day, or at once when there is no date."""
    if learner.has_ended or _is_settled(person, learner, policy):
        return
    if learner.is_staff:
        yield _skip(person, Reason.STAFF_ACCOUNT, learner=learner)
        return
    difference = Difference(flaws=person.flaws)
    difference.note("last_day", _iso(learner.last_day), _iso(person.last_day))
    yield from _change(Kind.END_ACCESS, person, learner, difference)


def _leave_scope(person: Person, learner: Learner, policy: Policy) -> Iterator[Change]:
    """Leave a learner who is out of scope as they are, or end their access at once; staff is never ended."""
    if policy.ends_out_of_scope and not learner.has_ended and not learner.is_staff:
        difference = Difference()
        difference.note("last_day", _iso(learner.last_day), None)
        yield from _change(Kind.END_ACCESS, person, learner, difference)
    yield _skip(person, Reason.OUT_OF_SCOPE, learner=learner)


def _is_settled(person: Person, learner: Learner, policy: Policy) -> bool:
    """Whether the learner's last day needs no change: ours follows the source, an admin's earlier one stays."""
    if person.last_day is None or learner.last_day is None:
        return False
    if learner.last_day == person.last_day:
        return True
    return learner.ended_by != policy.provider and learner.last_day < person.last_day


def _restore(person: Person, learner: Learner, difference: Difference, policy: Policy) -> Iterator[Change]:
    """Give a returning person the old account back; who never signed in is added as the settings say."""
    status = "active" if learner.has_signed_in else policy.invite.adds_as
    if learner.invitation_cancelled:
        status = "pending"
    difference.note("status", learner.status, status)
    difference.note("last_day", _iso(learner.last_day), _iso(person.last_day))
    mail = "" if learner.has_signed_in or learner.invitation_cancelled else _mail(status, policy)
    yield from _change(Kind.RESTORE, person, learner, difference, mail=mail)


def _difference(person: Person, learner: Learner, surroundings: Surroundings, policy: Policy) -> Difference:
    """Return what of the learner's names, address and mapped values is not as the person has it."""
    values, flaws = custom_values(person, policy, filled=learner.custom_data)
    found = Difference(flaws=person.flaws + flaws)
    new = {
        key: value
        for key, value in values.items()
        if learner.custom_data.get(key) != value and key not in learner.pinned
    }
    filled = {key: value for key, value in new.items() if value is not None}
    if filled:
        found.note("custom_data", {key: learner.custom_data.get(key) for key in filled}, filled)
    found.cleared = {key: learner.custom_data[key] for key, value in new.items() if value is None}
    # Names and addresses of staff are out of an integration's reach.
    if learner.is_staff:
        return found
    for name in ("first_name", "last_name"):
        value, old = getattr(person, name), getattr(learner, name)
        if value and value != old:
            found.note(name, old, value)
    address = next(iter(addresses(person, policy)), "")
    if address and address != learner.email.lower():
        if problem := _address_problem(address, learner, surroundings):
            found.flaws += (Flaw("email", problem, address),)
        else:
            found.email = (learner.email, address)
            found.must_confirm_email = must_confirm_address(learner, policy)
    return found


def _address_problem(address: str, learner: Learner, surroundings: Surroundings) -> str:
    if not is_address(address):
        return Reason.INVALID_EMAIL
    if address in surroundings.shared:
        return Reason.SHARED_EMAIL
    owner = surroundings.by_email.get(address)
    if address in surroundings.accounts or (owner is not None and owner.user_id != learner.user_id):
        return Reason.EMAIL_TAKEN
    return ""


def _mail(status: str, policy: Policy) -> str:
    if not policy.invite.sends_mail:
        return ""
    return "invite" if status == "pending" else "welcome"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _change(
    kind: Kind, person: Person, learner: Learner, difference: Difference, *, mail: str = ""
) -> Iterator[Change]:
    """Yield the change, and what takes something away as changes of their own; an update may be only that."""
    is_empty = not difference.after and not difference.flaws
    if kind is not Kind.UPDATE or not is_empty:
        yield Change(
            kind=kind,
            key=person.key,
            membership_id=learner.membership_id,
            user_id=learner.user_id,
            before=difference.before,
            after=difference.after,
            mail=mail,
            flaws=difference.flaws,
        )
    if difference.email:
        old, new = difference.email
        reason = Reason.ADDRESS_NOT_CONFIRMED if difference.must_confirm_email else None
        yield _risky(Kind.CHANGE_EMAIL, person, learner, {"email": old}, {"email": new}, reason=reason)
    if cleared := difference.cleared:
        yield _risky(Kind.CLEAR, person, learner, {"custom_data": cleared}, {"custom_data": dict.fromkeys(cleared)})


def _risky(
    kind: Kind,
    person: Person,
    learner: Learner,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    reason: Reason | None = None,
) -> Change:
    return Change(
        kind=kind,
        key=person.key,
        membership_id=learner.membership_id,
        user_id=learner.user_id,
        reason=reason,
        before=before,
        after=after,
    )


def _skip(person: Person, reason: Reason, *, due_on: date | None = None, learner: Learner | None = None) -> Change:
    return Change(
        kind=Kind.SKIP,
        key=person.key,
        reason=reason,
        membership_id=learner.membership_id if learner else None,
        due_on=due_on,
        flaws=person.flaws,
    )
