"""Write the HubSpot developer project of this installation."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from integrations.hubspot import developer_project
from integrations.hubspot.developer_project import Installation, Unusable

WRONG_USAGE: Final = 2
PROJECT: Final = Path(developer_project.__file__).with_name("project")
MARKER: Final = "hsproject.json"


class Command(BaseCommand):
    help = (
        "Writes the HubSpot developer project of this installation: hosts, scopes, properties and workflow actions. "
        "Upload the folder with HubSpot's command line tool; docs/hubspot.md says how."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("--host", required=True, help="name under which HubSpot reaches us by https")
        parser.add_argument(
            "--support-email", default="", help="whom people in HubSpot ask; support@HOST if not given"
        )
        parser.add_argument(
            "--app-id",
            default=settings.HUBSPOT_APP_ID,
            help="id of the app, HUBSPOT_APP_ID if not given; none before the first upload",
        )
        parser.add_argument(
            "--without-app-object",
            action="store_true",
            help="leave out what HubSpot has not approved yet; progress is kept in another place",
        )
        parser.add_argument("--out", type=Path, default=Path("hubspot-project"), help="folder to write to")
        parser.add_argument(
            "--definitions",
            action="store_true",
            help="write nothing; print the workflow actions and the custom object as JSON for HubSpot's API",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the project, or print the definitions."""
        installation = _installation(options)
        if options["definitions"]:
            self.stdout.write(_json(developer_project.definitions(installation)))
            return
        _write(installation, options["out"])
        self.stdout.write(_next_steps(installation, options["out"]))


def _installation(options: dict[str, Any]) -> Installation:
    email = options["support_email"] or f"support@{options['host']}"
    try:
        installation = Installation(
            host=options["host"],
            support_email=email,
            app_id=options["app_id"],
            known_app_object_scopes=tuple(settings.HUBSPOT_APP_OBJECT_SCOPES),
            has_app_object=not options["without_app_object"],
        )
        validate_email(email)
    except Unusable as problem:
        raise CommandError(str(problem), returncode=WRONG_USAGE) from None
    except ValidationError:
        raise CommandError(f"“{email}” is no e-mail address.", returncode=WRONG_USAGE) from None
    return installation


def _write(installation: Installation, folder: Path) -> None:
    """Copy what is the same everywhere and write the rest; raise CommandError for a folder with something else."""
    if folder.exists() and not (folder.is_dir() and ((folder / MARKER).exists() or not any(folder.iterdir()))):
        raise CommandError(f"{folder} holds something else than a HubSpot project; choose another folder with --out.")
    # The repository's own example is written in place.
    if folder.resolve() != PROJECT:
        shutil.copytree(PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    for path in (developer_project.APP_OBJECT, developer_project.ASSOCIATION):
        (folder / path).unlink(missing_ok=True)
    for path, content in developer_project.files(installation).items():
        _put(folder / path, _json(content))
    _put(folder / developer_project.CARD_SETTINGS, developer_project.card_settings(installation))


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _next_steps(installation: Installation, folder: Path) -> str:
    if not installation.has_app_object:
        return f"Written to {folder}, without the app object. Upload it with `hs project upload`."
    if not installation.app_id:
        return (
            f"Written to {folder}. Upload it with `hs project upload`, set HUBSPOT_APP_ID to the id that HubSpot "
            "shows, and run this command again: the scopes of the app object and the card need it."
        )
    scopes = ",".join(installation.app_object_scopes)
    return (
        f"Written to {folder}. Upload it with `hs project upload`, and compare these scopes with the app's page "
        f"before you set them:\nHUBSPOT_APP_OBJECT_SCOPES={scopes}"
    )
