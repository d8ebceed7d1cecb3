"""Take an identity provider's metadata over into a portal, and let its learners sign in there."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from portals import saml_metadata
from portals.models import Portal, SamlSettings
from users import audit

WRONG_USAGE = 2
NAMES = ("email_attribute", "first_name_attribute", "last_name_attribute", "groups_attribute")


class Command(BaseCommand):
    help = "Set up SAML for a portal from the metadata of its identity provider. May be run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--portal", required=True, help="first part of the portal's address")
        parser.add_argument("--metadata", required=True, help="file with the metadata; - reads it from the input")
        for name in NAMES:
            parser.add_argument(f"--{name.replace('_', '-')}", help=f"name of the {name.replace('_', ' ')}")
        parser.add_argument("--create-people", action="store_true", help="add people at their first sign-in")
        parser.add_argument("--use", action="store_true", help="let learners sign in by SAML from now on")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Save everything, or nothing."""
        portal = Portal.objects.filter(slug=options["portal"]).first()
        if portal is None:
            raise CommandError(f"There is no portal “{options['portal']}”.", returncode=WRONG_USAGE)
        try:
            metadata = saml_metadata.read(_content(options["metadata"]))
            with transaction.atomic():
                settings = _save(portal, metadata, options)
        except (OSError, saml_metadata.MetadataRefused) as problem:
            raise CommandError(str(problem), returncode=WRONG_USAGE) from problem
        result = {"portal": portal.slug, "entity_id": settings.entity_id, "sign_in_method": portal.sign_in_method}
        self.stdout.write(json.dumps(result) if options["json"] else f"SAML of {portal}: {settings.entity_id}")


def _content(source: str) -> bytes:
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


def _save(portal: Portal, metadata: saml_metadata.Metadata, options: dict[str, Any]) -> SamlSettings:
    settings, _is_new = SamlSettings.objects.get_or_create(portal=portal)
    for name in NAMES:
        if options[name] is not None:
            setattr(settings, name, options[name])
    settings.creates_people = settings.creates_people or options["create_people"]
    saml_metadata.take_over(settings, metadata)
    if options["use"]:
        portal.sign_in_method = Portal.SignInMethod.SAML
        portal.save(update_fields=["sign_in_method"])
    audit.record(portal=portal, action="saml_set_up", object=settings, after={"entity_id": settings.entity_id})
    return settings
