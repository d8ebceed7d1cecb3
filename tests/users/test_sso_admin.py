"""The admin pages of single sign-on: who sees them, what they refuse, and how many queries they take."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from integrations.sandbox import assertions
from integrations.sandbox.assertions import Signer
from portals import saml_metadata
from portals.models import Portal, SamlSettings, SignedLinkSettings
from tests.admin_pages import errors, form_data, page
from tests.factories.portals import PortalFactory, SamlSettingsFactory, SignedLinkSettingsFactory
from tests.factories.users import AdminFactory
from users.models import AuditEntry, SignInAttempt

pytestmark = pytest.mark.django_db

OVERVIEW = "/admin/portals/samlsettings/overview/"
ISSUER = "https://id.example.com/metadata"


@pytest.fixture(scope="module")
def signer():
    return Signer("Identity provider")


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def client(portal_client, portal):
    return portal_client(portal, AdminFactory(portal=portal).user)


class TestMetadataUpload:
    def upload(self, client, content):
        url = page(SamlSettings, "add")
        data, _relations = form_data(client.get(url))
        return client.post(url, {**data, "metadata": SimpleUploadedFile("metadata.xml", content)})

    def test_fills_everything_in(self, client, portal, signer):
        xml = assertions.metadata(ISSUER, "https://id.example.com/sign-in", [signer])

        assert self.upload(client, xml.encode()).status_code == 302
        settings = SamlSettings.objects.get(portal=portal)
        assert (settings.entity_id, settings.sign_in_url) == (ISSUER, "https://id.example.com/sign-in")
        assert settings.is_complete

    @pytest.mark.parametrize("content", [b"no xml", b"<x/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
    def test_says_what_is_wrong_with_a_file(self, client, content):
        answer = self.upload(client, content)

        assert answer.status_code == 200
        assert "file" in errors(answer).lower()
        assert not SamlSettings.objects.exists()


class TestCertificates:
    def test_are_those_that_there_are_however_many_were_counted(self, client, portal, signer):
        settings = SamlSettingsFactory(portal=portal)
        saml_metadata.replace_certificates(settings, [saml_metadata.certificate_of(signer.certificate)])
        url = page(SamlSettings, "change", settings.pk)
        data, _relations = form_data(client.get(url))

        answer = client.post(url, {**data, "certificates-TOTAL_FORMS": "3", "sign_in_url": "none"})

        assert answer.status_code == 200
        assert settings.certificates.count() == 1


class TestWeakSignatures:
    def save(self, client, **changes):
        url = page(SignedLinkSettings, "add")
        data, _relations = form_data(client.get(url))
        return client.post(url, {**data, **changes})

    @pytest.mark.parametrize("signature", ["sha256", "md5"])
    def test_need_a_choice_of_their_own(self, client, signature):
        assert "weak" in errors(self.save(client, signature=signature))
        assert self.save(client, signature=signature, accepts_weak="on").status_code == 302

    @pytest.mark.parametrize("pattern", ["{email}{time}", "{email}{time}{secret}{x}"])
    def test_need_a_pattern_that_proves_something(self, client, pattern):
        answer = self.save(client, signature="sha256", accepts_weak="on", pattern=pattern)

        assert "pattern needs" in errors(answer)

    def test_names_stand_once(self, client):
        assert "name of its own" in errors(self.save(client, email_parameter="TS"))


class TestPages:
    PATHS = (
        OVERVIEW,
        "/admin/portals/samlsettings/test/",
        "/admin/portals/samlsettings/forget/",
        "/admin/portals/samlsettings/method/saml/",
        "/admin/portals/signedlinksettings/secret/",
        "/admin/portals/signedlinksettings/tester/",
        "/admin/users/signinattempt/",
    )

    @pytest.mark.parametrize("path", PATHS)
    def test_are_for_full_admins_of_the_portal(self, portal_client, portal, client, path):
        SamlSettingsFactory(portal=portal)
        SignedLinkSettingsFactory(portal=portal)
        limited = AdminFactory(portal=portal, is_limited=True).user
        stranger = AdminFactory(portal=PortalFactory(realm=portal.realm)).user

        assert client.get(path).status_code == 200
        assert portal_client(portal, limited).get(path).status_code in {302, 403}
        assert portal_client(portal, stranger).get(path).status_code in {302, 403}

    def test_take_the_same_queries_for_one_attempt_and_for_many(
        self, client, portal, django_assert_max_num_queries, django_assert_num_queries
    ):
        def attempt():
            SignInAttempt.objects.create(portal=portal, method="saml", reason="expired", at=timezone.now())

        attempt()
        with django_assert_max_num_queries(15) as counted:
            client.get(OVERVIEW)
        for _ in range(9):
            attempt()

        with django_assert_num_queries(len(counted)):
            assert client.get(OVERVIEW).status_code == 200


class TestChoosingTheMethod:
    def test_changes_only_by_a_post_and_is_on_record(self, client, portal, signer):
        settings = SamlSettings.objects.create(portal=portal, entity_id=ISSUER, sign_in_url="https://id.example.com/")
        saml_metadata.replace_certificates(settings, [saml_metadata.certificate_of(signer.certificate)])
        path = "/admin/portals/samlsettings/method/saml/"
        client.get(path)
        assert Portal.objects.get(pk=portal.pk).sign_in_method == "password"

        client.post(path)

        assert Portal.objects.get(pk=portal.pk).sign_in_method == "saml"
        assert AuditEntry.objects.get(action="sign_in_method_changed").after == {"method": "saml"}

    @pytest.mark.parametrize("method", ["saml", "signed_link"])
    def test_is_refused_before_it_is_set_up(self, client, portal, method):
        answer = client.post(f"/admin/portals/samlsettings/method/{method}/")

        assert "Complete its settings first" in answer.text
        assert Portal.objects.get(pk=portal.pk).sign_in_method == "password"


class TestSecret:
    def test_is_shown_once_and_never_on_record(self, client, portal):
        SignedLinkSettingsFactory(portal=portal)

        answer = client.post("/admin/portals/signedlinksettings/secret/", {"overlap": "1"})

        secret = answer.context["secret"]
        assert len(secret) > 40
        assert secret not in client.get("/admin/portals/signedlinksettings/secret/").text
        entry = AuditEntry.objects.get(action="signed_link_secret_changed")
        assert secret not in f"{entry.before}{entry.after}"

    def test_must_be_long_enough(self, client, portal):
        SignedLinkSettingsFactory(portal=portal)

        client.post("/admin/portals/signedlinksettings/secret/", {"overlap": "1", "secret": "short"})

        assert SignedLinkSettings.objects.get().secret == ""
