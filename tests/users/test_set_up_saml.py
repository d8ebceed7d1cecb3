"""The command that takes metadata over."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from integrations.sandbox import assertions
from integrations.sandbox.assertions import Signer
from portals.models import SamlSettings
from tests.factories.portals import PortalFactory
from users.models import AuditEntry

pytestmark = pytest.mark.django_db

ISSUER = "https://id.example.com/metadata"


@pytest.fixture
def file(tmp_path):
    """A file with the metadata of a provider that is changing its key."""
    xml = assertions.metadata(ISSUER, "https://id.example.com/sign-in", [Signer("Old"), Signer("New")])
    path = tmp_path / "metadata.xml"
    path.write_text(xml)
    return path


def run(*arguments):
    out = io.StringIO()
    call_command("set_up_saml", "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


class TestCommand:
    def test_takes_everything_over_and_may_be_run_again(self, file):
        portal = PortalFactory(slug="juniper")

        for _ in range(2):
            found = run("--portal", "juniper", "--metadata", str(file), "--use", "--groups-attribute", "groups")

        settings = SamlSettings.objects.get(portal=portal)
        assert found == {"portal": "juniper", "entity_id": ISSUER, "sign_in_method": "saml"}
        assert (settings.groups_attribute, settings.certificates.count(), settings.is_complete) == ("groups", 2, True)
        assert AuditEntry.objects.filter(action="saml_set_up").count() == 2

    def test_leaves_the_method_alone_unless_asked(self, file):
        PortalFactory(slug="juniper")

        assert run("--portal", "juniper", "--metadata", str(file))["sign_in_method"] == "password"

    def test_refuses_unknown_portals(self, file):
        with pytest.raises(CommandError, match="no portal"):
            run("--portal", "nowhere", "--metadata", str(file))

    @pytest.mark.parametrize("content", ["", "<x/>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
    def test_refuses_what_is_no_metadata(self, tmp_path, content):
        portal = PortalFactory(slug="juniper")
        path = tmp_path / "metadata.xml"
        path.write_text(content)

        with pytest.raises(CommandError):
            run("--portal", "juniper", "--metadata", str(path), "--use")

        portal.refresh_from_db()
        assert (SamlSettings.objects.count(), portal.sign_in_method) == (0, "password")
