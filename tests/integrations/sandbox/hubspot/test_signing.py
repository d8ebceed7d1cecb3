"""The signatures of HubSpot's requests: the values that the vendor publishes, and the flaws on demand."""

import hashlib

import pytest

from integrations.sandbox.hubspot import signing
from integrations.sandbox.hubspot.signing import Flaw

PUBLISHED_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PUBLISHED_URI = "https://www.example.com/webhook_uri"
WEBHOOK = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
CARD_URI = "https://rollcall.example.com/card?userEmail=ana%2Btest%40example.org&portalId=4455667"
NOW = 1_763_700_000_000


class TestV1:
    def test_is_the_published_value(self):
        expected = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"

        assert signing.v1(PUBLISHED_SECRET, WEBHOOK) == expected


class TestV2:
    @pytest.mark.parametrize(
        ("method", "body", "expected"),
        [
            ("GET", b"", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
            (
                "POST",
                b'{"example_field":"example_value"}',
                "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
            ),
        ],
    )
    def test_is_the_published_value(self, method, body, expected):
        assert signing.v2(PUBLISHED_SECRET, method, PUBLISHED_URI, body) == expected


class TestV3:
    def test_is_the_published_value(self):
        body = b"{'example_field':'example_value'}"

        made = signing.v3(PUBLISHED_SECRET, "POST", PUBLISHED_URI, body, "1693657560000")

        assert made == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="


class TestReadUri:
    def test_reads_the_escapes_of_the_list_and_no_other(self):
        uri = "https://a.example/?all=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B%20%23%25%26%2B%3D%5B%5D%C3%A9&low=%3a%2f"

        assert signing.read_uri(uri) == "https://a.example/?all=:/?@!$'()*,;%20%23%25%26%2B%3D%5B%5D%C3%A9&low=:/"


class TestHeaders:
    def test_carry_version_3_beside_an_older_one(self):
        made = signing.headers("secret", "GET", CARD_URI, b"", milliseconds=NOW)

        assert made["X-HubSpot-Signature-Version"] == "v2"
        assert made["X-HubSpot-Signature"] == signing.v2("secret", "GET", CARD_URI, b"")
        read = CARD_URI.replace("%40", "@")
        assert made["X-HubSpot-Signature-v3"] == signing.v3("secret", "GET", read, b"", str(NOW))
        assert made["X-HubSpot-Request-Timestamp"] == str(NOW)

    def test_of_a_webhook_carry_version_1(self):
        made = signing.headers("secret", "POST", PUBLISHED_URI, b"[]", milliseconds=NOW, companion="v1")

        assert made["X-HubSpot-Signature"] == hashlib.sha256(b"secret[]").hexdigest()
        assert made["X-HubSpot-Signature-Version"] == "v1"

    def test_can_be_of_another_secret(self):
        right = signing.headers("secret", "POST", PUBLISHED_URI, b"{}", milliseconds=NOW)

        wrong = signing.headers("secret", "POST", PUBLISHED_URI, b"{}", milliseconds=NOW, flaw=Flaw.WRONG_SIGNATURE)

        assert wrong["X-HubSpot-Signature-v3"] != right["X-HubSpot-Signature-v3"]
        assert wrong["X-HubSpot-Signature"] != right["X-HubSpot-Signature"]

    def test_can_be_too_old_and_still_rightly_signed(self):
        made = signing.headers("secret", "POST", PUBLISHED_URI, b"{}", milliseconds=NOW, flaw=Flaw.OLD_TIMESTAMP)

        timestamp = made["X-HubSpot-Request-Timestamp"]
        assert NOW - int(timestamp) > 300_000
        assert made["X-HubSpot-Signature-v3"] == signing.v3("secret", "POST", PUBLISHED_URI, b"{}", timestamp)

    def test_can_sign_the_other_scheme(self):
        made = signing.headers("secret", "POST", PUBLISHED_URI, b"{}", milliseconds=NOW, flaw=Flaw.OTHER_SCHEME)

        plain = PUBLISHED_URI.replace("https", "http")
        assert made["X-HubSpot-Signature-v3"] == signing.v3("secret", "POST", plain, b"{}", str(NOW))

    def test_can_be_missing(self):
        made = signing.headers("secret", "POST", PUBLISHED_URI, b"{}", milliseconds=NOW, flaw=Flaw.UNSIGNED)

        assert made == {}
