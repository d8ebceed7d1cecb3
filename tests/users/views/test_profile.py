"""A learner's own data."""

import pytest

from tests.factories.portals import CustomFieldFactory, DynamicRuleFactory
from tests.factories.users import MembershipFactory, OperatorFactory
from users.models import AuditEntry

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
