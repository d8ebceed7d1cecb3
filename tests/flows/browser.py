"""A browser without a screen: opens pages at any host, follows links and presses buttons by their words.

Pages of the product are answered by Django's test client, with CSRF checks; others are fetched over real HTTP.
"""

import re
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from django.test import TestCase

from tests.clients import QuickClient
from tests.flows.markup import Reader

MOST_REDIRECTS = 10
# The theme's icons are words in a font.
ICON = re.compile(r"<(\w+)[^>]*material-symbols[^>]*>[^<]*</\1>")


class Browser:
    """One visitor with cookies per host. `addresses` are all that were visited, the newest last."""

    def __init__(self, host):
        self.addresses = [f"http://{host}/"]
        self.status = 0
        self.source = ""
        self._clients = {}
        self._elsewhere = requests.Session()

    @property
    def address(self):
        """The address of the page that is open."""
        return self.addresses[-1]

    @property
    def path(self):
        """The path of the page that is open, with its query."""
        parts = urlsplit(self.address)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def words(self):
        """What the page says, without its markup."""
        return " ".join(" ".join(self._reader.said).split())

    def open(self, address):
        """Open an address, or a path of the present host, and follow where it leads."""
        return self._go("GET", address)

    def sign_in(self, email, password="correct horse battery"):
        """Sign in as people do."""
        return self.open("/sign-in/").press("Sign in", email=email, password=password)

    def let_in(self, account):
        """Be signed in, without the pages that lead there."""
        self._client(urlsplit(self.address).netloc).force_login(account)
        return self

    def follow(self, words):
        """Follow the first link with these words."""
        return self._go("GET", self.link(words))

    def link(self, words):
        """Return where the first link with these words leads."""
        links = self._reader.links
        found = next((href for text, href in links if text == words), None)
        assert found, f"There is no link {words!r} but {sorted({text for text, _ in links if text})}."
        return found

    def press(self, words, **answers):
        """Fill in the form of the first button with these words, and press it."""
        form, button = self._find(words)
        for name, value in answers.items():
            form.fill(name, value)
        if button.name:
            form.fields[button.name] = [button.value]
        return self._go(form.method, button.action or form.action or self.address, form.fields)

    def has_button(self, words):
        """Whether the page has such a button."""
        return any(button.words == words for form in self._reader.forms for button in form.buttons)

    def choices(self, words, name):
        """Return the choices of a field in the form of the first button with these words."""
        return sorted(self._find(words)[0].choices[name])

    @property
    def _reader(self):
        return Reader(ICON.sub("", self.source))

    def _find(self, words):
        forms = self._reader.forms
        for form in forms:
            for button in form.buttons:
                if button.words == words:
                    return form, button
        known = sorted({button.words for form in forms for button in form.buttons})
        raise AssertionError(f"There is no button {words!r} but {known} at {self.address}: {self.words[:500]}")

    def _go(self, method, address, fields=None):
        for _ in range(MOST_REDIRECTS):
            self.addresses.append(urljoin(self.address, address).partition("#")[0])
            headers = self._ask(method, fields)
            if self.status not in {301, 302, 303}:
                return self
            method, fields, address = "GET", None, headers["Location"]
        raise AssertionError(f"Too many redirects: {self.addresses[-MOST_REDIRECTS:]}")

    def _ask(self, method, fields):
        parts = urlsplit(self.address)
        if not parts.hostname.endswith(settings.PLATFORM_HOST):
            answer = self._elsewhere.request(method, self.address, data=fields, allow_redirects=False, timeout=60)
            self.status, self.source = answer.status_code, answer.text
            return answer.headers
        client = self._client(parts.netloc)
        # What waits for the commit happens at once, although the test's own transaction goes on.
        with TestCase.captureOnCommitCallbacks(execute=True):
            send = client.get if method == "GET" else client.post
            answer = send(self.path, fields or None, headers={"host": parts.netloc, "referer": self.addresses[-2]})
        self.status = answer.status_code
        self.source = b"".join(answer).decode()
        return answer.headers

    def _client(self, host):
        if host not in self._clients:
            self._clients[host] = QuickClient(enforce_csrf_checks=True, headers={"host": host})
        return self._clients[host]
