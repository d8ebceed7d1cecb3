"""Values that follow a provider are shown, not edited."""

import pytest

from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory
from users.custom_data import locked_fields

pytestmark = pytest.mark.django_db


@pytest.fixture
def linked():
    connection = ConnectionFactory()
    member = MembershipFactory(portal=connection.portal)
    return ExternalIdentityFactory(connection=connection, membership=member, state="linked")


class TestLockedFields:
    def test_are_names_address_and_mapped_values_of_a_linked_learner(self, linked):
        field = CustomFieldFactory(portal=linked.connection.portal)
        CustomFieldFactory(portal=linked.connection.portal)
        FieldMappingFactory(connection=linked.connection, attribute="department", custom_field=field)

        assert locked_fields(linked.membership) == {
            field.key: "Gusto",
            "email": "Gusto",
            "first_name": "Gusto",
            "last_name": "Gusto",
        }

    def test_are_none_of_somebody_who_was_added_by_hand(self):
        assert locked_fields(MembershipFactory()) == {}

    def test_are_none_after_a_disconnect(self, linked):
        linked.connection.state = "disconnected"
        linked.connection.save()

        assert locked_fields(linked.membership) == {}

    def test_leave_staff_their_names(self, linked):
        linked.membership.role = "manager"
        linked.membership.save()

        assert locked_fields(linked.membership) == {}
