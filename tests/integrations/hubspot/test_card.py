"""The address that HubSpot's card asks: signed, at the platform's host, about the asking account's portals only."""

from datetime import UTC, date, datetime
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.hubspot.models import ProgressTarget
from integrations.sandbox.hubspot import signing
from portals.models import Portal
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users.models import Enrollment

pytestmark = pytest.mark.django_db

ACCOUNT = "4455667"
SECRET = "the-apps-secret"
HOST = "localhost:8000"


@pytest.fixture(autouse=True)
def app(settings):
    settings.PLATFORM_DOMAIN, settings.PLATFORM_SCHEME = HOST, "http"
    settings.HUBSPOT_CLIENT_SECRET = SECRET


@pytest.fixture
def ask(client):
    """Ask as HubSpot does for the card on a record."""

    def get(*, host=HOST, secret=SECRET, flaw=signing.Flaw.NONE, method="GET", **query):
        known = {"objectTypeId": "0-1", "objectId": "901", "userId": "31415", "portalId": ACCOUNT}
        words = urlencode({**known, "userEmail": "ben@northwind.example", "appId": "1122334", **query})
        address = f"{reverse('hubspot_public:card')}?{words}"
        now = int(timezone.now().timestamp() * 1000)
        uri = signing.read_uri(f"http://{HOST}{address}")
        signed = signing.headers(secret, method, uri, b"", milliseconds=now, flaw=flaw)
        return client.generic(method, address, headers=signed, HTTP_HOST=host)

    return get


@pytest.fixture
def connection():
    return connected("Partner academy")


def connected(name, *, account=ACCOUNT, record_type="contacts", **fields):
    portal = PortalFactory(name=name, enabled_integrations=["hubspot"])
    return ConnectionFactory(
        portal=portal, provider="hubspot", external_account_id=account, record_type=record_type, **fields
    )


def linked(connection, external_id="901", **fields):
    learner = MembershipFactory(portal=connection.portal, **fields)
    ExternalIdentityFactory(connection=connection, external_id=external_id, membership=learner)
    return learner


def enrolled(learner, title="Safety basics", **fields):
    course = CourseFactory(portal=learner.portal, title=title)
    began = datetime(2026, 10, 1, 12, tzinfo=UTC)
    return Enrollment.objects.create(membership=learner, course=course, **{"enrolled_at": began, **fields})


class TestEnrollments:
    def test_tells_the_courses_of_the_linked_learner(self, ask, connection):
        learner = linked(connection)
        enrolled(learner, "Fire drill", status="passed", percent=100, completed_at=datetime(2026, 11, 20, tzinfo=UTC))
        enrolled(learner, status="in_progress", percent=40, is_required=True, due_on=date(2026, 1, 2))

        answer = ask()

        assert answer.status_code == 200
        (portal,) = answer.json()["portals"]
        fire_drill, safety = portal["enrollments"]
        assert (portal["id"], portal["name"]) == (f"prt_{learner.portal.pk}", "Partner academy")
        assert portal["learner"]["id"] == f"lrn_{learner.pk}"
        assert portal["learner"]["url"].endswith(f"/admin/users/membership/{learner.pk}/change/")
        assert (fire_drill["progress"], fire_drill["completed_on"]) == ("completed", "2026-11-20")
        assert safety == {
            "course": "Safety basics",
            "status": "in_progress",
            "progress": "in_progress",
            "percent": 40,
            "required": True,
            "overdue": True,
            "enrolled_on": "2026-10-01",
            "due_on": "2026-01-02",
            "completed_on": None,
        }

    def test_knows_nothing_of_somebody_who_is_not_linked(self, ask, connection):
        linked(connection, external_id="902")

        assert ask().json() == {"objectId": "901", "linked": False, "records": None, "portals": []}

    def test_tells_nothing_before_the_invitation_is_accepted(self, ask, connection):
        linked(connection, status="pending")

        assert ask().json()["linked"] is False

    def test_tells_nothing_of_somebody_who_never_accepted(self, ask, connection):
        linked(connection, status="ended")

        assert ask().json()["linked"] is False

    def test_says_that_access_has_ended(self, ask, connection):
        enrolled(linked(connection, status="ended"), status="completed")

        assert ask().json()["portals"][0]["learner"]["state"] == "ended"

    def test_joins_all_portals_of_the_account_and_none_of_another(self, ask, connection):
        enrolled(linked(connection))
        enrolled(linked(connected("Customer academy")))
        enrolled(linked(connected("Somebody else's", account="999")))
        enrolled(linked(connected("For users", record_type="users")))
        enrolled(linked(connected("Left", state="disconnected")))

        names = [portal["name"] for portal in ask().json()["portals"]]

        assert names == ["Customer academy", "Partner academy"]

    def test_tells_users_of_portals_that_train_users(self, ask, connection):
        enrolled(linked(connected("For users", record_type="users")))

        names = [portal["name"] for portal in ask(objectTypeId="0-115").json()["portals"]]

        assert names == ["For users"]

    def test_tells_nothing_of_a_portal_for_which_hubspot_is_turned_off(self, ask, connection):
        enrolled(linked(connection))
        Portal.objects.update(enabled_integrations=[])

        assert ask().json()["linked"] is False

    @pytest.mark.parametrize(
        ("strategy", "names", "records"),
        [
            (
                "app_object",
                {"course_name": "a1122334_course_name"},
                {"object_type_id": "2-77", "prefix": "a1122334_"},
            ),
            ("custom_object", {"course_name": "course_name"}, {"object_type_id": "2-77", "prefix": ""}),
            ("properties", {}, None),
        ],
    )
    def test_names_hubspots_own_records_where_there_are_any(self, ask, connection, strategy, names, records):
        ProgressTarget.objects.create(connection=connection, strategy=strategy, object_type="2-77", names=names)
        enrolled(linked(connection))

        assert ask().json()["records"] == records

    def test_names_no_records_when_portals_keep_them_in_different_places(self, ask, connection):
        other = connected("Customer academy")
        for each, strategy in ((connection, "app_object"), (other, "properties")):
            ProgressTarget.objects.create(connection=each, strategy=strategy, object_type="2-77")
            enrolled(linked(each))

        assert ask().json()["records"] is None

    @pytest.mark.parametrize("portals", [1, 3])
    def test_takes_two_queries_whoever_asks(self, ask, django_assert_num_queries, portals):
        for number in range(portals):
            learner = linked(connected(f"Academy {number}"))
            for title in ("A", "B", "C"):
                enrolled(learner, title)

        with django_assert_num_queries(2):
            ask()

    @pytest.mark.parametrize("flaw", [signing.Flaw.UNSIGNED, signing.Flaw.WRONG_SIGNATURE, signing.Flaw.OLD_TIMESTAMP])
    def test_refuses_what_hubspot_did_not_sign(self, ask, connection, flaw):
        enrolled(linked(connection))

        assert ask(flaw=flaw).status_code == 401

    def test_refuses_a_question_about_another_account_than_the_signed_one(self, ask, client, connection):
        now = int(timezone.now().timestamp() * 1000)
        address = f"{reverse('hubspot_public:card')}?objectTypeId=0-1&objectId=901&portalId="
        signed = signing.headers(SECRET, "GET", f"http://{HOST}{address}999", b"", milliseconds=now)

        assert client.get(f"{address}{ACCOUNT}", headers=signed, HTTP_HOST=HOST).status_code == 401

    @pytest.mark.parametrize("query", [{"objectTypeId": "0-2"}, {"objectId": ""}, {"portalId": ""}])
    def test_refuses_a_question_without_a_record(self, ask, query):
        assert ask(**query).status_code == 400

    def test_takes_no_other_method(self, ask):
        assert ask(method="POST").status_code == 405

    def test_does_not_exist_at_a_portals_host(self, ask, connection):
        assert ask(host=f"{connection.portal.slug}.{HOST}").status_code == 404
