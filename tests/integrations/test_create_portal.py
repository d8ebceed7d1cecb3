"""The command that makes a portal and its first admin."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portals.models import Portal, Realm
from tests.factories.portals import PortalFactory, RealmFactory
from tests.factories.users import AdminFactory
from users.models import Invitation, Membership, User

pytestmark = pytest.mark.django_db


def create(**options):
    out = StringIO()
    given = {
        "realm": "Acme",
        "slug": "acme",
        "name": "Acme Academy",
        "admin_email": "Hanna.Berg@example.com",
        "stdout": out,
        **options,
    }
    call_command("create_portal", **given)
    return out.getvalue()


class TestCreatePortal:
    def test_makes_realm_portal_and_admin(self):
        create(time_zone="Europe/Berlin", enable="gusto")

        portal = Portal.objects.get()
        admin = Membership.objects.get()
        assert (portal.realm.name, portal.slug, portal.name) == ("Acme", "acme", "Acme Academy")
        assert (portal.time_zone, portal.enabled_integrations) == ("Europe/Berlin", ["gusto"])
        assert (admin.portal, admin.role, admin.user.email) == (portal, "admin", "hanna.berg@example.com")
        assert not admin.user.has_usable_password()

    def test_prints_a_link_that_lets_the_admin_in(self, portal_client):
        found = json.loads(create(json=True))
        portal = Portal.objects.get()
        client = portal_client(portal)

        client.post(
            found["link"].removeprefix(portal.url("")),
            {"new_password1": "a new long password", "new_password2": "a new long password"},
        )

        assert found["url"] == portal.url()
        assert User.objects.get().administers(portal)

    def test_sends_no_mail(self, smtp):
        create()

        assert Invitation.objects.get().state == "sent"
        assert Invitation.objects.get().next_try_at is None

    def test_speaks_plainly_without_json(self):
        assert "Link to come in" in create()

    def test_adds_a_portal_to_a_realm_that_is_there(self):
        realm = RealmFactory(name="Acme")

        create()

        assert Portal.objects.get().realm == realm

    def test_lets_a_known_person_keep_the_password(self):
        known = AdminFactory(portal__realm=RealmFactory(name="Acme"), user__email="hanna.berg@example.com")

        found = json.loads(create(json=True))

        assert User.objects.get() == known.user
        assert found["link"].endswith("/sign-in/")
        assert known.user.administers(Portal.objects.get(slug="acme"))

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"admin_email": "nobody"}, "no e-mail address"),
            ({"time_zone": "Mars/Olympus"}, "not a known time zone"),
            ({"slug": "Not A Slug"}, "slug"),
            ({"enable": "gusto,smoke-signals"}, "smoke-signals"),
            ({"name": ""}, "name"),
        ],
    )
    def test_refuses_wrong_values_and_leaves_nothing(self, options, why):
        with pytest.raises(CommandError, match=why) as refusal:
            create(**options)

        assert refusal.value.returncode == 2
        assert not Realm.objects.exists()

    def test_refuses_an_address_that_is_taken(self):
        PortalFactory(slug="acme")

        with pytest.raises(CommandError, match="slug") as refusal:
            create()

        assert refusal.value.returncode == 2
