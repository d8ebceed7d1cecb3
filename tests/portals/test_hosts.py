"""The host of a request decides on the portal, and strangers are turned away."""

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portals.hosts import PortalHostMiddleware, UnknownHost, portal_of_host
from tests.factories.portals import PortalFactory

pytestmark = pytest.mark.django_db


class TestPortalOfHost:
    def test_finds_a_portal_below_the_platform_domain(self, settings):
        portal = PortalFactory(slug="north")

        assert portal_of_host(f"north.{settings.PLATFORM_HOST}:8000") == portal
        assert portal_of_host(f"NORTH.{settings.PLATFORM_HOST}.") == portal

    def test_gives_the_platform_no_portal(self, settings):
        assert portal_of_host(settings.PLATFORM_DOMAIN) is None

    def test_finds_a_verified_custom_domain(self):
        portal = PortalFactory(custom_domain="learn.acme.example", custom_domain_verified_at=timezone.now())

        assert portal_of_host("Learn.Acme.example:443") == portal

    def test_refuses_a_custom_domain_that_nobody_verified(self):
        PortalFactory(custom_domain="learn.acme.example")

        with pytest.raises(UnknownHost):
            portal_of_host("learn.acme.example")

    @pytest.mark.parametrize(
        "host",
        [
            "",
            "127.0.0.1:8000",
            "[::1]:8000",
            "nobody.localhost",
            "deep.north.localhost",
            "xlocalhost",
            "localhost.evil.example",
        ],
    )
    def test_refuses_everything_else(self, host):
        PortalFactory(slug="north")

        with pytest.raises(UnknownHost):
            portal_of_host(host)

    def test_asks_the_database_once(self):
        PortalFactory(slug="north")

        with CaptureQueriesContext(connection) as queries:
            portal_of_host("north.localhost")

        assert len(queries) == 1


class TestPortalHostMiddleware:
    def test_lets_a_portal_answer(self, portal_client):
        page = portal_client(PortalFactory(name="North Academy")).get("/sign-in/")

        assert page.status_code == 200
        assert "North Academy" in page.text

    @pytest.mark.parametrize("host", ["nobody.localhost", "evil.example", "127.0.0.1:8000", "bad_host!"])
    def test_refuses_unknown_hosts_with_a_plain_page(self, host):
        page = Client(headers={"host": host}).get("/sign-in/")

        assert page.status_code == 400
        assert "portal" not in page.headers.get("Set-Cookie", "")

    @pytest.mark.parametrize("host", ["127.0.0.1:8000", "evil.example"])
    def test_lets_health_checks_through_under_any_host(self, host):
        assert Client(headers={"host": host}).get("/health/live/").status_code == 200

    def test_reads_times_as_they_are_at_the_portal(self, rf):
        portal = PortalFactory(time_zone="Asia/Tokyo")
        middleware = PortalHostMiddleware(lambda request: HttpResponse(timezone.get_current_timezone_name()))

        page = middleware(rf.get("/", headers={"host": portal.platform_host}))

        assert page.text == "Asia/Tokyo"
        assert timezone.get_current_timezone_name() == "UTC"
