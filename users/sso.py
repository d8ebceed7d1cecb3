"""Single sign-on, whatever the method: who may come in, what is taken over from the other side, and its traces.

A portal's identity provider opens this portal for its learners and for nobody else: staff use a password, access that
has ended stays ended, and a session that began here counts nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from portals import addresses, field_types
from portals.field_types import FieldType, ValueRefused
from portals.models import CustomField, Group, Portal, SamlSettings, SignedLinkSettings
from portals.standing import Level
from users import access, audit, cascade, custom_data, enrollments, grouping, invitations, provisioning, seats
from users.import_plan import MAX_EMAIL
from users.models import Membership, SignInAttempt, SignOnIdentity, SpentToken, User
from users.sign_on_reasons import Reason, Refused

Status = Membership.Status
# In the session: the id of the portal for which single sign-on opened it.
OPENED_FOR = "single_sign_on"
# Attempts are kept for so long.
ATTEMPTS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the other side vouches for; every value was checked to be signed.

    `values` maps custom field ids to texts; `group_titles` is None when the other side said nothing about groups.
    `issuer` and `name_id` name the person at an identity provider and are empty for signed links.
    """

    email: str
    first_name: str = ""
    last_name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    group_titles: tuple[str, ...] | None = None
    issuer: str = ""
    name_id: str = ""


def admit(
    *, portal: Portal, claims: Claims, method: str, creates_people: bool, now: datetime, request: HttpRequest
) -> Membership:
    """Let the person in whom the claims name, with what the claims say of them, and return the membership.

    A pending invitation is accepted by it. Raises Refused.
    """
    arguments: dict[str, Any] = {
        "portal": portal,
        "claims": claims,
        "method": method,
        "creates_people": creates_people,
        "now": now,
        "request": request,
    }
    try:
        with transaction.atomic():
            return _admit(**arguments)
    except seats.NoSeat:
        # Somebody else took the last one between the look and the writing.
        raise Refused(Reason.NO_SEAT) from None
    except IntegrityError:
        # The same newcomer came in at the same moment, in another window.
        with transaction.atomic():
            return _admit(**arguments)


def find(*, portal: Portal, claims: Claims, creates_people: bool, now: datetime) -> Membership | None:
    """Return the learner whom the claims name, or None for someone whom `admit` would create; writes nothing.

    Raises Refused.
    """
    email = _address(claims)
    membership = _known(portal, claims, email)
    if membership is None:
        _check_newcomer(portal, email, creates_people, now)
    else:
        _check_known(membership, portal, now)
    return membership


def spend(*, portal: Portal, text: str, expires_at: datetime, now: datetime) -> None:
    """Note that this assertion or token was used; it is remembered until it expires. Raises Refused."""
    SpentToken.objects.filter(portal=portal, expires_at__lt=now).delete()
    try:
        with transaction.atomic():
            SpentToken.objects.create(portal=portal, digest=_digest(text), expires_at=expires_at)
    except IntegrityError:
        raise Refused(Reason.REPLAYED) from None


def refuse_spent(*, portal: Portal, text: str) -> None:
    """Raise Refused when this assertion or token was used already."""
    if SpentToken.objects.filter(portal=portal, digest=_digest(text)).exists():
        raise Refused(Reason.REPLAYED)


def note_attempt(
    *,
    portal: Portal,
    method: str,
    reason: str = "",
    membership: Membership | None = None,
    now: datetime,
    request: HttpRequest,
) -> SignInAttempt:
    """Add a line to the list of attempts that the portal's admin sees; old lines go."""
    SignInAttempt.objects.filter(portal=portal, at__lt=now - ATTEMPTS_KEPT).delete()
    return SignInAttempt.objects.create(
        portal=portal,
        at=now,
        method=method,
        reason=reason,
        membership=membership,
        address=addresses.address_of(request),
    )


def forget_identities(*, portal: Portal, request: HttpRequest) -> int:
    """Let everyone be known by the e-mail address once more, at the next sign-in; return how many were linked."""
    with transaction.atomic():
        count, _models = SignOnIdentity.objects.filter(portal=portal).delete()
        audit.record(
            portal=portal, action="sign_on_links_forgotten", object=portal, before={"links": count}, request=request
        )
    return count


def settings_of(portal: Portal) -> SamlSettings | SignedLinkSettings | None:
    """Return the settings of the portal's method of single sign-on, if it has one that is set up."""
    models: dict[str, type[SamlSettings | SignedLinkSettings]] = {
        Portal.SignInMethod.SAML: SamlSettings,
        Portal.SignInMethod.SIGNED_LINK: SignedLinkSettings,
    }
    model = models.get(portal.sign_in_method)
    found = model._default_manager.filter(portal=portal).first() if model else None
    return found if found and found.is_complete else None


def sign_in_address(portal: Portal, wish: str) -> str | None:
    """Return where people of the portal sign in who want to go to `wish`; None for the page with the password."""
    if portal.uses_passwords or wish.startswith(reverse("admin:index")):
        return None
    settings = settings_of(portal)
    if isinstance(settings, SignedLinkSettings):
        return settings.sign_in_url or None
    return f"{reverse('users:saml')}?{urlencode({'next': wish})}" if settings else None


def _admit(
    *, portal: Portal, claims: Claims, method: str, creates_people: bool, now: datetime, request: HttpRequest
) -> Membership:
    membership = find(portal=portal, claims=claims, creates_people=creates_people, now=now)
    if membership is None:
        membership = _create(portal, claims, now)
    else:
        _accept(membership, now)
        _take_over(membership, claims, now)
    if claims.issuer:
        _remember(membership, claims, now)
    if claims.group_titles is not None:
        _sync_groups(membership, claims.group_titles, now)
    user = membership.user
    audit.record(
        portal=portal, action="signed_in", object=membership, after={"method": method}, request=request, actor=user
    )
    return membership


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _address(claims: Claims) -> str:
    email = claims.email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refused(Reason.NO_EMAIL) from None
    if len(email) > MAX_EMAIL:
        raise Refused(Reason.NO_EMAIL)
    return email


def _known(portal: Portal, claims: Claims, email: str) -> Membership | None:
    """Return the membership by the name id; by the address only at first contact. Raises Refused."""
    people = Membership.objects.select_related("user", "portal").filter(portal=portal)
    if claims.issuer:
        identities = SignOnIdentity.objects.filter(portal=portal, issuer=claims.issuer)
        linked = people.filter(sign_on_identities__in=identities.filter(name_id=claims.name_id)).first()
        if linked:
            return linked
    found = people.alias(address=Lower("user__email")).filter(address=email).first()
    if found and claims.issuer and identities.filter(membership=found).exists():
        # An address that was given to somebody else must not open the account of its former owner.
        raise Refused(Reason.OTHER_IDENTITY)
    return found


def _check_known(membership: Membership, portal: Portal, now: datetime) -> None:
    user = membership.user
    _refuse_staff(user, portal)
    if membership.role != Membership.Role.LEARNER:
        raise Refused(Reason.STAFF)
    entering = copy(membership)
    if membership.status == Status.PENDING:
        if membership.invitation_withdrawn_at is not None:
            raise Refused(Reason.INVITATION_WITHDRAWN)
        entering.status = Status.ACTIVE
    if not user.is_active or not access.may_enter(entering, portal=portal, now=now):
        raise Refused(Reason.ACCESS_ENDED)
    if membership.status == Status.PENDING:
        _check_seat(portal, now)


def _check_newcomer(portal: Portal, email: str, creates_people: bool, now: datetime) -> None:
    if not creates_people:
        raise Refused(Reason.UNKNOWN_PERSON)
    if account := _account(portal, email):
        _check_account(account, portal, now)
    _check_seat(portal, now)


def _check_account(account: User, portal: Portal, now: datetime) -> None:
    _refuse_staff(account, portal)
    if not portal.may_add_people_known_elsewhere:
        raise Refused(Reason.KNOWN_ELSEWHERE)
    if not account.is_active or cascade.is_shut_out_above(user_id=account.pk, portal=portal, now=now):
        raise Refused(Reason.ACCESS_ENDED)


def _check_seat(portal: Portal, now: datetime) -> None:
    if not seats.has_free(portal, now=now):
        raise Refused(Reason.NO_SEAT)


def _refuse_staff(user: User, portal: Portal) -> None:
    if user.is_superuser or user.standing_in(portal).level > Level.NONE:
        raise Refused(Reason.STAFF)


def _account(portal: Portal, email: str) -> User | None:
    return User.objects.alias(address=Lower("email")).filter(realm=portal.realm_id, address=email).first()


def _create(portal: Portal, claims: Claims, now: datetime) -> Membership:
    email = _address(claims)
    account = _account(portal, email)
    values = {key: value for key, value in _stored(portal, claims.values).items() if value is not None}
    person: dict[str, Any] = {"key": email, "email": email, "status": Status.ACTIVE, "custom_data": values}
    groups = grouping.first_groups(portal_id=portal.pk, newcomers=[person], now=now).get(email, [])
    newcomer = provisioning.Newcomer(
        **person,
        first_name=claims.first_name,
        last_name=claims.last_name,
        user_id=account.pk if account else None,
        rule_groups=groups,
    )
    cause = provisioning.Cause(reason="single_sign_on")
    source = Membership.Source.SSO
    added = provisioning.add_learners(portal=portal, newcomers=[newcomer], source=source, cause=cause, now=now)
    pk = added[email]
    enrollments.enroll_added(portal=portal, pairs=([pk] * len(groups), groups), now=now)
    return Membership.objects.select_related("user", "portal").get(pk=pk)


def _accept(membership: Membership, now: datetime) -> None:
    if membership.status == Status.PENDING:
        invitations.accept_by_single_sign_on(membership=membership, now=now)
        membership.refresh_from_db()


def _take_over(membership: Membership, claims: Claims, now: datetime) -> None:
    """Write names and custom values that differ, but for those that an HR system keeps or an admin pinned."""
    locked = {*custom_data.locked_fields(membership), *membership.pinned_keys}
    wanted = {"first_name": claims.first_name, "last_name": claims.last_name}
    fields: dict[str, Any] = {
        name: value
        for name, value in wanted.items()
        if value and name not in locked and value != getattr(membership.user, name)
    }
    before: dict[str, Any] = {name: getattr(membership.user, name) for name in fields}
    data = membership.custom_data
    stored = _stored(membership.portal, claims.values)
    patch = {key: value for key, value in stored.items() if key not in locked and value != data.get(key)}
    if patch:
        fields["custom_data"], before["custom_data"] = patch, {key: data.get(key) for key in patch}
    if not fields:
        return
    amendment = provisioning.Amendment(membership_id=membership.pk, fields=fields, before=before)
    cause = provisioning.Cause(actor_id=membership.user_id, reason="single_sign_on")
    provisioning.amend_learners(portal=membership.portal, amendments=[amendment], cause=cause, now=now)
    grouping.regroup(portal_id=membership.portal_id, membership_ids=[membership.pk], now=now)


def _stored(portal: Portal, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values to store, None clearing one; a text that does not fit its field is left out."""
    found: dict[str, Any] = {}
    for custom_field in CustomField.objects.filter(portal=portal, pk__in=texts).prefetch_related("choices"):
        type_ = FieldType(custom_field.type)
        offered = [choice.value for choice in custom_field.choices.all()] if custom_field.is_choice else []
        choices = field_types.read_choices(offered, type_)
        read = field_types.reader(type_, choices=choices, is_multiple=custom_field.is_multiple)
        try:
            found[custom_field.key] = read(texts[custom_field.key].replace("\0", ""))
        except ValueRefused:
            continue
    return found


def _remember(membership: Membership, claims: Claims, now: datetime) -> None:
    SignOnIdentity.objects.get_or_create(
        portal_id=membership.portal_id,
        issuer=claims.issuer,
        name_id=claims.name_id,
        defaults={"membership": membership, "created_at": now},
    )


def _sync_groups(membership: Membership, titles: tuple[str, ...], now: datetime) -> None:
    """Put the person into the named groups and out of the others, among those with the switch."""
    wanted = {title.strip().casefold() for title in titles}
    following = Group.objects.filter(portal=membership.portal_id, sso_sync=True)
    inside = set(membership.group_memberships.values_list("group", flat=True))
    for group in following.order_by("pk"):
        is_wanted = group.title.strip().casefold() in wanted
        if is_wanted and group.pk not in inside:
            grouping.add_members(group=group, membership_ids=[membership.pk], now=now)
        elif group.pk in inside and not is_wanted:
            grouping.remove_members(group=group, membership_ids=[membership.pk], now=now)
