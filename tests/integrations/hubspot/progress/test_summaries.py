"""Progress on the contacts or users themselves: counts of all portals of the account together."""

import pytest
from django.utils import timezone

from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from integrations.hubspot.progress import claims, push, queue, storage
from integrations.models import ExternalIdentity
from tests.factories.portals import CourseFactory, PortalFactory
from tests.integrations.hubspot.progress.conftest import ANA, BJORN
from users import enrollments, progress

pytestmark = pytest.mark.django_db

UPDATE = "/crm/objects/2026-09/contacts/batch/update"


@pytest.fixture
def connection(connection):
    """A connection whose admin chose properties."""
    target = storage.target_of(connection)
    target.chosen = Strategy.PROPERTIES
    target.save()
    return connection


@pytest.fixture
def shown(hub):
    """What a contact says of courses."""

    def read(contact=ANA):
        found = hub.contacts.get(contact).properties.items()
        return {name.removeprefix("rollcall_"): value for name, value in found if name.startswith("rollcall_")}

    return read


@pytest.fixture
def finish():
    return lambda enrollment, status="completed": progress.record(
        enrollment=enrollment, status=status, percent=100, now=timezone.now()
    )


class TestAContact:
    def test_says_how_many_courses(self, connection, learner, enroll, send, shown, finish):
        courses = [CourseFactory(portal=connection.portal, title=f"Course {number}") for number in range(4)]
        taken = [enroll(learner, one, is_required=number < 2) for number, one in enumerate(courses)]
        finish(taken[0])
        finish(taken[1], "failed")
        finish(taken[2], "passed")

        send()

        assert shown() == {
            "learner_id": f"lrn_{learner.pk}",
            "courses_completed": "2",
            "courses_in_progress": "1",
            "courses_not_started": "1",
            "percent_complete": "50",
            "required_courses": "2",
            "required_courses_completed": "1",
            "all_required_completed": "false",
            "last_completed_course": "Course 2",
            "last_completed_on": connection.portal.today(timezone.now()).isoformat(),
        }

    def test_is_written_once_for_many_courses(self, connection, learner, enroll, send, sandbox):
        for _ in range(5):
            enroll(learner, CourseFactory(portal=connection.portal))

        send()

        assert sum(call.path == UPDATE for call in sandbox.world.calls.newest(100)) == 1
        assert set(ProgressPush.objects.values_list("state", flat=True)) == {"sent"}

    def test_counts_the_courses_of_all_portals(self, connection, connect_hubspot, link, learner, enroll, send, shown):
        sub_portal = PortalFactory(realm=connection.portal.realm, enabled_integrations=["hubspot"])
        other = connect_hubspot(sub_portal)
        storage.target_of(other)
        ProgressTarget.objects.update(chosen=Strategy.PROPERTIES)
        there = link(other, ANA)
        enroll(learner, CourseFactory(portal=connection.portal))
        enroll(there, CourseFactory(portal=other.portal))

        send()
        send(other)

        assert shown()["courses_not_started"] == "2"
        assert shown()["learner_id"] == f"lrn_{learner.pk}, lrn_{there.pk}"

    def test_counts_down_when_a_course_is_taken_away(self, course, learner, enroll, send, shown):
        enrollment = enroll(learner, course)
        send()

        enrollments.unenroll(enrollment_ids=[enrollment.pk], now=timezone.now())
        send()

        assert shown()["courses_not_started"] == "0"
        assert not ProgressPush.objects.exists()

    def test_of_somebody_unlinked_is_cleared(self, connection, course, learner, enroll, send, shown):
        enroll(learner, course)
        send()
        ExternalIdentity.objects.all().delete()

        queue.withdraw(connection, [learner.pk])
        send()

        assert shown() == {}
        assert not ProgressPush.objects.exists()

    def test_that_was_forgotten_is_not_touched(self, connection, course, learner, enroll, send, shown):
        enroll(learner, course)
        send()
        ExternalIdentity.objects.all().delete()

        queue.withdraw(connection, [learner.pk], forgets=True)
        send()

        assert shown()["courses_not_started"] == "1"
        assert not ProgressPush.objects.exists()

    def test_of_another_record_takes_over(self, connection, course, learner, enroll, send, shown):
        enroll(learner, course)
        send()
        ExternalIdentity.objects.update(external_id=BJORN)

        queue.people(connection, [learner.pk])
        send()

        assert shown() == {}
        assert shown(BJORN)["courses_not_started"] == "1"

    def test_that_is_gone_does_not_stop_the_others(self, connection, course, link, enroll, send, due_again, shown):
        lost = enroll(link(connection, "99999999"), course)
        enroll(link(connection, BJORN), course)

        for _ in range(claims.MOST_REFUSALS):
            send()
            due_again()

        assert shown(BJORN)["courses_not_started"] == "1"
        assert ProgressPush.objects.get(enrollment_id=lost.pk).state == "failed"

    def test_gets_nothing_before_acceptance(self, connection, course, link, enroll, send, shown, push_of):
        enrollment = enroll(link(connection), course)
        enrollment.membership.status = "pending"
        enrollment.membership.save()

        send()

        assert shown() == {}
        assert push_of(enrollment).state == "withheld"


class TestAUser:
    def test_says_how_many_courses(self, connect_hubspot, hub, link, enroll):
        connection = connect_hubspot(record_type="users")
        target = storage.target_of(connection)
        target.chosen = Strategy.PROPERTIES
        target.save()
        user = next(iter(hub.users))
        enroll(link(connection, user.id), CourseFactory(portal=connection.portal))

        push.carry_out(connection.pk, now=timezone.now(), seconds=30)

        assert hub.users.get(user.id).properties["rollcall_courses_not_started"] == "1"


class TestARecordOfAUser:
    def test_carries_user_address_and_owner(self, connect_hubspot, hub, link, enroll, records):
        connection = connect_hubspot(record_type="users")
        owner = next(one for one in hub.owners.values() if not one.is_archived)
        user = next(one for one in hub.users if one.properties.get("hs_email") == owner.email)
        learner = link(connection, user.id)
        learner.user.email = owner.email
        learner.user.save()
        enroll(learner, CourseFactory(portal=connection.portal))

        push.carry_out(connection.pk, now=timezone.now(), seconds=30)

        (values,) = records().values()
        assert (values["hubspot_user_id"], values["learner_email"]) == (user.id, owner.email)
        if "hubspot_owner_id" in hub.find_type(push.storage.target_of(connection).object_type).definitions:
            assert values["hubspot_owner_id"] == owner.id
