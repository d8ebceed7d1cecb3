"""Pins: values that an admin keeps although another system has others."""

import pytest
from django.urls import reverse

from integrations.models import ExternalIdentity
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import pins
from users.custom_data import locked_fields
from users.models import AuditEntry

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/users/membership/"


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def department(portal):
    return CustomFieldFactory(portal=portal, label="Department")


@pytest.fixture
def learner(portal, department):
    connection = ConnectionFactory(portal=portal)
    FieldMappingFactory(connection=connection, attribute="department", custom_field=department)
    member = MembershipFactory(portal=portal, custom_data={department.key: "Sales"}, user__first_name="Maya")
    ExternalIdentityFactory(connection=connection, membership=member, state="linked")
    return member


@pytest.fixture
def admin(portal, portal_client):
    return portal_client(portal, AdminFactory(portal=portal).user)


def pin_page(member, action="pin-values"):
    return f"{PEOPLE}{member.pk}/{action}/"


class TestPin:
    def test_unlocks_the_field(self, admin, learner, department):
        assert department.key in locked_fields(learner)

        response = admin.post(pin_page(learner), {"fields_chosen": [department.pk]}, follow=True)

        learner.refresh_from_db()
        assert learner.pinned_fields == [department.pk]
        assert department.key not in locked_fields(learner)
        assert "1 value is pinned; you can edit it." in response.content.decode()
        assert "Pinned: no sync changes it until the pin is lifted." in response.content.decode()
        assert AuditEntry.objects.get(action="values_pinned").after == {"fields": ["Department"]}

    def test_asks_first(self, admin, learner):
        page = admin.get(pin_page(learner)).content.decode()

        assert "A pinned value can be edited here, and no sync changes it." in page
        learner.refresh_from_db()
        assert learner.pinned_fields is None

    def test_is_for_mapped_fields_only(self, admin, portal, learner):
        other = CustomFieldFactory(portal=portal, label="Own")

        page = admin.post(pin_page(learner), {"fields_chosen": [other.pk]}).content.decode()

        assert "Select a valid choice" in page
        learner.refresh_from_db()
        assert learner.pinned_fields is None

    def test_twice_changes_nothing(self, rf, learner, department):
        request = rf.post("/")
        request.user = AdminFactory(portal=learner.portal).user

        assert pins.pin(membership=learner, fields=[department], request=request) == 1
        assert pins.pin(membership=learner, fields=[department], request=request) == 0
        assert AuditEntry.objects.filter(action="values_pinned").count() == 1

    def test_is_refused_to_those_who_are_no_admin_here(self, portal, learner, department, portal_client):
        manager = MembershipFactory(portal=portal, role="manager").user
        stranger = AdminFactory().user

        for visitor in (manager, stranger):
            response = portal_client(portal, visitor).post(pin_page(learner), {"fields_chosen": [department.pk]})

            assert response.status_code in {302, 403, 404}
            learner.refresh_from_db()
            assert learner.pinned_fields is None

    def test_is_never_about_people_of_another_portal(self, admin, department):
        foreign = MembershipFactory()

        admin.post(pin_page(foreign), {"fields_chosen": [department.pk]})

        foreign.refresh_from_db()
        assert foreign.pinned_fields is None


class TestLift:
    @pytest.fixture
    def pinned(self, learner, department):
        learner.pinned_fields = [department.pk]
        learner.save()
        return learner

    def test_locks_the_field_and_has_the_next_sync_look(self, admin, pinned, department):
        response = admin.post(pin_page(pinned, "lift-pins"), {"fields_chosen": [department.pk]}, follow=True)

        pinned.refresh_from_db()
        assert pinned.pinned_fields is None
        assert department.key in locked_fields(pinned)
        assert ExternalIdentity.objects.get(membership=pinned).due_on is not None
        assert "1 pin was lifted." in response.content.decode()
        entry = AuditEntry.objects.get(action="pins_lifted")
        assert entry.before == {"fields": ["Department"]}
        assert entry.actor_id is not None

    def test_works_for_many(self, admin, portal, pinned, department):
        other = MembershipFactory(portal=portal, pinned_fields=[department.pk])
        chosen = {"action": "lift_pins", "_selected_action": [pinned.pk, other.pk], "fields_chosen": [department.pk]}

        admin.post(PEOPLE, {**chosen, "confirmed": "1"})

        for member in (pinned, other):
            member.refresh_from_db()
            assert member.pinned_fields is None

    def test_of_nothing_says_so(self, learner, department):
        assert pins.lift(membership_ids=[learner.pk], fields=[department]) == 0
        assert not AuditEntry.objects.filter(action="pins_lifted").exists()

    def test_is_found_by_the_filter(self, admin, portal, pinned):
        MembershipFactory(portal=portal, user__first_name="Wei")

        page = admin.get(reverse("admin:users_membership_changelist"), {"pinned": "yes"}).content.decode()

        assert "Maya" in page
        assert "Wei" not in page
