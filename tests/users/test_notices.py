"""Mails that tell people what happened to their account."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users import notice_mails, notices, passwords, provisioning, tasks
from users.models import AuditEntry, Notice

pytestmark = pytest.mark.django_db


def send():
    now = timezone.now()
    return notice_mails.send_waiting(clock=timezone.now, until=now + timedelta(minutes=1))


def announce(member):
    notices.announce(kind=Notice.Kind.PASSWORD_CHANGED, user=member.user, portal=member.portal, now=timezone.now())


class TestSetPassword:
    def test_tells_the_person_of_a_changed_password(self):
        learner = MembershipFactory()

        passwords.set_password(user=learner.user, password="harbour lights", portal=learner.portal, now=timezone.now())

        notice = Notice.objects.get()
        assert (notice.kind, notice.address) == ("password_changed", learner.user.email)
        assert AuditEntry.objects.get().action == "password_changed"
        assert mail.outbox == []

    def test_says_nothing_about_a_first_password(self):
        newcomer = MembershipFactory()
        newcomer.user.set_unusable_password()
        newcomer.user.save()

        passwords.set_password(
            user=newcomer.user, password="harbour lights", portal=newcomer.portal, now=timezone.now()
        )

        assert not Notice.objects.exists()
        assert AuditEntry.objects.get().action == "password_set"


class TestAnnounceNewAddresses:
    def rename(self, member, email):
        amendment = provisioning.Amendment(member.pk, {"email": email}, {"email": member.user.email})
        provisioning.amend_learners(
            portal=member.portal, amendments=[amendment], cause=provisioning.Cause(), now=timezone.now()
        )

    def test_tells_the_old_and_the_new_address(self):
        learner = MembershipFactory(user__email="old@example.com")

        self.rename(learner, "new@example.com")

        assert set(Notice.objects.values_list("kind", "address")) == {
            ("address_changed", "old@example.com"),
            ("address_changed", "new@example.com"),
        }

    def test_says_nothing_to_who_never_had_a_password(self):
        pending = MembershipFactory(status="pending")
        pending.user.set_unusable_password()
        pending.user.save()

        self.rename(pending, "new@example.com")

        assert not Notice.objects.exists()

    def test_says_nothing_when_only_the_name_changes(self, django_assert_num_queries):
        learner = MembershipFactory()
        amendment = provisioning.Amendment(learner.pk, {"first_name": "Ada"}, {})

        provisioning.amend_learners(
            portal=learner.portal, amendments=[amendment], cause=provisioning.Cause(), now=timezone.now()
        )

        assert not Notice.objects.exists()


class TestSendWaiting:
    def test_sends_each_once_in_the_portals_name(self, smtp):
        learner = MembershipFactory(portal__name="Harbor & Pine Academy")
        announce(learner)

        assert (send(), send()) == (1, 0)

        (sent,) = smtp
        assert sent["To"] == learner.user.email
        assert sent["Subject"] == "Your password at Harbor & Pine Academy was changed"
        assert "Harbor & Pine Academy" in sent["From"]
        assert learner.portal.url("/sign-in/") in sent.get_content()

    def test_speaks_for_the_installation_to_operators(self, smtp, settings):
        notices.announce(
            kind=Notice.Kind.SECOND_FACTOR_REMOVED, user=OperatorFactory(), portal=None, now=timezone.now()
        )

        send()

        assert "Rollcall" in smtp[0]["Subject"]
        assert f"{settings.PLATFORM_DOMAIN}/sign-in/" in smtp[0].get_content()

    @pytest.mark.parametrize("kind", Notice.Kind.values)
    def test_has_words_for_every_kind(self, smtp, kind):
        learner = MembershipFactory()
        notices.announce(kind=kind, user=learner.user, portal=learner.portal, now=timezone.now())

        send()

        assert learner.portal.name in smtp[0].get_body(("plain",)).get_content()

    def test_sends_a_report_in_its_own_words_and_the_portals_colours(self, smtp):
        admin = AdminFactory(portal__name="Harbor & Pine Academy", portal__accent_color="#7a1f5c")
        made = notices.report(
            to=[admin],
            portal=admin.portal,
            subject="Harbor: 4 people wait\r\nBcc: all@example.com",
            text="First.\n\n<b>Second</b>.",
            link=admin.portal.url("/admin/"),
            now=timezone.now(),
        )

        assert (made, send(), send()) == (1, 1, 0)

        (sent,) = smtp
        assert (sent["To"], sent["Subject"]) == (admin.user.email, "Harbor: 4 people wait Bcc: all@example.com")
        text, html = (sent.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "<b>Second</b>." in text
        assert admin.portal.url("/admin/") in text
        assert "&lt;b&gt;Second" in html
        assert "#7a1f5c" in html
        assert "Harbor &amp; Pine Academy" in html

    def test_calls_nobody_an_admin_who_is_only_reminded(self, smtp):
        learner = MembershipFactory(portal__name="Harbor & Pine Academy")
        letter = notices.Letter(learner.user, "A course is due", "Fire safety")
        link = learner.portal.url("/")
        notices.write([letter], kind="course_due", portal=learner.portal, link=link, now=timezone.now())

        send()

        text, html = (smtp[0].get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "Fire safety" in text
        assert link in html
        assert "admin" not in text + html

    def test_waits_while_the_server_is_away_and_tries_again(self, smtp, settings):
        announce(MembershipFactory())
        there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1

        assert send() == 0
        settings.EMAIL_PORT = there
        assert send() == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert send() == 1

    def test_gives_up_on_an_address_that_is_refused_and_sends_the_rest(self, smtp):
        gone, learner = MembershipFactory.create_batch(2, portal=PortalFactory())
        smtp.refusals[gone.user.email] = "550 No such user"
        announce(gone)
        announce(learner)

        assert send() == 1

        refused = Notice.objects.get(user=gone.user)
        assert refused.state == "failed"
        assert "No such user" in refused.failure


class TestForgetOld:
    def test_deletes_addresses_a_month_after_the_mail(self, smtp):
        announce(MembershipFactory())
        send()
        announce(MembershipFactory())

        with time_machine.travel(timezone.now() + timedelta(days=29)):
            tasks.forget_old_sign_ins()
        assert Notice.objects.count() == 2

        with time_machine.travel(timezone.now() + timedelta(days=31)):
            tasks.forget_old_sign_ins()
        assert Notice.objects.get().state == "scheduled"
