"""The ladder of storages: what an account grants and has decides, and an admin may choose otherwise."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.hubspot import enrollment_properties
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import queue, storage
from integrations.hubspot.progress.values import OWNER
from integrations.sandbox.hubspot import app
from tests.factories.portals import PortalFactory
from tests.integrations.hubspot.progress.conftest import ANA
from users import progress

pytestmark = pytest.mark.django_db

PROFESSIONAL, FREE = 5566778, 6677889


@pytest.fixture
def check(source):
    """Look at what the account of a connection grants and has."""

    def now(connection, chosen=""):
        target = storage.target_of(connection)
        target.connection, target.chosen = connection, chosen
        target.save()
        storage.check(source.client(connection), target, now=timezone.now())
        return ProgressTarget.objects.get(connection=connection)

    return now


@pytest.fixture
def without_app_objects(hubspot):
    """The main account, without the app's own object."""
    hubspot.set_app_objects(enabled=False)


@pytest.fixture
def sub_portal():
    """A portal whose realm has another one."""
    return PortalFactory(enabled_integrations=["hubspot"])


class TestTheAppObject:
    def test_comes_first(self, connection, check):
        target = check(connection)

        assert (target.strategy, target.object_type) == (Strategy.APP_OBJECT, app.APP_OBJECT)
        assert target.names["status"] == f"a{app.APP_ID}_status"
        assert set(target.names) - {OWNER} == {one.name for one in enrollment_properties.ENROLLMENT}

    def test_needs_its_scopes(self, hubspot, connect_hubspot, without_app_objects, check):
        target = check(connect_hubspot())

        assert target.strategy == Strategy.CUSTOM_OBJECT
        assert target.findings["app_object"] == "no_scope"

    def test_needs_an_installation_that_has_one(self, settings, connection, check):
        settings.HUBSPOT_APP_OBJECT_SCOPES = []

        assert check(connection).findings["app_object"] == "not_set_up"

    def test_may_have_gone_since_the_consent(self, hubspot, connection, check):
        hubspot.set_app_objects(enabled=False)

        target = check(connection)

        assert target.strategy == Strategy.CUSTOM_OBJECT
        assert target.findings["app_object"] in {"no_scope", "not_there"}


class TestTheCustomObject:
    def test_is_made_where_the_plan_has_such(self, without_app_objects, connect_hubspot, check, hub):
        target = check(connect_hubspot())

        kind = hub.find_type(target.object_type)
        assert kind.name == "course_enrollment"
        assert target.names["status"] == "status"

    def test_that_an_admin_made_is_used(self, hubspot, sub_portal, without_app_objects, connect_hubspot, check, hub):
        first = check(connect_hubspot(PortalFactory(realm=sub_portal.realm)))
        another = connect_hubspot(sub_portal)
        hubspot.withdraw_scope("crm.schemas.custom.write")

        assert check(another).object_type == first.object_type

    def test_without_a_key_is_not_enough(self, source, without_app_objects, connect_hubspot, check):
        connection = connect_hubspot()
        body = enrollment_properties.custom_object()
        body["properties"] = [one for one in body["properties"] if one["name"] != "enrollment_key"]
        body["requiredProperties"], body["searchableProperties"] = ["course_name"], ["course_name"]
        source.client(connection).create_schema(body)

        target = check(connection)

        assert target.strategy == Strategy.PROPERTIES
        assert target.findings["custom_object"] == "incomplete"

    def test_is_made_only_when_it_is_used(self, connection, check, hub):
        check(connection)

        assert hub.find_type("course_enrollment") is None


class TestProperties:
    @pytest.mark.parametrize("account", [PROFESSIONAL, FREE])
    def test_are_made_where_there_are_no_custom_objects(self, hubspot, connect_hubspot, check, account):
        known = hubspot.find_account(account)

        target = check(connect_hubspot(account=known))

        assert (target.strategy, target.object_type) == (Strategy.PROPERTIES, "contacts")
        assert target.findings["custom_object"] == "no_scope"
        assert known.contacts.definition("rollcall_courses_completed").group == "rollcall"

    def test_are_those_of_users_for_users(self, hubspot, connect_hubspot, check):
        known = hubspot.find_account(PROFESSIONAL)

        target = check(connect_hubspot(record_type="users", account=known))

        assert target.object_type == "users"
        assert known.users.definition("rollcall_courses_completed") is not None

    def test_need_a_scope_to_be_made(self, hubspot, connect_hubspot, check):
        known = hubspot.find_account(FREE)

        target = check(connect_hubspot(account=known, decision="required"))

        assert target.strategy == Strategy.NONE
        assert target.findings["properties"] == "no_scope"

    def test_that_are_there_need_none(self, hubspot, sub_portal, connect_hubspot, check):
        known = hubspot.find_account(FREE)
        check(connect_hubspot(PortalFactory(realm=sub_portal.realm), account=known))
        other = connect_hubspot(sub_portal, account=known)
        hubspot.withdraw_scope("crm.schemas.contacts.write", account=FREE)
        other.grant.refresh_from_db()

        assert check(other).strategy == Strategy.PROPERTIES


class TestAChoice:
    def test_goes_before_the_ladder(self, connection, check):
        assert check(connection, Strategy.PROPERTIES).strategy == Strategy.PROPERTIES

    def test_that_does_not_work_gives_way(self, without_app_objects, connect_hubspot, check):
        assert check(connect_hubspot(), Strategy.APP_OBJECT).strategy == Strategy.CUSTOM_OBJECT

    def test_may_be_to_send_nothing(self, connection, check):
        assert check(connection, Strategy.NONE).strategy == Strategy.NONE

    def test_moves_what_was_sent(self, connection, course, learner, enroll, send, records, hub, check):
        enrollment = enroll(learner, course)
        progress.record(enrollment=enrollment, status="completed", percent=100, now=timezone.now())
        send()
        assert len(records()) == 1

        check(connection, Strategy.PROPERTIES)
        send()

        assert records() == {}
        ana = hub.contacts.get(ANA)
        assert ana.properties["rollcall_courses_completed"] == "1"

        check(connection)
        send()

        assert len(records()) == 1
        assert "rollcall_courses_completed" not in hub.contacts.get(ANA).properties


class TestALostScope:
    def test_leads_down_the_ladder_by_itself(self, hubspot, connection, course, learner, enroll, send, hub):
        enrollment = enroll(learner, course)
        send()
        hubspot.set_app_objects(enabled=False)
        for scope in app.APP_OBJECT_SCOPES:
            hubspot.withdraw_scope(scope)
        progress.record(enrollment=enrollment, status="in_progress", percent=30, now=timezone.now())

        send()
        send()

        target = ProgressTarget.objects.get()
        assert target.strategy == Strategy.CUSTOM_OBJECT
        (record,) = hub.find_type("course_enrollment")
        assert record.properties["percent_complete"] == "30"

    def test_to_write_is_noted_with_the_consent(self, hubspot, connection, course, learner, enroll, send, hub):
        send()
        lost = f"crm.app.objects.{app.APP_OBJECT}.create"
        hubspot.withdraw_scope(lost)
        enroll(learner, course)

        send()
        send()

        connection.grant.refresh_from_db()
        assert lost not in connection.grant.scopes.split()
        assert ProgressTarget.objects.get().strategy == Strategy.CUSTOM_OBJECT
        assert len(hub.find_type("course_enrollment")) == 1


class TestAReconnectedPortal:
    def test_is_looked_at_again_and_misses_nothing(self, connection, course, learner, enroll, send, records):
        enroll(learner, course)
        send()
        other = enroll(learner, type(course).objects.create(portal=course.portal, title="Later", status="published"))
        ProgressPush.objects.filter(enrollment_id=other.pk).delete()
        connection.connected_at = timezone.now() + timedelta(seconds=1)
        connection.save()

        send()

        assert len(records()) == 2


class TestRestart:
    def test_sends_everything_again(self, connection, course, learner, enroll, send):
        enroll(learner, course)
        send()

        assert queue.restart(connection) == 1
        assert ProgressPush.objects.get().state == "waiting"
