"""The demo's mailbox: takes every mail over SMTP, keeps it as a file and shows it on a page. Standard library only.

`python -m config.mailbox FOLDER SMTP_PORT PAGE_PORT` serves both on the loopback address until it is stopped.
"""

import re
import sys
import threading
import time
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

MAX_LINE = 4096
MAX_MAIL = 10_000_000
SHOWN = 200
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} th, td {{ padding: .4rem .8rem .4rem 0; text-align: left }}
tr {{ border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit }}
iframe {{ width: 100%; height: 34rem; border: 1px solid gray; background: white; color-scheme: light }}
</style><main><h1>{title}</h1>{body}</main></html>
"""


class MailFolder:
    """Mails as files that are named by the moment they came, so that they outlive the demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, content: bytes) -> None:
        """Store one mail under the next free name."""
        with _naming:
            name = time.time_ns()
            while (self.folder / f"{name}.eml").exists():
                name += 1
            (self.folder / f"{name}.eml").write_bytes(content)

    def names(self) -> list[str]:
        """Return the names of all mails, newest first."""
        return sorted((path.stem for path in self.folder.glob("*.eml")), reverse=True)

    def read(self, name: str) -> EmailMessage:
        """Return one mail. Raises FileNotFoundError."""
        message = message_from_bytes((self.folder / f"{name}.eml").read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)  # noqa: S101 - the policy says so, the type does not
        return message


_naming = threading.Lock()


class SmtpHandler(StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a mail client needs to hand over a mail."""

    mails: MailFolder
    timeout = 60

    def handle(self) -> None:
        """Serve one client; some only knock to see whether anybody is there, and hang up."""
        with suppress(ConnectionError):
            self._talk()

    def _talk(self) -> None:
        """Answer commands until the client leaves."""
        self._say("220 rollcall demo mailbox")
        while line := self.rfile.readline(MAX_LINE):
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                return self._say("221 goodbye")
            if verb == b"EHLO":
                self._say(f"250-rollcall\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MAX_MAIL}")
            elif verb == b"DATA":
                self._say("354 end with a line that holds only a dot")
                self._take_mail()
            elif verb in {b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"}:
                self._say("250 ok")
            else:
                self._say("502 not known here")
        return None

    def _take_mail(self) -> None:
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(MAX_MAIL)) not in {b".\r\n", b".\n"}:
            if not line:
                return None
            size += len(line)
            if size <= MAX_MAIL:
                lines.append(line[1:] if line.startswith(b".") else line)
        if size > MAX_MAIL:
            return self._say("552 too large")
        self.mails.keep(b"".join(lines))
        return self._say("250 kept")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


class PageHandler(BaseHTTPRequestHandler):
    """The list of mails, one mail, and its HTML part alone."""

    mails: MailFolder

    def do_GET(self) -> None:
        """Answer one of the three pages."""
        # Another site's script must not read the mails by naming this address as its own.
        if self.headers.get("Host", "").partition(":")[0] not in {"127.0.0.1", "localhost"}:
            return self._answer("Only for this machine.", HTTPStatus.FORBIDDEN)
        found = re.fullmatch(r"/(?:(\d{1,30})/(html)?)?", self.path)
        try:
            if not found:
                raise FileNotFoundError
            name, wants_html = found.groups()
            if not name:
                return self._answer(list_page(self.mails))
            message = self.mails.read(name)
        except FileNotFoundError:
            return self._answer(PAGE.format(title="No such mail", body=BACK), HTTPStatus.NOT_FOUND)
        return self._answer(body_of(message, "html") if wants_html else mail_page(message, name))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing: the demo's output is for more interesting things."""

    def _answer(self, page: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        # Mails are shown but run nothing and load nothing.
        policies = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'"
        self.send_header("Content-Security-Policy", policies)
        self.end_headers()
        self.wfile.write(content)


BACK = '<p><a href="/">All mails</a></p>'


def list_page(mails: MailFolder) -> str:
    """Return the page with the newest mails."""
    names = mails.names()
    rows = "".join(_row(name, mails.read(name)) for name in names[:SHOWN])
    head = "<tr><th scope=col>To</th><th scope=col>Subject</th><th scope=col>Sent</th></tr>"
    empty = "<p>No mail yet. Invite somebody, then reload this page.</p>"
    more = f"<p>The newest {SHOWN} of {len(names)} mails.</p>" if len(names) > SHOWN else ""
    return PAGE.format(title="Mailbox of the demo", body=f"<table>{head}{rows}</table>{more}" if names else empty)


def mail_page(message: EmailMessage, name: str) -> str:
    """Return the page of one mail: its head, its text with links, and its HTML part in a frame."""
    head = "".join(f"<tr><th scope=row>{field}</th><td>{_field(message, field)}</td></tr>" for field in FIELDS)
    text = re.sub(
        r"(https?://[^\s<>&]+(?:&amp;[^\s<>&]+)*)", r'<a href="\1">\1</a>', escape(body_of(message, "plain"))
    )
    frame = (
        f'<h2>HTML</h2><iframe title="The HTML part" sandbox="allow-top-navigation-by-user-activation" '
        f'src="/{name}/html"></iframe>'
        if body_of(message, "html")
        else ""
    )
    title = _field(message, "Subject") or "No subject"
    return PAGE.format(title=title, body=f"{BACK}<table>{head}</table><h2>Text</h2><pre>{text}</pre>{frame}")


def body_of(message: EmailMessage, kind: str) -> str:
    """Return the plain or html part of a mail, empty when it has none; links in HTML leave the frame."""
    part = message.get_body((kind,))
    content = str(part.get_content()) if part else ""
    return f'<base target="_top">{content}' if content and kind == "html" else content


FIELDS = ("From", "To", "Date")


def _row(name: str, message: EmailMessage) -> str:
    subject = _field(message, "Subject") or "No subject"
    sent = parsedate_to_datetime(message["Date"]).astimezone().strftime("%d %b %Y %H:%M") if message["Date"] else ""
    return f'<tr><td>{_field(message, "To")}</td><td><a href="/{name}/">{subject}</a></td><td>{sent}</td></tr>'


def _field(message: EmailMessage, field: str) -> str:
    return escape(str(message[field] or ""))


class Receiver(ThreadingTCPServer):
    """Takes mails from several clients at once."""

    allow_reuse_address = True
    daemon_threads = True


def serve(folder: Path, *, smtp_port: int, page_port: int) -> None:
    """Take and show mails until the process is stopped."""
    SmtpHandler.mails = PageHandler.mails = MailFolder(folder)
    receiver = Receiver(("127.0.0.1", smtp_port), SmtpHandler)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", page_port), PageHandler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), smtp_port=int(sys.argv[2]), page_port=int(sys.argv[3]))
