"""Create a portal, its realm if that is new, and its first admin; or a sub-portal set up like another portal."""

import json
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from integrations.portal_settings import cloning, document
from portals.models import Portal, Realm
from users import audit, invitations
from users.models import Invitation, Membership, User

WRONG_USAGE = 2


class Command(BaseCommand):
    help = "Create a portal and its first full admin, and print a link to set the admin's password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--realm", default="", help="name of the realm; made when there is none of that name")
        parser.add_argument("--slug", required=True, help="first part of the portal's address")
        parser.add_argument("--name", required=True, help="name that people see")
        parser.add_argument("--admin-email", default="", help="e-mail address of the first admin")
        parser.add_argument("--time-zone", default="", help="such as Europe/Berlin (default: UTC)")
        parser.add_argument("--enable", default="", help="integrations to turn on, such as gusto,hubspot")
        parser.add_argument(
            "--copy-from",
            default="",
            metavar="SLUG",
            help="make a sub-portal with the settings of this portal; realm, admins and integrations are its family's",
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create everything, or nothing."""
        email = options["admin_email"].strip().lower()
        integrations = [name.strip() for name in options["enable"].split(",") if name.strip()]
        _check(email, integrations, options)
        with transaction.atomic():
            portal = _sub_portal(options) if options["copy_from"] else _top_portal(options, integrations)
            link = _first_admin(portal, email) if email else portal.url(reverse("users:sign_in"))
        result = {"realm": portal.realm.name, "portal": portal.slug, "url": portal.url(), "admin": email, "link": link}
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(f"Portal:  {result['url']}\nAdmin:   {email}\nLink to come in (works once): {link}")


def _check(email: str, integrations: list[str], options: dict[str, Any]) -> None:
    is_copy = bool(options["copy_from"])
    if is_copy and (options["realm"] or integrations):
        raise CommandError("--copy-from brings realm and integrations along.", returncode=WRONG_USAGE)
    if not is_copy and not (options["realm"] and email):
        raise CommandError("Name the realm and the first admin: --realm, --admin-email.", returncode=WRONG_USAGE)
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise CommandError(f"“{email}” is no e-mail address.", returncode=WRONG_USAGE) from error
    for name in integrations:
        if not apps.is_installed(f"integrations.{name}"):
            raise CommandError(f"This installation has no integration “{name}”.", returncode=WRONG_USAGE)


def _top_portal(options: dict[str, Any], integrations: list[str]) -> Portal:
    realm, _is_new = Realm.objects.get_or_create(name=options["realm"])
    return _portal(
        realm=realm,
        slug=options["slug"],
        name=options["name"],
        time_zone=options["time_zone"] or "UTC",
        enabled_integrations=integrations,
    )


def _sub_portal(options: dict[str, Any]) -> Portal:
    source = Portal.objects.filter(slug=options["copy_from"]).first()
    if source is None:
        raise CommandError("There is no portal to copy from at this address.", returncode=WRONG_USAGE)
    try:
        return cloning.clone(
            source=source,
            slug=options["slug"],
            name=options["name"],
            time_zone=options["time_zone"],
            now=timezone.now(),
        )
    except ValidationError as error:
        raise _refusal(error) from error
    except document.Unfit as problem:
        raise CommandError(str(problem)) from problem


def _refusal(error: ValidationError) -> CommandError:
    refused = "\n".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
    return CommandError(refused, returncode=WRONG_USAGE)


def _portal(**fields: Any) -> Portal:
    portal = Portal(**fields)
    try:
        portal.full_clean()
    except ValidationError as error:
        raise _refusal(error) from error
    portal.save()
    return portal


def _first_admin(portal: Portal, email: str) -> str:
    """Return the link by which the admin comes in: to set a password, or to sign in with the one they have."""
    now = timezone.now()
    user = User.objects.filter(realm=portal.realm, email=email).first()
    if user is None:
        user = User.objects.create_user(realm=portal.realm, email=email)
    is_known = user.has_usable_password()
    membership = Membership.objects.create(
        portal=portal,
        user=user,
        role=Membership.Role.ADMIN,
        status=Membership.Status.ACTIVE if is_known else Membership.Status.PENDING,
        created_at=now,
    )
    audit.record(portal=portal, action="portal_created", object=portal, after={"admin": membership.pk})
    if is_known:
        return portal.url(reverse("users:sign_in"))
    invitation = invitations.issue(membership=membership, kind=Invitation.Kind.INVITE, now=now)
    invitations.hand_over(invitation=invitation, now=now)
    return invitations.link(invitation)
