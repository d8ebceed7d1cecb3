"""The mails in other languages: complete, in step with their sources, and sent in the portal's language."""

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.factories.users import InvitationFactory
from users import emails

FOLDER = Path(settings.BASE_DIR)
CATALOGS = sorted((FOLDER / "users" / "locale").glob("*/LC_MESSAGES/django.po"))
MAILS = [
    path
    for kind in ("invite", "reminder", "welcome", "reset")
    for path in (FOLDER / "templates/users/email").glob(f"{kind}.*")
]
TEXT = re.compile(r"{% translate \"(.*?)\"|{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}")
NAME = re.compile(r"%\(\w+\)s")


def texts():
    """Return what the mails say, as catalogues call it."""
    found = set()
    for path in [*MAILS, FOLDER / "templates/users/email/base.html"]:
        for plain, block in TEXT.findall(path.read_text()):
            found.add(plain or re.sub(r"{{ (\w+) }}", r"%(\1)s", block))
    return found


def compiled(catalog):
    """Return the translations by their sources, as Django reads them."""
    with catalog.with_suffix(".mo").open("rb") as file:
        return {source: text for source, text in gettext.GNUTranslations(file)._catalog.items() if source}


@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda path: path.parts[-3])
class TestCatalogue:
    def test_has_every_text_of_the_mails_and_no_other(self, catalog):
        assert set(compiled(catalog)) == texts()

    def test_is_compiled_from_what_is_written(self, catalog):
        written = re.findall(r'^msgstr "(.+)"$', catalog.read_text(), re.MULTILINE)

        assert {text.replace('\\"', '"') for text in written} == set(compiled(catalog).values())
        assert "#, fuzzy" not in catalog.read_text()

    def test_keeps_the_names_in_each_text(self, catalog):
        for source, text in compiled(catalog).items():
            assert sorted(NAME.findall(source)) == sorted(NAME.findall(text))

    def test_is_of_a_language_that_portals_can_choose(self, catalog):
        assert catalog.parts[-3] in dict(settings.LANGUAGES)


@pytest.mark.django_db
class TestMails:
    @pytest.mark.parametrize(
        ("kind", "status", "subject", "words"),
        [
            ("invite", "pending", "Ihre Einladung zu Nord", "Sie sind zu Nord eingeladen"),
            ("welcome", "active", "Willkommen bei Nord", "Sie haben ein Konto bei Nord"),
            ("reset", "active", "Neues Passwort für Nord", "ein neues Passwort angefordert"),
        ],
    )
    def test_speak_the_language_of_the_portal(self, kind, status, subject, words):
        invitation = InvitationFactory(
            kind=kind,
            membership__status=status,
            membership__portal__name="Nord",
            membership__portal__language="de",
            membership__user__first_name="Ada",
        )

        message = emails.compose(invitation)

        assert message.subject == subject
        for text in (message.body, message.alternatives[0].content):
            assert "Guten Tag Ada," in text
            assert words in text
        assert '<html lang="de">' in message.alternatives[0].content
