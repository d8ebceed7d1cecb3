"""Mails: what they say, and that no name can bend them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.users import InvitationFactory
from users import emails, invitations

pytestmark = pytest.mark.django_db


def newcomer(**fields):
    """Make an invitation of someone who has no password yet."""
    invitation = InvitationFactory(**fields)
    invitation.membership.user.set_unusable_password()
    invitation.membership.user.save()
    return invitation


def texts(message):
    return message.body, message.alternatives[0].content


class TestCompose:
    def test_invites_with_link_and_one_time_password(self):
        invitation = newcomer(membership__portal__name="North Academy", membership__user__first_name="Ada")

        message = emails.compose(invitation)

        assert message.subject == "You are invited to North Academy"
        assert message.to == [invitation.membership.user.email]
        for text in texts(message):
            assert invitations.link(invitation) in text
            assert invitations.temporary_password(invitation) in text
            assert "Hello Ada," in text
            assert "72 hours" in text

    def test_links_to_the_portal_itself(self):
        invitation = newcomer(
            membership__portal__custom_domain="learn.acme.example",
            membership__portal__custom_domain_verified_at=timezone.now() - timedelta(days=1),
        )

        address = invitation.membership.portal.url("/invitation/")
        assert "//learn.acme.example" in address
        assert address in emails.compose(invitation).body

    def test_sends_in_the_name_of_the_portal(self, settings):
        settings.DEFAULT_FROM_EMAIL = "Rollcall <no-reply@rollcall.example>"

        message = emails.compose(newcomer(membership__portal__name="North Academy"))

        assert message.message()["From"] == "North Academy <no-reply@rollcall.example>"

    def test_sends_in_the_name_that_the_portal_chose_for_its_mails(self, settings):
        settings.DEFAULT_FROM_EMAIL = "Rollcall <no-reply@rollcall.example>"

        message = emails.compose(newcomer(membership__portal__mail_sender="Your trainers"))

        assert message.message()["From"] == "Your trainers <no-reply@rollcall.example>"

    def test_shows_an_example_without_the_secrets(self):
        invitation = newcomer()

        message = emails.compose(invitation, is_example=True)

        assert "Message-ID" not in message.extra_headers
        for text in texts(message):
            assert invitations.token(invitation) not in text
            assert invitations.temporary_password(invitation) not in text

    def test_leaves_the_one_time_password_out_for_someone_who_has_one(self):
        invitation = InvitationFactory()

        for text in texts(emails.compose(invitation)):
            assert invitations.temporary_password(invitation) not in text
            assert invitations.link(invitation) in text

    def test_welcomes_with_a_link_to_set_the_password(self):
        invitation = newcomer(kind="welcome", membership__status="active")

        for text in texts(emails.compose(invitation)):
            assert invitations.link(invitation) in text
            assert invitations.temporary_password(invitation) not in text

    def test_welcomes_someone_with_a_password_to_the_sign_in_page(self):
        invitation = InvitationFactory(kind="welcome", membership__status="active")

        for text in texts(emails.compose(invitation)):
            assert invitations.link(invitation) not in text
            assert "/sign-in/" in text

    def test_resets_with_a_link_only(self):
        invitation = InvitationFactory(kind="reset", membership__status="active")

        for text in texts(emails.compose(invitation)):
            assert invitations.link(invitation) in text
            assert "stays as it is" in text

    def test_keeps_the_message_id_until_the_link_changes(self):
        invitation = newcomer()
        first = emails.compose(invitation).extra_headers["Message-ID"]

        again = emails.compose(invitation).extra_headers["Message-ID"]
        other = emails.compose(invitations.resend(invitation=invitation, now=timezone.now())).extra_headers[
            "Message-ID"
        ]

        assert first == again != other

    def test_wears_the_portals_colour(self):
        invitation = newcomer(membership__portal__accent_color="#ffee00")

        _text, html = texts(emails.compose(invitation))

        assert "background:#ffee00;" in html
        assert "color:#000000;" in html

    def test_escapes_names_in_html_only(self):
        invitation = newcomer(membership__portal__name="R&D", membership__user__first_name="Ada & Bob")

        text, html = texts(emails.compose(invitation))

        assert "Hello Ada & Bob," in text
        assert "R&D" in text
        assert "Hello Ada &amp; Bob," in html

    @pytest.mark.parametrize("bad", ["Evil\r\nBcc: all@example.com", "Evil\nX: y", "Evil\x00\x1b\u202e"])
    def test_lets_no_name_into_the_headers(self, bad):
        invitation = newcomer(membership__user__first_name=bad.replace("\x00", ""), membership__portal__name="North")
        invitation.membership.portal.name = bad
        invitation.membership.user.first_name = bad

        message = emails.compose(invitation).message()

        assert "Bcc" not in message
        assert "X" not in message
        assert "\n" not in message["Subject"]


class TestSafeName:
    @pytest.mark.parametrize("name", ["Ada", "Anne-Marie", "O'Brien", "Zoë", "李 雷", "de la Cruz", "Ada Jr."])
    def test_leaves_names_alone(self, name):
        assert emails.safe_name(name) == name

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("St.John", "St. John"),
            ("https://evil.example/x", "evil. example x"),
            ("Click www.evil.example", "Click www. evil. example"),
            ("javascript:alert(1)", "alert 1"),
            ("ada@evil.example", "ada evil. example"),
            ("<b>Ada</b>", "b Ada b"),
            ("[Ada](evil.example)", "Ada evil. example"),
            ("evil。example", "evil. example"),
            ("Ada\r\nBcc: x", "Ada Bcc: x"),
            ("", ""),
        ],
    )
    def test_takes_away_what_would_become_a_link(self, name, expected):
        assert emails.safe_name(name) == expected

    def test_is_never_long(self):
        assert len(emails.safe_name("x" * 10_000)) == emails.LONGEST_NAME
