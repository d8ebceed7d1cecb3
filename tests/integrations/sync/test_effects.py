"""What an edit of the settings would bring about, from the last snapshots."""

from dataclasses import replace
from datetime import date

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from integrations.engine.scope import Condition, Operator
from integrations.models import ExternalIdentity, FieldMapping, InviteSettings
from integrations.sync import effects
from integrations.sync.policy import policy_for
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory, UserFactory
from users.models import Invitation, Membership

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 10)
SALES = Condition("department", Operator.IS_ONE_OF, ("Sales",))


@pytest.fixture
def connection():
    return ConnectionFactory()


@pytest.fixture
def unit(connection):
    field = CustomFieldFactory(portal=connection.portal, label="Unit")
    FieldMappingFactory(connection=connection, attribute="department", custom_field=field)
    return field


@pytest.fixture
def person(connection):
    """Make somebody of the last sync, linked to a learner or, with a reason, not."""

    def make(name, *, reason="", membership=None, custom_data=None, **snapshot):
        email = f"{name.lower()}@example.com"
        if not reason and membership is None:
            membership = MembershipFactory(
                portal=connection.portal,
                user=UserFactory(realm=connection.portal.realm, first_name=name, last_name="Doe", email=email),
                custom_data=custom_data or {},
            )
        return ExternalIdentityFactory(
            connection=connection,
            external_id=name,
            membership=membership,
            state="skipped" if reason else "linked",
            reason=reason,
            snapshot={
                "key": name,
                "first_name": name,
                "last_name": "Doe",
                "work_email": email,
                "status": "active",
                **snapshot,
            },
        )

    return make


@pytest.fixture
def effect_of(connection):
    def found(new, **more):
        return effects.effect_of(connection, old=policy_for(connection), new=new, today=TODAY, **more)

    return found


@pytest.mark.usefixtures("unit")
class TestEffectOf:
    def test_is_nothing_without_an_edit(self, connection, person, effect_of):
        person("Maya", attributes={"department": "Sales"})

        found = effect_of(policy_for(connection))

        assert (found.people, found.counts, found.unread, found.is_whole) == (0, {}, [], True)

    def test_counts_and_names_those_who_would_get_other_values(self, connection, person, effect_of, unit):
        title = CustomFieldFactory(portal=connection.portal, label="Title")
        maya = person(
            "Maya", attributes={"department": "Sales", "job_title": "Clerk"}, custom_data={unit.key: "Sales"}
        )
        person("Wei", attributes={"department": "Sales", "job_title": ""}, custom_data={unit.key: "Sales"})
        mappings = [*connection.mappings.select_related("custom_field")]
        mappings.append(FieldMapping(connection=connection, attribute="job_title", custom_field=title))

        found = effect_of(policy_for(connection, mappings=mappings))

        assert found.counts == {"update": 1}
        assert [(one.name, one.membership_id, one.kinds) for one in found.named] == [
            ("Maya Doe <maya@example.com>", maya.membership_id, ("update",))
        ]
        assert found.mails == 0

    def test_names_attributes_that_were_never_read(self, connection, person, effect_of, unit):
        person("Maya", attributes={"department": "Sales"}, custom_data={unit.key: "Sales"})
        mapping = FieldMapping(connection=connection, attribute="job_title", custom_field=unit)

        found = effect_of(policy_for(connection, mappings=[mapping]))

        assert found.unread == ["job_title"]
        assert found.people == 0

    def test_counts_values_that_would_be_emptied(self, connection, person, effect_of, unit):
        person("Maya", attributes={"department": "Sales", "team": ""}, custom_data={unit.key: "Sales"})
        mapping = FieldMapping(connection=connection, attribute="team", custom_field=unit)

        assert effect_of(policy_for(connection, mappings=[mapping])).counts == {"clear": 1}

    def test_leaves_pinned_values_out(self, connection, person, effect_of, unit):
        pinned = person("Maya", attributes={"department": "Sales", "team": "Red"}, custom_data={unit.key: "Sales"})
        Membership.objects.filter(pk=pinned.membership_id).update(pinned_fields=[unit.pk])
        mapping = FieldMapping(connection=connection, attribute="team", custom_field=unit)

        assert effect_of(policy_for(connection, mappings=[mapping])).people == 0

    def test_counts_people_and_mails_of_an_earlier_invitation(self, connection, person, effect_of):
        InviteSettings.objects.create(connection=connection, when="hire_date")
        person("Maya", reason="hire_date_ahead", hired_on="2026-05-01")
        sooner = InviteSettings(connection=connection, when="added")

        found = effect_of(policy_for(connection, invite_settings=sooner))

        assert (found.counts, found.mails) == ({"invite": 1}, 1)

    def test_counts_new_addresses(self, connection, person, effect_of):
        person("Maya", personal_email="maya@home.example")
        other = InviteSettings(connection=connection, address="personal_first")

        assert effect_of(policy_for(connection, invite_settings=other)).counts == {"change_email": 1}

    def test_counts_those_who_leave_the_scope(self, connection, person, effect_of, unit):
        person("Maya", attributes={"department": "Sales"}, custom_data={unit.key: "Sales"})
        person("Wei", attributes={"department": "Legal"}, custom_data={unit.key: "Legal"})
        narrow = replace(policy_for(connection), scope=(SALES,), version="new")

        assert effect_of(narrow).counts == {"out_of_scope": 1}
        assert effect_of(replace(narrow, ends_out_of_scope=True)).counts == {"end_access": 1}

    def test_does_not_tell_again_what_would_happen_anyway(self, connection, person, effect_of):
        person("Maya", attributes={"department": "Sales"}, custom_data={})
        wider = replace(policy_for(connection), scope=(SALES,), version="new")

        assert effect_of(wider).people == 0

    def test_changes_nothing(self, connection, person, effect_of):
        identity = person("Maya", attributes={"department": "Legal"})
        effect_of(replace(policy_for(connection), scope=(SALES,), ends_out_of_scope=True))

        assert Membership.objects.get(pk=identity.membership_id).status == "active"
        assert not Invitation.objects.exists()
        assert ExternalIdentity.objects.get(pk=identity.pk).due_on is None

    def test_says_at_least_when_time_is_up(self, connection, person, effect_of, monkeypatch):
        monkeypatch.setattr(effects, "BATCH", 1)
        for name in ("Maya", "Wei", "Joy"):
            person(name, attributes={"department": "Legal"})

        found = effect_of(replace(policy_for(connection), scope=(SALES,)), seconds=0)

        assert (found.people, found.is_whole) == (1, False)

    def test_names_the_first_twenty(self, connection, person, effect_of):
        for number in range(22):
            person(f"Maya{number}", attributes={"department": "Legal"})

        found = effect_of(replace(policy_for(connection), scope=(SALES,)))

        assert (found.people, len(found.named)) == (22, 20)

    def test_costs_the_same_for_few_and_many(self, connection, person, effect_of):
        narrow = replace(policy_for(connection), scope=(SALES,))

        def cost():
            with CaptureQueriesContext(connections["default"]) as captured:
                effect_of(narrow)
            return len(captured)

        person("Maya", attributes={"department": "Legal"})
        first = cost()
        for number in range(9):
            person(f"Wei{number}", attributes={"department": "Legal"})

        assert cost() == first

    def test_leaves_other_connections_alone(self, connection, person, effect_of):
        other = ConnectionFactory()
        ExternalIdentityFactory(connection=other, snapshot={"key": "x", "attributes": {"department": "Legal"}})

        assert effect_of(replace(policy_for(connection), scope=(SALES,))).people == 0
