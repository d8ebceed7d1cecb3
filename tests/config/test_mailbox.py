"""The demo's mailbox takes mails over SMTP and shows them without letting them act."""

import http.client
import smtplib
import subprocess
import sys
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from config.mailbox import MailFolder, body_of, list_page, mail_page
from config.servers import free_port, is_listening


def mail(subject="Welcome", html=None):
    message = EmailMessage()
    message["From"] = "portal@example.com"
    message["To"] = "newcomer@example.com"
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Nov 2026 09:30:00 +0000"
    message.set_content("Hello\n.a line with a dot\nhttps://portal.example/invitation/?a=1&b=2\n")
    if html:
        message.add_alternative(html, subtype="html")
    return message


@pytest.fixture
def mails(tmp_path):
    return MailFolder(tmp_path)


@contextmanager
def running_mailbox(folder):
    smtp, page = free_port(), free_port()
    command = [sys.executable, "-m", "config.mailbox", folder, str(smtp), str(page)]
    process = subprocess.Popen(command)
    try:
        while not (is_listening(smtp) and is_listening(page)):
            assert process.poll() is None
        yield smtp, page
    finally:
        process.terminate()
        process.wait()


def get(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


class TestMailbox:
    def test_shows_what_it_was_sent(self, tmp_path):
        with running_mailbox(tmp_path) as (smtp, page):
            with smtplib.SMTP("127.0.0.1", smtp) as client:
                client.send_message(mail())
                client.send_message(mail(subject="Again"))
            [older, newer] = sorted(path.stem for path in tmp_path.iterdir())

            assert get(page, "/").read().decode().index("Again") > 0
            assert ".a line with a dot" in get(page, f"/{older}/").read().decode()
            assert "Again" in get(page, f"/{newer}/").read().decode()

    @pytest.mark.parametrize("path", ["/1/", "/../keys.json", "/x", "/1/html/../"])
    def test_knows_no_other_page(self, tmp_path, path):
        with running_mailbox(tmp_path) as (_, page):
            assert get(page, path).status == 404

    def test_answers_under_no_other_name(self, tmp_path):
        with running_mailbox(tmp_path) as (_, page):
            assert get(page, "/", Host="attacker.example").status == 403

    def test_lets_a_mail_run_and_load_nothing(self, tmp_path):
        with running_mailbox(tmp_path) as (_, page):
            assert "default-src 'none'" in get(page, "/").getheader("Content-Security-Policy")


class TestListPage:
    def test_says_what_to_do_when_it_is_empty(self, mails):
        assert "No mail yet" in list_page(mails)

    def test_shows_markup_of_a_subject_as_text(self, mails):
        mails.keep(mail(subject="<b>Offer</b>").as_bytes())

        assert "&lt;b&gt;Offer" in list_page(mails)


class TestMailPage:
    def test_makes_whole_links(self):
        page = mail_page(mail(), "1")

        assert '<a href="https://portal.example/invitation/?a=1&amp;b=2">' in page

    def test_frames_the_html_part_without_its_scripts(self):
        page = mail_page(mail(html="<p>Hello</p>"), "1")

        assert 'sandbox="allow-top-navigation-by-user-activation" src="/1/html"' in page

    def test_has_no_frame_for_a_text_mail(self):
        assert "<iframe" not in mail_page(mail(), "1")


class TestBodyOf:
    def test_lets_links_of_html_leave_the_frame(self):
        assert body_of(mail(html="<p>Hello</p>"), "html").startswith('<base target="_top"><p>Hello</p>')

    def test_is_empty_without_such_a_part(self):
        assert body_of(mail(), "html") == ""
