"""Who is let in: requests that HubSpot signed for the public address, whatever a proxy made of them."""

from http import HTTPStatus

import pytest
from django.test import RequestFactory

from integrations.hubspot import verification

from .signing import signed

PATH = "/integrations/hubspot/actions/user-invite/"
BODY = b'{"name": "Zo\xc3\xab"}'


@pytest.fixture(autouse=True)
def application(settings):
    settings.HUBSPOT_CLIENT_SECRET = "a secret of the app"
    settings.PLATFORM_SCHEME, settings.PLATFORM_DOMAIN = "https", "rollcall.example.com"


@pytest.fixture
def request_with():
    """Make a request as it arrives behind a proxy: another host, plain http."""

    def make(headers, *, path=PATH, body=BODY):
        return RequestFactory().post(
            path, data=body, content_type="application/json", headers={"host": "10.0.0.5:8000", **headers}
        )

    return make


def body_of(request, most_bytes=1000):
    return verification.verified_body(request, most_bytes=most_bytes)


class TestVerifiedBody:
    def test_is_the_bytes_that_were_signed(self, request_with):
        assert body_of(request_with(signed(PATH, BODY))) == BODY

    def test_counts_with_the_query_as_it_was_sent(self, request_with):
        path = f"{PATH}?b=2&a=%40x%2B"

        assert body_of(request_with(signed(path, BODY), path=path)) == BODY

    @pytest.mark.parametrize("path", [PATH, f"{PATH}?a=1"])
    def test_is_refused_for_another_address(self, request_with, path):
        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed("/integrations/hubspot/actions/user-add/", BODY), path=path))

    def test_is_refused_when_it_was_changed(self, request_with):
        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY), body=BODY + b" "))

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_is_refused_when_the_date_is_far_off(self, request_with, seconds):
        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY, age=seconds)))

    def test_is_refused_without_a_signature(self, request_with):
        with pytest.raises(verification.NotSigned):
            body_of(request_with({}))

    def test_is_refused_without_our_secret(self, request_with, settings):
        settings.HUBSPOT_CLIENT_SECRET = ""

        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY)))

    def test_has_a_limit(self, request_with):
        with pytest.raises(verification.TooLarge) as refusal:
            body_of(request_with(signed(PATH, BODY)), most_bytes=len(BODY) - 1)

        assert refusal.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TestUndatedSignatures:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_do_not_count(self, request_with, version):
        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY, version=version)))

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_count_where_a_setting_says_so(self, request_with, settings, version):
        settings.HUBSPOT_ACCEPT_UNDATED_SIGNATURES = True

        assert body_of(request_with(signed(PATH, BODY, version=version))) == BODY

    def test_do_not_make_up_for_a_wrong_dated_one(self, request_with, settings):
        settings.HUBSPOT_ACCEPT_UNDATED_SIGNATURES = True

        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY, version="v2") | signed(PATH, BODY, age=301)))

    def test_must_be_right(self, request_with, settings):
        settings.HUBSPOT_ACCEPT_UNDATED_SIGNATURES = True

        with pytest.raises(verification.NotSigned):
            body_of(request_with(signed(PATH, BODY + b" ", version="v2")))
