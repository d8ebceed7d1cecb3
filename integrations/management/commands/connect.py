"""Finish a consent from the command line, on the same path as the callback."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations import connecting, providers
from integrations.consent_problems import ConsentProblem, Trouble
from portals.models import Portal

FAILED, WRONG_USAGE, NEEDS_A_PERSON = 1, 2, 3
# Only a person can choose another account or portal.
FOR_A_PERSON = {Trouble.COMPANY_IN_USE, Trouble.OTHER_COMPANY, Trouble.OTHER_REALM, Trouble.TURNED_OFF}


class Command(BaseCommand):
    help = "Connect a portal with the account that a consent code stands for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--portal", required=True, metavar="SLUG")
        parser.add_argument("--provider", required=True, choices=[one.key for one in providers.all_providers()])
        parser.add_argument(
            "--code",
            required=True,
            help="the code sent to the callback address; as --code=CODE, for it may begin with a dash",
        )
        parser.add_argument(
            "--record-type",
            default="",
            choices=[kind.key for one in providers.all_providers() for kind in one.record_types],
            help="which kind of records learners come from, where the provider has several",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Connect, or say why not."""
        portal = Portal.objects.filter(slug=options["portal"]).first()
        if portal is None:
            raise CommandError(f"There is no portal “{options['portal']}”.", returncode=WRONG_USAGE)
        provider = providers.get(options["provider"])
        try:
            connection = connecting.connect_by_code(
                portal=portal,
                provider=provider.key,
                code=options["code"],
                record_type=options["record_type"],
                now=timezone.now(),
            )
        except ConsentProblem as problem:
            if problem.trouble is Trouble.NO_RECORD_TYPE:
                raise CommandError(_which_record_type(provider), returncode=WRONG_USAGE) from None
            words = problem.explain(provider.label)
            code = NEEDS_A_PERSON if problem.trouble in FOR_A_PERSON else FAILED
            raise CommandError(f"{words['title']}. {words['sentence']} {words['advice']}", returncode=code) from None
        report = {
            "portal": portal.slug,
            "provider": provider.key,
            "account": connection.external_account_name,
            "account_id": connection.external_account_id,
            "record_type": connection.record_type,
            "state": connection.state,
        }
        text = json.dumps(report) if options["json"] else f"{portal.slug}: connected with {report['account']}"
        self.stdout.write(text)


def _which_record_type(provider: providers.Provider) -> str:
    kinds = ", ".join(kind.key for kind in provider.record_types)
    return f"Name the kind of records: --record-type {kinds}" if kinds else f"{provider.label} has no --record-type."
