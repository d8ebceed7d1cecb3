"""Lines of the log: one for each entry, whatever somebody wrote into it."""

import json
import logging
import sys

import pytest
from django.urls import reverse

from config.logs import JsonLine, OneLine

FORGED = "record 7\n2026-01-01 00:00:00 ERROR users everything was deleted\r\x1b[2K\u2028end"


def entry(message="record %s", *arguments, **more):
    return logging.makeLogRecord({"msg": message, "args": arguments, "levelname": "INFO", "name": "users", **more})


SECRET_PAGES = ["users:invitation", "users:saml_finish", "integrations_public:calendar"]


def trouble():
    try:
        raise RuntimeError("no\nway")
    except RuntimeError:
        return sys.exc_info()


class TestOneLine:
    def test_says_when_how_grave_where_and_what(self):
        assert OneLine().format(entry("record %s", 7)).endswith(" INFO users record 7")

    def test_lets_nothing_pass_for_a_line_of_its_own(self):
        line = OneLine().format(entry(FORGED))

        assert len(line.splitlines()) == 1
        assert "\x1b" not in line

    @pytest.mark.parametrize("page", SECRET_PAGES)
    def test_keeps_what_opens_a_page_to_itself(self, page):
        line = OneLine().format(entry("Forbidden: %s", reverse(page, args=["2-3bfb536cc0143e98"])))

        assert "3bfb536cc0143e98" not in line
        assert "Forbidden: /" in line

    def test_is_followed_by_a_traceback(self):
        assert "RuntimeError: no" in OneLine().format(entry("Oh", exc_info=trouble()))


class TestJsonLine:
    @pytest.mark.parametrize("message", ["record 7", FORGED, "Zoë"])
    def test_is_one_object(self, message):
        line = JsonLine().format(entry(message))

        assert len(line.splitlines()) == 1
        found = json.loads(line)
        assert (found["level"], found["logger"], found["message"]) == ("INFO", "users", message)

    @pytest.mark.parametrize("page", SECRET_PAGES)
    def test_keeps_what_opens_a_page_to_itself(self, page):
        line = JsonLine().format(entry("Forbidden: %s", reverse(page, args=["2-3bfb536cc0143e98"])))

        assert "3bfb536cc0143e98" not in line

    def test_holds_the_traceback_and_what_was_given_besides(self):
        found = json.loads(JsonLine().format(entry("Oh", exc_info=trouble(), status_code=503, request=object())))

        assert found["traceback"].endswith("RuntimeError: no\nway")
        assert (found["status_code"], "request" in found) == (503, False)
