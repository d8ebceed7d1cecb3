"""A learner's own data."""

import pytest
from django.utils import timezone

from tests.factories.portals import CustomFieldFactory, DynamicRuleFactory, PortalFactory
from tests.factories.users import MembershipFactory, OperatorFactory
from users.models import AuditEntry, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner():
    return MembershipFactory(user__first_name="Ada", user__last_name="Vale")


def field_of(learner, **options):
    return CustomFieldFactory(portal=learner.portal, **{"learner_may_edit": True, **options})


class TestProfilePage:
    def test_shows_name_address_and_values(self, portal_client, learner):
        field = field_of(learner, label="Department", learner_may_edit=False)
        learner.custom_data = {field.key: "Research"}
        learner.save()

        page = portal_client(learner.portal, learner.user).get("/profile/")

        for text in ("Ada Vale", learner.user.email, "Department", "Research"):
            assert text in page.text

    def test_writes_days_as_people_do(self, portal_client, learner):
        field = field_of(learner, label="Hire date", type="date", learner_may_edit=False)
        learner.custom_data = {field.key: "2026-03-01"}
        learner.save()

        assert "March 1, 2026" in portal_client(learner.portal, learner.user).get("/profile/").text

    def test_hides_what_learners_may_not_see(self, portal_client, learner):
        field_of(learner, label="Risk class", learner_may_see=False)

        assert "Risk class" not in portal_client(learner.portal, learner.user).get("/profile/").text

    def test_shows_no_field_of_another_portal(self, portal_client, learner):
        CustomFieldFactory(label="Elsewhere")

        assert "Elsewhere" not in portal_client(learner.portal, learner.user).get("/profile/").text

    @pytest.mark.parametrize(
        ("options", "typed", "stored"),
        [
            ({"type": "string"}, " Research ", "Research"),
            ({"type": "integer"}, "1,200", 1200),
            ({"type": "decimal"}, "1.5", 1.5),
            ({"type": "date"}, "2026-03-01", "2026-03-01"),
            ({"type": "string_choice", "choices": ["Red", "Green"]}, "Red", "Red"),
            ({"type": "decimal_choice", "choices": ["1.50", "2"]}, "1.5", 1.5),
            ({"type": "string_choice", "choices": ["Red", "Green"], "is_multiple": True}, ["Green"], ["Green"]),
        ],
    )
    def test_saves_each_type(self, portal_client, learner, options, typed, stored):
        field = field_of(learner, **options)
        client = portal_client(learner.portal, learner.user)

        page = client.post("/profile/", {field.key: typed})

        learner.refresh_from_db()
        assert page.status_code == 302
        assert learner.custom_data == {field.key: stored}
        assert client.get("/profile/").status_code == 200

    @pytest.mark.parametrize(
        ("options", "typed", "why"),
        [
            ({"type": "integer"}, "many", "Enter a number."),
            ({"type": "integer"}, "1.5", "Enter a whole number."),
            ({"type": "date"}, "tomorrow", "Enter a date."),
            ({"type": "string_choice", "choices": ["Red"]}, "Blue", "Choose one of the listed values."),
            ({"type": "string"}, "x" * 1001, "This is too long."),
            ({"type": "string", "is_required": True}, " ", "This field is required."),
        ],
    )
    def test_explains_what_does_not_fit(self, portal_client, learner, options, typed, why):
        field = field_of(learner, **options)

        page = portal_client(learner.portal, learner.user).post("/profile/", {field.key: typed})

        learner.refresh_from_db()
        assert why in page.text
        assert learner.custom_data == {}

    def test_offers_the_stored_choice_again(self, portal_client, learner):
        field = field_of(learner, type="decimal_choice", choices=["1.50", "2"])
        learner.custom_data = {field.key: 1.5}
        learner.save()

        page = portal_client(learner.portal, learner.user).get("/profile/")

        assert '<option value="1.5" selected>1.50</option>' in page.text

    def test_clears_an_emptied_value(self, portal_client, learner):
        field, other = field_of(learner), field_of(learner, learner_may_edit=False)
        learner.custom_data = {field.key: "Research", other.key: "kept"}
        learner.save()

        portal_client(learner.portal, learner.user).post("/profile/", {field.key: ""})

        learner.refresh_from_db()
        assert learner.custom_data == {other.key: "kept"}

    def test_leaves_alone_what_learners_may_not_edit(self, portal_client, learner):
        fixed = field_of(learner, learner_may_edit=False)
        hidden = field_of(learner, learner_may_see=False)

        portal_client(learner.portal, learner.user).post("/profile/", {fixed.key: "mine", hidden.key: "mine"})

        learner.refresh_from_db()
        assert learner.custom_data == {}

    def test_drops_characters_that_no_database_takes(self, portal_client, learner):
        field = field_of(learner)

        portal_client(learner.portal, learner.user).post("/profile/", {field.key: "Re\0search"})

        learner.refresh_from_db()
        assert learner.custom_data == {field.key: "Research"}

    def test_lets_the_rules_have_their_say(self, portal_client, learner):
        field = field_of(learner)
        rule = DynamicRuleFactory(group__portal=learner.portal)
        rule.conditions.create(subject="custom_field", custom_field=field, operator="is", operands=["Research"])

        portal_client(learner.portal, learner.user).post("/profile/", {field.key: "Research"})

        assert learner.group_memberships.get().group == rule.group

    def test_leaves_a_trace_only_when_something_changed(self, portal_client, learner):
        field = field_of(learner)
        client = portal_client(learner.portal, learner.user)

        client.post("/profile/", {field.key: "Research"})
        client.post("/profile/", {field.key: "Research"})

        entry = AuditEntry.objects.get()
        assert (entry.actor_id, entry.object_id) == (learner.user_id, learner.pk)
        assert entry.after == {"custom_data": {field.key: "Research"}}

    def test_is_nothing_for_operators(self, portal_client, learner):
        assert portal_client(learner.portal, OperatorFactory()).get("/profile/").status_code == 404


class TestMissingNames:
    def test_are_asked_for_and_known_ones_are_not(self, portal_client, learner):
        learner.user.last_name = ""
        learner.user.save()
        client = portal_client(learner.portal, learner.user)

        page = client.get("/profile/")
        client.post("/profile/", {"last_name": "Vale", "first_name": "Eve"})

        learner.user.refresh_from_db()
        assert "Last name" in page.text
        assert "First name" not in page.text
        assert learner.user.full_name == "Ada Vale"


class TestMissingDataPage:
    @pytest.fixture
    def required(self, learner):
        return field_of(learner, label="Shirt size", is_required=True)

    def test_stands_before_the_courses(self, portal_client, learner, required):
        client = portal_client(learner.portal, learner.user)

        assert client.get("/?page=2").url == "/profile/missing/?next=/%3Fpage%3D2"
        assert client.post("/profile/missing/", {required.key: "M", "next": "/?page=2"}).url == "/?page=2"
        assert client.get("/").status_code == 200
        assert AuditEntry.objects.filter(action="learner_changed", actor_id=learner.user.pk).exists()

    def test_asks_again_until_it_knows(self, portal_client, learner, required):
        client = portal_client(learner.portal, learner.user)

        assert "required" in client.post("/profile/missing/", {required.key: " "}).text
        assert client.get("/").status_code == 302

    def test_asks_only_for_what_learners_may_fill_in(self, portal_client, learner):
        field_of(learner, is_required=True, learner_may_edit=False)
        field_of(learner, is_required=True, is_archived=True)
        field_of(learner, is_required=False)
        CustomFieldFactory(is_required=True, learner_may_edit=True)

        assert portal_client(learner.portal, learner.user).get("/").status_code == 200

    def test_asks_for_a_name_whoever_has_none(self, portal_client, learner):
        User.objects.filter(pk=learner.user_id).update(first_name="", last_name="")
        client = portal_client(learner.portal, learner.user)

        assert client.get("/").url == "/profile/missing/?next=/"
        assert "Enter your name." in client.post("/profile/missing/", {"first_name": " "}).text
        assert client.post("/profile/missing/", {"first_name": "Ada"}).url == "/"
        assert client.get("/").status_code == 200
        assert User.objects.get(pk=learner.user_id).full_name == "Ada"

    def test_asks_for_no_name_that_another_system_keeps(self, portal_client, learner, monkeypatch):
        User.objects.filter(pk=learner.user_id).update(first_name="", last_name="")
        kept = {"first_name": "Gusto", "last_name": "Gusto"}
        monkeypatch.setattr("users.custom_data._keepers", [lambda ids: dict.fromkeys(ids, kept)])

        assert portal_client(learner.portal, learner.user).get("/").status_code == 200

    def test_asks_staff_too(self, portal_client, learner, required):
        learner.role = "manager"
        learner.save()

        assert portal_client(learner.portal, learner.user).get("/").status_code == 302

    def test_leads_on_when_nothing_is_missing(self, portal_client, learner):
        client = portal_client(learner.portal, learner.user)

        assert client.get("/profile/missing/?next=/profile/").url == "/profile/"

    def test_leads_to_no_other_host(self, portal_client, learner):
        client = portal_client(learner.portal, learner.user)

        assert client.get("/profile/missing/?next=//evil.example/").url == "/"


class TestPortalsPage:
    def other(self, learner, **fields):
        portal = PortalFactory(realm=learner.portal.realm, **fields)
        MembershipFactory(portal=portal, user=learner.user)
        return portal

    def names(self, portal_client, learner, **query):
        return [
            name for name, _ in portal_client(learner.portal, learner.user).get("/portals/", query).context["found"]
        ]

    def test_lists_portals_with_access_by_name(self, portal_client, learner):
        self.other(learner, name="Zeta")
        self.other(learner, name="alpha")
        MembershipFactory(portal__realm=learner.portal.realm, user=learner.user, status="ended")
        MembershipFactory(portal__realm=learner.portal.realm, user=learner.user, status="pending")
        PortalFactory(realm=learner.portal.realm)

        assert self.names(portal_client, learner) == ["alpha", "Zeta"]
        assert self.names(portal_client, learner, q="ZET") == ["Zeta"]

    def test_lists_sub_portals_to_admins_of_the_portal_above(self, portal_client, learner):
        below = PortalFactory(realm=learner.portal.realm, parent=learner.portal)
        assert self.names(portal_client, learner) == []
        learner.role = "admin"
        learner.save()

        assert self.names(portal_client, learner) == [below.name]

    def test_leaves_out_what_is_shut_from_above(self, portal_client, learner):
        top = PortalFactory(realm=learner.portal.realm)
        self.other(learner, parent=top)
        MembershipFactory(portal=top, user=learner.user, status="ended")

        assert self.names(portal_client, learner) == []

    def test_is_empty_when_one_is_white_labelled(self, portal_client, learner):
        self.other(learner)
        self.other(learner, custom_domain="learn.example.com", custom_domain_verified_at=timezone.now())

        client = portal_client(learner.portal, learner.user)
        assert client.get("/portals/").context["found"] == []
        assert "Other portals" not in client.get("/").text

    def test_is_empty_after_single_sign_on(self, portal_client, learner):
        self.other(learner)
        learner.portal.sign_in_method = "saml"
        learner.portal.save()

        assert self.names(portal_client, learner) == []
