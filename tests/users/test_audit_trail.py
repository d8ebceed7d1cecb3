"""The page of the audit trail: in plain words, to be filtered and downloaded."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.admin_pages import page
from tests.factories.portals import CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import audit, audit_words
from users.models import AuditEntry, Membership

pytestmark = pytest.mark.django_db

TRAIL = page(AuditEntry, "changelist")
DOWNLOAD = reverse("admin:users_auditentry_download")


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal, user__email="nora@harbor.test")


@pytest.fixture
def client(portal, admin, portal_client):
    return portal_client(portal, admin.user)


@pytest.fixture
def maya(portal, admin):
    person = MembershipFactory(portal=portal, user__email="maya@harbor.test", user__last_name="Okafor")
    field = CustomFieldFactory(portal=portal, label="Department")
    audit.record(
        portal=portal,
        action="learner_changed",
        object=person,
        before={"custom_data": {field.key: "Sales"}},
        after={"custom_data": {field.key: "Support"}},
        actor=admin.user,
    )
    return person


@pytest.fixture
def group(portal):
    found = GroupFactory(portal=portal, title="Newcomers")
    audit.record(portal=portal, action="group_added", object=found, after={"title": "Newcomers"})
    return found


class TestPage:
    def test_says_in_words_what_was_done(self, client, maya, group):
        shown = client.get(TRAIL).content.decode()

        assert "Person changed" in shown
        assert "Department: Sales → Support" in shown
        assert "Group added" in shown
        assert "nora@harbor.test" in shown

    def test_calls_the_portal_by_its_name(self, client, portal):
        audit.record(portal=portal, action="settings_exported", object=portal)

        shown = client.get(TRAIL).content.decode()

        assert portal.name in shown[shown.index("result_list") :]
        assert f"portal {portal.pk}" not in shown

    def test_leaves_out_what_stayed_the_same(self, client, portal, maya):
        audit.record(
            portal=portal,
            action="role_changed",
            object=maya,
            before={"role": "learner", "is_limited": False, "last_day": None},
            after={"role": "manager", "is_limited": False, "last_day": None},
        )

        assert "role: Learner → Manager\n" in client.get(TRAIL).content.decode().replace("</td>", "\n")

    def test_leads_to_what_it_was_done_to(self, client, maya, group):
        shown = client.get(TRAIL).content.decode()

        for thing in (maya, group):
            assert page(type(thing), "change", thing.pk) in shown

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("action=learner_changed", {"learner_changed"}),
            ("kind=portals.group", {"group_added"}),
            ("q=okafor", {"learner_changed"}),
            ("q=nora", {"learner_changed"}),
            ("q=nobody", set()),
            ("since=2020-01-01", {"learner_changed", "group_added"}),
            ("until=2020-01-01", set()),
            ("since=9999-12-31&until=9999-12-31", {"learner_changed", "group_added"}),
        ],
    )
    def test_can_be_narrowed(self, client, maya, group, query, found):
        response = client.get(f"{TRAIL}?{query}")

        assert {entry.action for entry in response.context["cl"].result_list} == found

    def test_is_the_history_of_one_person(self, client, maya, group):
        response = client.get(f"{TRAIL}?person={maya.pk}")

        assert [entry.object_id for entry in response.context["cl"].result_list] == [maya.pk]
        assert f"?person={maya.pk}" in client.get(page(Membership, "change", maya.pk)).content.decode()

    def test_does_not_know_people_of_other_portals(self, client, maya):
        stranger = MembershipFactory(user__last_name="Elsewhere")
        audit.record(portal=stranger.portal, action="learner_changed", object=stranger)

        response = client.get(f"{TRAIL}?person={stranger.pk}")

        assert "Elsewhere" not in response.content.decode()

    def test_costs_the_same_whatever_its_size(self, client, maya, django_assert_max_num_queries):
        AuditEntry.objects.bulk_create(
            AuditEntry(
                portal=maya.portal,
                at=timezone.now(),
                action="access_ended",
                object_type="users.membership",
                object_id=n,
            )
            for n in range(200)
        )

        with django_assert_max_num_queries(10):
            client.get(TRAIL)


class TestDownload:
    def test_holds_what_the_list_shows(self, client, maya, group):
        text = client.get(f"{DOWNLOAD}?kind=portals.group").getvalue().decode()

        assert "Group added,Newcomers" in text
        assert "maya@harbor.test" not in text

    def test_is_an_entry_itself(self, client, maya):
        client.get(DOWNLOAD).getvalue()

        assert AuditEntry.objects.filter(action="trail_exported").count() == 1

    def test_cannot_carry_formulas(self, client, portal):
        AuditEntry.objects.create(
            portal=portal, at=timezone.now() - timedelta(days=1), action="x", object_type="y", reason="=1+1"
        )

        assert ",'=1+1," in client.get(DOWNLOAD).getvalue().decode()

    def test_is_refused_to_learners(self, portal, portal_client):
        learner = MembershipFactory(portal=portal)

        assert portal_client(portal, learner.user).get(DOWNLOAD).status_code in {302, 403}


class TestWords:
    def test_name_every_action_that_the_code_records(self):
        import re  # noqa: PLC0415
        from pathlib import Path  # noqa: PLC0415

        root = Path(__file__).parents[2]
        sources = [path for app in ("users", "integrations", "portals") for path in (root / app).rglob("*.py")]
        code = "\n".join(path.read_text() for path in sources if "migrations" not in path.parts)
        recorded = set(re.findall(r'audit\.(?:record|entry)\([^)]*?action="([a-z_]+)"', code))

        assert recorded
        assert recorded - audit_words.ACTIONS.keys() == set()


class TestChanges:
    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ({"last_day": None}, {"last_day": "2026-11-20"}, "last day of access: 11/20/2026"),
            (
                {"status": "not_started", "percent": 0},
                {"status": "completed", "percent": 0},
                "Not started → Completed",
            ),
            ({"completed_at": None}, {"completed_at": "2026-11-21T08:48:43.352869+00:00"}, "11/21/2026 1:48 a.m."),
            ({"custom_data": {"7": "20261120"}}, {"custom_data": {"7": "20261121"}}, "Badge: 20261120 → 20261121"),
            ({"custom_data": {"7": "2026-99-99"}}, {"custom_data": {"7": None}}, "Badge: 2026-99-99 → –"),
        ],
    )
    def test_are_in_words_and_local_days(self, before, after, words):
        with timezone.override("America/Denver"):
            shown = audit_words.changes("users.membership", before, after, {"7": "Badge"})

        assert shown.endswith(words)

    def test_are_none_where_nothing_differs(self):
        assert (
            audit_words.changes("users.membership", {"score": None, "status": "active"}, {"status": "active"}, {})
            == ""
        )
