"""Invite configuration."""

from http import HTTPStatus

import pytest

from integrations.models import InviteSettings
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory, InviteSettingsFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}gusto/invites/"
ANSWERS = {"when": "hire_date", "how": "active_welcome", "address": "work_only"}


@pytest.mark.usefixtures("connection")
class TestInviteSettingsPage:
    def test_asks_in_the_words_of_the_product(self, portal_admin):
        page = text_of(portal_admin.get(PAGE))

        for words in (
            "When do you want to invite them?",
            "When they are added to Gusto",
            "On their hiring date",
            "How to add new users?",
            "Create as an active user and send a welcome email",
            "Create as active user only",
            "Create as pending user and send invitation email",
            "Which e-mail address?",
            "Save changes",
        ):
            assert words in page

    def test_shows_the_answers_given(self, portal_admin, connection):
        InviteSettingsFactory(connection=connection, **ANSWERS)

        page = portal_admin.get(PAGE).content.decode()

        for answer in ANSWERS.values():
            assert f'value="{answer}"' in page
        assert page.count("checked") - page.count("checked:") - page.count("checked-") >= 3

    def test_saves_the_answers(self, portal_admin, portal, connection, admin):
        response = portal_admin.post(PAGE, ANSWERS, follow=True)

        assert "Saved." in text_of(response)
        saved = InviteSettings.objects.get(connection=connection)
        assert {"when": saved.when, "how": saved.how, "address": saved.address} == ANSWERS
        entry = AuditEntry.objects.get(action="invite_settings_changed")
        assert (entry.portal_id, entry.actor_id, entry.after) == (portal.pk, admin.pk, ANSWERS)

    def test_records_what_it_was_before(self, portal_admin, connection):
        InviteSettingsFactory(connection=connection)

        portal_admin.post(PAGE, ANSWERS)

        entry = AuditEntry.objects.get(action="invite_settings_changed")
        assert entry.before == {"when": "added", "how": "pending_invite", "address": "work_first"}

    @pytest.mark.parametrize("name", ["when", "how", "address"])
    @pytest.mark.parametrize("answer", ["", "whenever"])
    def test_wants_an_answer_to_each_question(self, portal_admin, name, answer):
        response = portal_admin.post(PAGE, {**ANSWERS, name: answer})

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert not InviteSettings.objects.exists()

    def test_leaves_another_portals_answers_alone(self, portal_admin):
        other = InviteSettingsFactory(connection=ConnectionFactory(external_account_id="c2"))

        portal_admin.post(PAGE, ANSWERS)

        other.refresh_from_db()
        assert other.when == "added"


@pytest.mark.usefixtures("connection")
class TestSingleSignOn:
    @pytest.fixture(autouse=True)
    def saml(self, portal):
        portal.sign_in_method = "saml"
        portal.save()

    def test_greys_out_the_mails_and_says_why(self, portal_admin):
        response = portal_admin.get(PAGE)

        assert "People of this portal sign in by SAML single sign-on." in text_of(response)
        page = response.content.decode()
        assert page.count(" disabled") - page.count("disabled:") >= 2
        assert 'value="active" class' in page

    @pytest.mark.parametrize("how", ["active_welcome", "pending_invite"])
    def test_refuses_what_is_greyed_out(self, portal_admin, how):
        response = portal_admin.post(PAGE, {**ANSWERS, "how": how})

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert not InviteSettings.objects.exists()

    def test_saves_what_is_possible(self, portal_admin, connection):
        portal_admin.post(PAGE, {**ANSWERS, "how": "active"})

        assert InviteSettings.objects.get(connection=connection).how == "active"


class TestQuestionBeforeSaving:
    def test_says_who_would_be_invited_and_how_many_mails_go(self, portal_admin, connection):
        InviteSettings.objects.create(connection=connection, when="hire_date")
        ahead = {"key": "e-1", "first_name": "Noor", "work_email": "noor@example.com", "hired_on": "2999-01-01"}
        ExternalIdentityFactory(
            connection=connection, external_id="e-1", state="skipped", reason="hire_date_ahead", snapshot=ahead
        )
        answers = {"when": "added", "how": "pending_invite", "address": "work_first"}

        asked = portal_admin.post(PAGE, answers)

        assert "1 person would be invited. 1 mail would go." in text_of(asked)
        assert InviteSettings.objects.get().when == "hire_date"
        portal_admin.post(PAGE, {**answers, "agreed": asked.context["seal"]})
        assert InviteSettings.objects.get().when == "added"
