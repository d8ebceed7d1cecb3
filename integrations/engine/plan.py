"""Pure: people + learners + policy + today → the changes that make them equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from .changes import Change, Kind, Reason
from .mapping import custom_values
from .matching import NoMatch, Surroundings, addresses, is_address, match_by_email
from .records import EmploymentStatus, Flaw, Learner, Person, Policy

MAX_NAME_LENGTH = 150


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
    else:
        yield _admit(person, surroundings, policy, today)


def has_left(person: Person, today: date) -> bool:
    """Whether the person's last day is over, or they are inactive without one."""
    if person.last_day is not None:
        return person.last_day < today
    return person.status is EmploymentStatus.INACTIVE


def _admit(person: Person, surroundings: Surroundings, policy: Policy, today: date) -> Change:
    """Link someone who is not linked yet to a learner, add them, or say why not."""
    known = addresses(person, policy)
    if not known:
        return _skip(person, Reason.NO_EMAIL)
    if not is_address(known[0]):
        return _skip(person, Reason.INVALID_EMAIL)
    if known[0] in surroundings.shared:
        return _skip(person, Reason.SHARED_EMAIL, due_on=today)
    try:
        learner = match_by_email(person, known, surroundings)
    except NoMatch as problem:
        return _skip(person, problem.reason, due_on=today)
    if learner is not None:
        return _link(person, learner, surroundings, policy)
    if policy.invite.waits_for_hire_date and (person.hired_on is None or person.hired_on > today):
        reason = Reason.HIRE_DATE_AHEAD if person.hired_on else Reason.HIRE_DATE_UNKNOWN
        return _skip(person, reason, due_on=person.hired_on)
    return _add(person, known[0], surroundings, policy, today)


def _add(person: Person, address: str, surroundings: Surroundings, policy: Policy, today: date) -> Change:
    account = surroundings.accounts.get(address)
    adds_as = policy.invite.adds_as
    if account and adds_as == "active" and not policy.may_add_people_known_elsewhere:
        return _skip(person, Reason.KNOWN_ELSEWHERE, due_on=today)
    values, flaws = custom_values(person, policy)
    after: dict[str, Any] = {
        "email": address,
        "first_name": person.first_name,
        "last_name": person.last_name,
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


def _link(person: Person, learner: Learner, surroundings: Surroundings, policy: Policy) -> Change:
    """Adopt an existing learner: names and mapped values follow the source, the state stays as it is."""
    before, after, flaws = _differences(person, learner, surroundings, policy)
    return Change(
        kind=Kind.LINK,
        key=person.key,
        membership_id=learner.membership_id,
        user_id=learner.user_id,
        before=before,
        after=after,
        flaws=flaws,
    )


def _follow(
    person: Person, learner: Learner, surroundings: Surroundings, policy: Policy, today: date
) -> Iterator[Change]:
    """Bring a linked learner in line."""
    if person.status is EmploymentStatus.INACTIVE or has_left(person, today):
        yield from _end(person, learner, policy)
        return
    before, after, flaws = _differences(person, learner, surroundings, policy)
    if learner.has_ended and learner.ended_by == policy.provider:
        yield _restore(person, learner, policy, before, after, flaws)
        return
    if learner.status == "pending" and policy.invite.activates_pending:
        before, after = {**before, "status": "pending"}, {**after, "status": "active"}
    if not learner.is_staff and person.last_day is None and learner.last_day and learner.ended_by == policy.provider:
        before = {**before, "last_day": learner.last_day.isoformat()}
        after = {**after, "last_day": None}
    if after or flaws:
        yield Change(
            kind=Kind.UPDATE,
            key=person.key,
            membership_id=learner.membership_id,
            user_id=learner.user_id,
            before=before,
            after=after,
            flaws=flaws,
        )
    if learner.has_ended:
        yield _skip(person, Reason.ENDED_BY_ADMIN, learner=learner)
    elif person.last_day is not None:
        yield from _end(person, learner, policy)


def _end(person: Person, learner: Learner, policy: Policy) -> Iterator[Change]:
    """End the learner's access after the person's last day, or at once when there is no date."""
    if learner.has_ended:
        return
    if learner.is_staff:
        yield _skip(person, Reason.STAFF_ACCOUNT, learner=learner)
        return
    is_set_by_admin = learner.last_day is not None and learner.ended_by != policy.provider
    if person.last_day is not None and learner.last_day is not None:
        # An earlier day that an admin chose stays; our own is followed to its latest value.
        if learner.last_day == person.last_day or (is_set_by_admin and learner.last_day < person.last_day):
            return
    yield Change(
        kind=Kind.END_ACCESS,
        key=person.key,
        membership_id=learner.membership_id,
        user_id=learner.user_id,
        before={"last_day": learner.last_day.isoformat() if learner.last_day else None, "status": learner.status},
        after={"last_day": person.last_day.isoformat() if person.last_day else None},
        flaws=person.flaws,
    )


def _restore(
    person: Person,
    learner: Learner,
    policy: Policy,
    before: dict[str, Any],
    after: dict[str, Any],
    flaws: tuple[Flaw, ...],
) -> Change:
    """Give a returning person the old account back; who never signed in is added as the settings say."""
    status = "active" if learner.has_signed_in else policy.invite.adds_as
    last_day = person.last_day.isoformat() if person.last_day else None
    return Change(
        kind=Kind.RESTORE,
        key=person.key,
        membership_id=learner.membership_id,
        user_id=learner.user_id,
        before={
            **before,
            "status": learner.status,
            "last_day": learner.last_day.isoformat() if learner.last_day else None,
        },
        after={**after, "status": status, "last_day": last_day},
        mail="" if learner.has_signed_in else _mail(status, policy),
        flaws=flaws,
    )


def _differences(
    person: Person, learner: Learner, surroundings: Surroundings, policy: Policy
) -> tuple[dict[str, Any], dict[str, Any], tuple[Flaw, ...]]:
    """Return old and new values of what differs, and the flaws met."""
    values, flaws = custom_values(person, policy)
    flaws = person.flaws + flaws
    old, new = {}, {}
    for key, value in values.items():
        if learner.custom_data.get(key) != value:
            old[key], new[key] = learner.custom_data.get(key), value
    before: dict[str, Any] = {"custom_data": old} if new else {}
    after: dict[str, Any] = {"custom_data": new} if new else {}
    # Names and addresses of staff are out of an integration's reach.
    if learner.is_staff:
        return before, after, flaws
    for name in ("first_name", "last_name"):
        value = getattr(person, name)
        if value and value != getattr(learner, name):
            before[name], after[name] = getattr(learner, name), value
    address = next(iter(addresses(person, policy)), "")
    if address and address != learner.email.lower():
        if problem := _address_problem(address, learner, surroundings):
            flaws += (Flaw("email", problem, address),)
        else:
            before["email"], after["email"] = learner.email, address
    return before, after, flaws


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


def _skip(person: Person, reason: Reason, *, due_on: date | None = None, learner: Learner | None = None) -> Change:
    return Change(
        kind=Kind.SKIP,
        key=person.key,
        reason=reason,
        membership_id=learner.membership_id if learner else None,
        due_on=due_on,
        flaws=person.flaws,
    )
