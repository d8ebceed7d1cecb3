"""Settings as a file: who may, what the page shows before anything happens, and that it does just that."""

from collections import Counter
from http import HTTPStatus

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.portal_settings import document, reading
from integrations.sync.effects import Effect
from integrations.views.portal_settings import sync_sentences
from portals.models import Group, Portal
from tests.factories.portals import DynamicRuleFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry

from .conftest import text_of

pytestmark = pytest.mark.django_db
PAGE = "/admin/settings/file/"


@pytest.fixture
def portal():
    return PortalFactory(slug="harbor")


@pytest.fixture
def client(portal, portal_client):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def content(portal):
    """A file with a group more than the portal has."""
    donor = PortalFactory()
    GroupFactory(portal=donor, title="Sellers & <friends>")
    return document.write(reading.settings_of(donor)).encode()


def upload(client, content):
    return client.post(PAGE, {"file": SimpleUploadedFile("settings.json", content)})


def agree(client, shown):
    return client.post(
        PAGE, {"content": shown.context["form"].initial["content"], "seal": shown.context["outlook"].seal}
    )


class TestFilePage:
    def test_offers_download_upload_and_copy(self, client):
        text = text_of(client.get(PAGE))

        assert "Download the settings" in text
        assert "Show the difference" in text
        assert "New sub-portal with these settings" in text

    def test_offers_no_copy_of_a_sub_portal(self, portal, portal_client):
        sub = PortalFactory(realm=portal.realm, parent=portal)
        admin = AdminFactory(portal=sub).user

        assert "New sub-portal" not in text_of(portal_client(sub, admin).get(PAGE))
        refused = portal_client(sub, admin).post(reverse("portal_settings:copy"), {"name": "X", "slug": "x"})
        assert refused.status_code == HTTPStatus.FORBIDDEN

    @pytest.mark.parametrize("name", ["file", "download", "copy"])
    def test_is_for_full_admins_only(self, portal, portal_client, name):
        limited = AdminFactory(portal=portal, is_limited=True).user
        manager = MembershipFactory(portal=portal, role="manager").user
        stranger = AdminFactory(portal=PortalFactory(realm=portal.realm)).user
        address = reverse(f"portal_settings:{name}")

        for visitor in (limited, manager):
            for method in ("get", "post"):
                response = getattr(portal_client(portal, visitor), method)(address)
                assert response.status_code == HTTPStatus.FORBIDDEN
        assert portal_client(portal, stranger).post(address).status_code == HTTPStatus.FOUND
        assert portal_client(None).get(address).status_code == HTTPStatus.NOT_FOUND

    def test_shows_what_a_file_would_do_and_does_not_do_it(self, client, portal, content):
        shown = upload(client, content)

        assert "Sellers & <friends>" in text_of(shown)
        assert b"<friends>" not in shown.content
        assert not portal.groups.exists()

    def test_does_what_it_showed(self, client, portal, content):
        response = agree(client, upload(client, content))

        assert response.url == PAGE
        assert portal.groups.get().title == "Sellers & <friends>"
        assert AuditEntry.objects.filter(action="settings_imported", portal_id=portal.pk).exists()

    def test_shows_the_difference_anew_when_it_is_another_one_by_now(self, client, portal, content):
        shown = upload(client, content)
        GroupFactory(portal=portal, title="Latecomers")

        again = agree(client, shown)

        assert "have changed meanwhile" in text_of(again)
        assert [group.title for group in Group.objects.filter(portal=portal)] == ["Latecomers"]
        assert agree(client, again).status_code == HTTPStatus.FOUND

    def test_says_whom_a_rule_moves(self, client, portal):
        donor = PortalFactory()
        DynamicRuleFactory(group=GroupFactory(portal=donor, title="Everyone"), state="active")
        MembershipFactory(portal=portal, status="active")

        shown = upload(client, document.write(reading.settings_of(donor)).encode())

        # The admin is the other one.
        sentence = "2 people join, 0 people leave, 0 enrollments begin, 0 enrollments end."
        assert f"Rule of “Everyone”: {sentence}" in text_of(shown)

    def test_says_when_there_is_nothing_to_do(self, client, portal):
        shown = upload(client, document.write(reading.settings_of(portal)).encode())

        assert "set up as the file says already" in text_of(shown)

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "Choose a file."),
            (b"{", "no file with settings"),
            (b"[]", "does not hold the settings"),
            (b" " * 2_000_001, "2 MB"),
        ],
    )
    def test_refuses_files_with_a_reason(self, client, content, why):
        response = upload(client, content) if content else client.post(PAGE)

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert why in text_of(response)

    def test_refuses_a_file_that_the_portal_cannot_follow(self, client, portal, content):
        broken = content.replace(b'"rule": null', b'"rule": {"base_group": "Nowhere"}')

        response = upload(client, broken)

        assert "from a group that is nowhere: “Nowhere”" in text_of(response)
        assert not portal.groups.exists()

    def test_costs_as_many_queries_for_one_group_as_for_many(self, client, portal, content):
        def queries():
            with CaptureQueriesContext(database) as captured:
                assert upload(client, content).status_code == HTTPStatus.OK
            return len(captured)

        GroupFactory(portal=portal)
        queries()
        few = queries()
        GroupFactory.create_batch(20, portal=portal)

        assert queries() == few


class TestDownloadView:
    def test_gives_the_file_and_writes_it_down(self, client, portal):
        GroupFactory(portal=portal, title="Sellers")

        response = client.get(reverse("portal_settings:download"))

        assert response["Content-Disposition"] == 'attachment; filename="harbor-settings.json"'
        assert document.parse(response.content).groups[0].title == "Sellers"
        assert AuditEntry.objects.filter(action="settings_exported").exists()


class TestCopyView:
    def test_makes_a_sub_portal(self, client, portal):
        GroupFactory(portal=portal, title="Sellers")

        response = client.post(reverse("portal_settings:copy"), {"name": "Harbor North", "slug": "harbor-north"})

        made = Portal.objects.get(slug="harbor-north")
        assert response.url == PAGE
        assert (made.parent, made.groups.get().title) == (portal, "Sellers")

    def test_refuses_an_address_that_is_taken(self, client, portal):
        response = client.post(reverse("portal_settings:copy"), {"name": "Harbor North", "slug": "harbor"})

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert not Portal.objects.filter(parent=portal).exists()

    def test_says_how_an_address_is_written_and_keeps_what_was_typed(self, client):
        response = client.post(reverse("portal_settings:copy"), {"name": "West", "slug": "Bad Slug!"})

        shown = response.content.decode()
        assert "Use lower-case letters, digits and hyphens." in shown
        assert "“slug”" not in shown
        assert 'value="Bad Slug!"' in shown


class TestSyncSentences:
    def test_say_that_nobody_changes(self):
        assert sync_sentences(Effect()) == ["nobody changes, as far as is known from the last one."]

    def test_count_people_and_mails(self):
        effect = Effect(people=1, counts=Counter(invite=1), mails=1)

        assert sync_sentences(effect)[-1] == "1 mail would go."

    def test_do_not_promise_what_there_was_no_time_to_look_at(self):
        assert sync_sentences(Effect(is_whole=False)) == ["No mail would go."]
