"""White label: a portal with its own domain, colours, logo and sender."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from portals import domains
from portals.models import Portal
from tests.admin_pages import errors, page, save
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from tests.flows.browser import Browser
from users import invitations, tasks
from users.models import Invitation

from .conftest import link_in

pytestmark = pytest.mark.django_db

DOMAIN = "learn.birch.localhost"


@pytest.fixture
def birch():
    """A portal that wants to look like its owner."""
    return PortalFactory(name="Birch Learning", slug="birch")


@pytest.fixture
def admin(birch, visit):
    account = AdminFactory(portal=birch, user__email="ida.holm@birch.example").user
    return visit(birch).sign_in(account.email)


@pytest.fixture
def settings_page(birch, portal_client):
    """Save the settings of the portal as its admin does."""
    client = portal_client(birch, AdminFactory(portal=birch).user)
    url = page(Portal, "change", birch.pk)
    return lambda **changes: save(client, url, **changes)


@pytest.fixture
def on_its_domain(birch, admin, settings_page):
    settings_page(custom_domain=DOMAIN)
    admin.open(page(Portal, "change", birch.pk)).follow("Check the domain").press("Check now")
    birch.refresh_from_db()
    return birch


def picture(kind="PNG", size=(40, 20), name="logo"):
    file = io.BytesIO()
    Image.new("RGB", size, "#335533").save(file, kind)
    return SimpleUploadedFile(f"{name}.{kind.lower()}", file.getvalue())


class TestCustomDomain:
    def test_answers_after_it_was_checked(self, on_its_domain, admin):
        assert f"the portal is at http://{DOMAIN}:8000/ now" in admin.words

        assert "Birch Learning" in Browser(f"{DOMAIN}:8000").open("/sign-in/").words

    def test_is_refused_before(self, settings_page):
        settings_page(custom_domain=DOMAIN)

        visitor = Browser(DOMAIN).open("/sign-in/")

        assert (visitor.status, visitor.words) == (400, "There is no portal at this address.")

    def test_is_refused_when_it_leads_elsewhere(self, birch, admin, settings_page, monkeypatch):
        settings_page(custom_domain="learn.birch.example")
        addresses = {"learn.birch.example": {"203.0.113.7"}, "localhost": {"127.0.0.1"}}
        monkeypatch.setattr(domains, "addresses_of", lambda domain: addresses[domain])

        admin.open(page(Portal, "change", birch.pk)).follow("Check the domain").press("Check now")

        assert "The domain leads somewhere else." in admin.words
        birch.refresh_from_db()
        assert birch.custom_domain_verified_at is None

    def test_belongs_to_one_portal(self, on_its_domain):
        rival = PortalFactory(custom_domain=DOMAIN)

        with pytest.raises(domains.NotVerified, match="Another portal"):
            domains.verify(rival, now=on_its_domain.custom_domain_verified_at)

    def test_has_to_be_checked_again_when_it_changes(self, on_its_domain, settings_page):
        settings_page(custom_domain="academy.birch.localhost")

        on_its_domain.refresh_from_db()
        assert on_its_domain.custom_domain_verified_at is None

    def test_cannot_be_the_address_of_another_portal(self, settings_page):
        assert "a domain of your own" in errors(settings_page(custom_domain="harbor.localhost"))

    def test_is_in_the_links_of_mails(self, on_its_domain, smtp, call):
        guest = MembershipFactory(portal=on_its_domain, status="pending")
        on_its_domain.mail_sender = "Birch People Team"
        on_its_domain.save()
        invitations.issue(membership=guest, kind=Invitation.Kind.INVITE, now=on_its_domain.custom_domain_verified_at)

        call(tasks.send_invitations)

        (mail,) = smtp
        assert link_in(mail).startswith(f"http://{DOMAIN}:8000/invitation/")
        assert mail["From"].startswith("Birch People Team <")


class TestLogo:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_is_shown_on_the_sign_in_page(self, birch, settings_page, visit, portal_client, kind):
        settings_page(logo=picture(kind))

        birch.refresh_from_db()
        assert birch.logo_path in visit(birch).open("/sign-in/").source
        answer = portal_client(birch).get(birch.logo_path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(answer.content)).size == (40, 20)

    def test_is_made_small(self, birch, settings_page):
        settings_page(logo=picture(size=(3000, 1000)))

        birch.refresh_from_db()
        assert Image.open(io.BytesIO(birch.logo.content)).size == (600, 200)

    def test_is_not_shown_at_another_portal(self, birch, settings_page, portal_client):
        settings_page(logo=picture())

        birch.refresh_from_db()
        assert portal_client(PortalFactory()).get(birch.logo_path).status_code == 404

    def test_can_be_removed(self, birch, settings_page, portal_client):
        settings_page(logo=picture())
        birch.refresh_from_db()
        path = birch.logo_path

        settings_page(remove_logo="on")

        assert portal_client(birch).get(path).status_code == 404

    @pytest.mark.parametrize(
        ("file", "complaint"),
        [
            (SimpleUploadedFile("logo.svg", b"<svg onload='alert(1)'/>"), "PNG, JPEG or WebP"),
            (SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 50), "PNG, JPEG or WebP"),
            (SimpleUploadedFile("logo.png", b"0" * 1_000_001), "at most 1 MB"),
        ],
        ids=["a drawing with a script", "a broken file", "a large file"],
    )
    def test_cannot_be(self, birch, settings_page, file, complaint):
        assert complaint in errors(settings_page(logo=file))

        birch.refresh_from_db()
        assert birch.logo_path == ""


class TestColours:
    def test_stay_readable_in_light_and_dark(self, birch, settings_page, portal_client):
        settings_page(accent_color="#ffee00")

        style = portal_client(birch).get("/portal.css").content.decode()

        assert "--accent: #ffee00; --on-accent: #000000" in style
