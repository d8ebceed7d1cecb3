"""Scope and safety: whom the syncs are about, and when they wait for an admin."""

import re
from http import HTTPStatus

import pytest

from integrations.models import SafetySettings
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.users import MembershipFactory, UserFactory
from users.models import AuditEntry

from .conftest import ROOT, markup_of, text_of

PAGE = f"{ROOT}gusto/scope/"
DEFAULTS = {
    "out_of_scope": "keep",
    "most_people": 3,
    "most_percent": 10,
    "holds_first_mails": "on",
    "most_mails": 50,
}


def posted(*conditions, **more):
    """Return the form as a browser sends it; a condition is attribute, operator, values."""
    data = {**DEFAULTS, "scope-TOTAL_FORMS": len(conditions), "scope-INITIAL_FORMS": 0, **more}
    for number, (attribute, operator, values) in enumerate(conditions):
        data[f"scope-{number}-attribute"] = attribute
        data[f"scope-{number}-operator"] = operator
        data[f"scope-{number}-values"] = values
    return data


@pytest.fixture
def people(connection):
    """Two people of Sales and one of Legal, linked to learners."""
    for name, department in (("Maya", "Sales"), ("Wei", "Sales"), ("Joy", "Legal")):
        account = UserFactory(realm=connection.portal.realm, first_name=name, email=f"{name}@example.com".lower())
        ExternalIdentityFactory(
            connection=connection,
            external_id=name,
            membership=MembershipFactory(portal=connection.portal, user=account),
            snapshot={
                "key": name,
                "first_name": name,
                "work_email": account.email,
                "status": "active",
                "attributes": {"department": department},
            },
        )


@pytest.mark.usefixtures("connection")
class TestSafetySettingsPage:
    def test_shows_the_defaults_in_words(self, portal_admin):
        page = text_of(portal_admin.get(PAGE))

        assert "There is no condition: everyone is in scope." in page
        assert "The numbers can be raised; the brake cannot be switched off." in page
        assert '<input type="number" name="most_people" value="3"' in markup_of(portal_admin.get(PAGE))

    def test_saves_the_numbers(self, portal_admin, connection, admin):
        response = portal_admin.post(PAGE, posted(most_people=8, most_mails=20, ends_missing="on"), follow=True)

        assert "Saved. It counts from the next sync on." in text_of(response)
        stored = SafetySettings.objects.get(connection=connection)
        assert (stored.most_people, stored.most_mails, stored.ends_missing) == (8, 20, True)
        entry = AuditEntry.objects.get(action="safety_settings_changed")
        assert (entry.actor_id, entry.after["most_people"]) == (admin.pk, 8)

    @pytest.mark.parametrize(
        "nonsense",
        [{"most_people": 0}, {"most_percent": 51}, {"most_percent": ""}, {"most_mails": -1}, {"out_of_scope": "x"}],
    )
    def test_never_switches_the_brake_off(self, portal_admin, connection, nonsense):
        response = portal_admin.post(PAGE, posted(**nonsense))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert not SafetySettings.objects.filter(connection=connection).exists()

    def test_saves_conditions(self, portal_admin, connection):
        conditions = [("department", "is_one_of", " Sales \nSupport\n\nSales"), ("custom:shirt", "is_not_empty", "x")]

        portal_admin.post(PAGE, posted(*conditions, ("", "is_one_of", "")))

        assert SafetySettings.objects.get(connection=connection).scope == [
            {"attribute": "department", "operator": "is_one_of", "values": ["Sales", "Support"]},
            {"attribute": "custom:shirt", "operator": "is_not_empty", "values": []},
        ]
        assert "Sales" in markup_of(portal_admin.get(PAGE))

    @pytest.mark.parametrize(
        ("condition", "complaint"),
        [
            (("department", "is_one_of", " \n"), "Enter at least one value, one per line."),
            (("", "is_one_of", "Sales"), "Select the attribute that these values are about."),
            (("salary", "is_empty", ""), "salary is not one of the available choices."),
            (("department", "is_like", "S"), "is_like is not one of the available choices."),
        ],
    )
    def test_wants_whole_conditions(self, portal_admin, connection, condition, complaint):
        response = portal_admin.post(PAGE, posted(condition))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert complaint in text_of(response)
        assert not SafetySettings.objects.filter(connection=connection).exists()

    def test_adds_and_removes_rows_without_saving(self, portal_admin, connection):
        sales = ("department", "is_one_of", "Sales")

        added = markup_of(portal_admin.post(PAGE, posted(sales, add="1")))
        removed = markup_of(portal_admin.post(PAGE, posted(sales, remove="0")))

        assert added.count('name="remove"') == 2
        assert 'name="remove"' not in removed
        assert not SafetySettings.objects.filter(connection=connection).exists()

    @pytest.mark.parametrize("total", ["", "-1", "many", "1000000"])
    def test_survives_nonsense_in_the_table(self, portal_admin, total):
        assert portal_admin.post(PAGE, {"scope-TOTAL_FORMS": total, "add": "1"}).status_code == HTTPStatus.OK
        assert portal_admin.post(PAGE, {"scope-TOTAL_FORMS": total}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    def test_costs_the_same_for_few_and_many(self, connection, queries):
        def add(number):
            safety, _ = SafetySettings.objects.get_or_create(connection=connection)
            safety.scope.append({"attribute": "department", "operator": "is_none_of", "values": [str(number)]})
            safety.save()
            ExternalIdentityFactory(connection=connection, snapshot={"status": "active", "attributes": {}})

        add(0)
        before = queries(PAGE)
        for number in range(1, 8):
            add(number)

        assert queries(PAGE) == before


@pytest.mark.usefixtures("people")
class TestNumbers:
    def test_count_people_in_and_out(self, portal_admin):
        page = text_of(portal_admin.post(PAGE, posted(("department", "is_one_of", "Sales"), count="1")))

        assert "2 people in scope 1 people out of scope" in page
        assert "Values of Department: Sales (2), Legal (1)" in page

    def test_say_what_was_never_read(self, portal_admin):
        page = text_of(portal_admin.post(PAGE, posted(("custom:shirt", "is_one_of", "L"), count="1")))

        assert "0 people in scope 3 people out of scope" in page
        assert "Of 3 people out of scope the attribute was never read" in page

    def test_leave_out_who_has_left_and_who_is_elsewhere(self, portal_admin, connection):
        gone = {"status": "inactive", "attributes": {"department": "Sales"}}
        ExternalIdentityFactory(connection=connection, snapshot=gone)
        ExternalIdentityFactory(connection=ConnectionFactory(), snapshot={**gone, "status": "active"})

        page = text_of(portal_admin.post(PAGE, posted(("department", "is_one_of", "Sales"), count="1")))

        assert "2 people in scope 1 people out of scope" in page


@pytest.mark.usefixtures("people")
class TestQuestionBeforeSaving:
    NARROW = ("department", "is_one_of", "Sales")

    def answered(self, portal_admin, page, **more):
        data = posted(self.NARROW, out_of_scope="end_access")
        seal = page.context["seal"]
        return portal_admin.post(PAGE, {**data, "agreed": seal, **more}, follow=True)

    def test_says_who_would_lose_access_and_saves_nothing(self, portal_admin, connection):
        page = portal_admin.post(PAGE, posted(self.NARROW, out_of_scope="end_access"))

        assert "1 person would lose access. No mail would go." in text_of(page)
        assert "Joy <joy@example.com>" in text_of(page)
        assert not SafetySettings.objects.filter(connection=connection).exists()

    def test_saves_what_was_agreed_to(self, portal_admin, connection):
        page = portal_admin.post(PAGE, posted(self.NARROW, out_of_scope="end_access"))

        assert "Saved." in text_of(self.answered(portal_admin, page))
        assert SafetySettings.objects.get(connection=connection).out_of_scope == "end_access"

    def test_asks_again_when_the_settings_are_others(self, portal_admin, connection):
        page = portal_admin.post(PAGE, posted(("department", "is_one_of", "Legal")))

        assert "What these settings would change" in text_of(self.answered(portal_admin, page))
        assert not SafetySettings.objects.filter(connection=connection).exists()

    def test_goes_back_to_the_form_as_it_was(self, portal_admin, connection):
        page = portal_admin.post(PAGE, posted(self.NARROW, out_of_scope="end_access"))

        form = self.answered(portal_admin, page, edit="1")

        assert "Not saved yet." in text_of(form)
        assert re.search(r'value="end_access"[^>]* checked', markup_of(form))
        assert not SafetySettings.objects.filter(connection=connection).exists()

    def test_is_not_asked_when_nobody_is_concerned(self, portal_admin):
        response = portal_admin.post(PAGE, posted(("department", "is_not_empty", "")), follow=True)

        assert "Saved." in text_of(response)
