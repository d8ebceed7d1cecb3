"""A new sub-portal like another portal: by the use-case and by the command."""

import json
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.models import Connection
from integrations.portal_settings import cloning, document, reading
from portals import definitions
from portals.models import Portal
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import last_admin
from users.models import Membership

pytestmark = pytest.mark.django_db


def clone(source, slug="harbor-north"):
    return cloning.clone(source=source, slug=slug, name="Harbor North", now=timezone.now())


class TestClone:
    def test_is_a_sub_portal_with_the_same_settings(self, furnished):
        made = Portal.objects.get(pk=clone(furnished).pk)

        assert (made.parent, made.realm) == (furnished, furnished.realm)
        assert reading.settings_of(made) == reading.settings_of(furnished)
        assert made.enabled_integrations == ["gusto"]

    def test_takes_no_people_and_no_consent_along(self, furnished):
        admin = AdminFactory(portal=furnished)
        MembershipFactory(portal=furnished)

        made = clone(furnished)

        assert not Membership.objects.filter(portal=made).exists()
        assert Connection.objects.get(portal=made).external_account_id == ""
        assert [one.user for one in last_admin.full_admins(made)] == [admin.user]

    def test_of_a_sub_portal_stands_beside_it(self, furnished):
        first = clone(furnished)

        assert clone(first, slug="harbor-south").parent == furnished

    def test_leaves_broken_rules_behind(self, furnished):
        definitions.archive_field(furnished.custom_fields.get())

        assert reading.settings_of(clone(furnished)).groups[0].rule is None

    def test_refuses_an_address_that_is_taken(self, furnished):
        PortalFactory(slug="taken")

        with pytest.raises(ValidationError):
            clone(furnished, slug="taken")


class TestCreatePortal:
    def create(self, **options):
        out = StringIO()
        call_command("create_portal", slug="harbor-north", name="Harbor North", stdout=out, **options)
        return out.getvalue()

    def test_copies_a_portal(self, furnished):
        said = json.loads(self.create(copy_from="harbor", json=True))

        assert Portal.objects.get(slug="harbor-north").parent == furnished
        assert said["realm"] == furnished.realm.name

    def test_may_name_an_admin_of_the_copy(self, furnished):
        self.create(copy_from="harbor", admin_email="head@example.com")

        assert Membership.objects.get(portal__slug="harbor-north").user.email == "head@example.com"

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({}, "Name the realm"),
            ({"copy_from": "nowhere"}, "no portal to copy from"),
            ({"copy_from": "harbor", "realm": "Other"}, "brings realm"),
            ({"copy_from": "harbor", "enable": "gusto"}, "brings realm"),
        ],
    )
    def test_refuses_wrong_usage(self, furnished, options, why):
        with pytest.raises(CommandError, match=why) as refusal:
            self.create(**options)

        assert refusal.value.returncode == 2


class TestPortalSettings:
    def test_goes_from_portal_to_file_to_portal(self, furnished, tmp_path):
        bare, file, out = PortalFactory(slug="bare"), tmp_path / "harbor.json", StringIO()

        call_command("portal_settings", "export", str(file), portal="harbor", stdout=out)
        call_command("portal_settings", "import", str(file), portal="bare", stdout=out)

        bare.refresh_from_db()
        assert reading.settings_of(bare) == document.parse(file.read_bytes())
        assert "Sellers: 0 join, 0 leave" in out.getvalue()

    def test_plans_without_writing(self, furnished, tmp_path):
        PortalFactory(slug="bare")
        file, out = tmp_path / "harbor.json", StringIO()
        call_command("portal_settings", "export", str(file), portal="harbor", stdout=StringIO())

        call_command("portal_settings", "import", str(file), portal="bare", plan=True, json=True, stdout=out)

        said = json.loads(out.getvalue())
        assert not said["done"]
        assert {"section": "groups", "name": "Stars", "kind": "added"}.items() <= said["lines"][-4].items()
        assert not Portal.objects.get(slug="bare").groups.exists()

    def test_prints_to_standard_output(self, furnished):
        out = StringIO()

        call_command("portal_settings", "export", "-", portal="harbor", stdout=out)

        assert document.parse(out.getvalue().encode()).groups

    @pytest.mark.parametrize(
        ("content", "code"), [(b"{}", 1), (b'{"format": "rollcall-portal-settings", "version": 9}', 1), (None, 2)]
    )
    def test_refuses_files_that_it_cannot_use(self, furnished, tmp_path, content, code):
        file = tmp_path / "broken.json"
        if content is not None:
            file.write_bytes(content)

        with pytest.raises(CommandError) as refusal:
            call_command("portal_settings", "import", str(file), portal="harbor")

        assert refusal.value.returncode == code

    def test_refuses_a_portal_that_is_nowhere(self, tmp_path):
        with pytest.raises(CommandError, match="no such portal"):
            call_command("portal_settings", "export", "-", portal="nowhere")
