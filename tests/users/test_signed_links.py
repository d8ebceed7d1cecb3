"""The check of signed links: formats, secrets, time, and everything that can be altered on the way."""

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from tests.factories.portals import CustomFieldFactory, SignedLinkSettingsFactory
from tests.factories.users import MembershipFactory
from users import signed_links
from users.sign_on_reasons import Refused

pytestmark = pytest.mark.django_db

SECRET = "a secret of the other site"
EMAIL = "maya@juniper.example"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def link(now):
    """The settings of a portal whose secret is set."""
    made = SignedLinkSettingsFactory(portal__slug="juniper")
    signed_links.rotate(settings=made, secret=SECRET, overlap=timedelta(0), now=now)
    return made


@pytest.fixture
def check(link, now):
    """Check a link with these parameters."""

    def look(parameters, *, later=timedelta(0)):
        pairs = list(parameters.items()) if isinstance(parameters, dict) else parameters
        return signed_links.check(portal=link.portal, settings=link, parameters=pairs, now=now + later)

    return look


def fields(now, **more):
    return {"Email": EMAIL, "TS": str(int(now.timestamp())), **more}


def sign(found, *, secret=SECRET, portal="juniper"):
    """Sign as the documentation tells other sites to."""
    signed = {**found, "portal": portal}
    text = b"".join(
        b"%d:%s," % (len(part.encode()), part.encode()) for pair in sorted(signed.items()) for part in pair
    )
    return {**found, "SSOToken": hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}


class TestHmac:
    def test_lets_the_named_person_in(self, check, now):
        result = check(sign(fields(now, FirstName="Maya", LastName="Odüya", redirect_uri="/profile/")))

        assert result.reason is None
        assert (result.claims.email, result.claims.last_name, result.redirect) == (EMAIL, "Odüya", "/profile/")
        assert all(step.is_passed for step in result.steps)

    def test_takes_capital_digits(self, check, now):
        signed = sign(fields(now))

        assert check({**signed, "SSOToken": signed["SSOToken"].upper()}).reason is None

    @pytest.mark.parametrize(
        "change",
        [
            {"Email": "admin@juniper.example"},
            {"FirstName": "Mallory"},
            {"redirect_uri": "/admin/"},
            {"SSOToken": "0" * 64},
            {"SSOToken": "é"},
        ],
    )
    def test_refuses_whatever_was_altered_or_added(self, check, now, change):
        assert check({**sign(fields(now)), **change}).reason == "wrong_signature"

    def test_refuses_what_was_left_out(self, check, now):
        signed = sign(fields(now, FirstName="Maya"))
        del signed["FirstName"]

        assert check(signed).reason == "wrong_signature"

    def test_refuses_characters_moved_between_fields(self, check, now):
        signed = sign(fields(now, FirstName="Ma", LastName="ya"))

        assert check({**signed, "FirstName": "May", "LastName": "a"}).reason == "wrong_signature"

    def test_refuses_links_of_other_portals_and_secrets(self, check, now):
        assert check(sign(fields(now), portal="harbor")).reason == "wrong_signature"
        assert check(sign(fields(now), secret="another secret")).reason == "wrong_signature"

    def test_ignores_parameters_that_mean_nothing_here(self, check, now):
        assert check({**sign(fields(now)), "utm_source": "intranet", "portal": "harbor"}).reason is None

    @pytest.mark.parametrize("name", ["Email", "TS", "SSOToken"])
    def test_wants_what_it_needs(self, check, now, name):
        assert check({**sign(fields(now)), name: ""}).reason == "parameter_missing"

    def test_refuses_a_parameter_that_stands_there_twice(self, check, now):
        pairs = [*sign(fields(now)).items(), ("Email", "admin@juniper.example")]

        assert check(pairs).reason == "parameter_twice"

    def test_passes_mapped_parameters_on(self, link, check, now):
        field = CustomFieldFactory(portal=link.portal)
        link.mappings.create(parameter="Department", custom_field=field)

        assert check(sign(fields(now, Department="Sales"))).claims.values == {field.key: "Sales"}

    def test_follows_the_names_in_the_settings(self, link, check, now):
        link.email_parameter, link.token_parameter = "mail", "sig"
        signed = sign({"mail": EMAIL, "TS": str(int(now.timestamp()))})
        signed["sig"] = signed.pop("SSOToken")

        assert check(signed).claims.email == EMAIL


class TestTime:
    @pytest.mark.parametrize(
        ("age", "reason"), [(0, None), (299, None), (302, "expired"), (-59, None), (-62, "too_early")]
    )
    def test_allows_minutes_back_and_one_ahead(self, check, now, age, reason):
        assert check(sign(fields(now)), later=timedelta(seconds=age)).reason == reason

    def test_recognises_milliseconds(self, check, now):
        milliseconds = str(int(now.timestamp() * 1000))

        assert check(sign(fields(now, TS=milliseconds))).reason is None
        assert check(sign(fields(now, TS=milliseconds)), later=timedelta(minutes=6)).reason == "expired"

    @pytest.mark.parametrize("text", ["now", "-1", "1e9", "9" * 15, "١٢٣", " 1700000000"])
    def test_refuses_what_is_no_time(self, check, now, text):
        assert check(sign(fields(now, TS=text))).reason == "not_a_time"

    def test_follows_the_settings(self, link, check, now):
        link.max_age_minutes = 30

        assert check(sign(fields(now)), later=timedelta(minutes=29)).reason is None


class TestPatterns:
    @pytest.fixture(params=["sha256", "md5"])
    def legacy(self, link, request):
        link.signature, link.accepts_weak = request.param, True
        return link

    def signed(self, legacy, found, pattern="USER={Email}&TS={TS}&KEY={secret}"):
        text = pattern.format(**found, secret=SECRET)
        return {**found, "SSOToken": hashlib.new(legacy.signature, text.encode()).hexdigest()}

    def test_are_accepted_when_they_are_switched_on(self, legacy, check, now):
        assert check(self.signed(legacy, fields(now))).claims.email == EMAIL

    def test_are_refused_without_the_switch(self, legacy, check, now):
        legacy.accepts_weak = False

        assert check(self.signed(legacy, fields(now))).reason == "not_set_up"

    def test_protect_only_what_stands_in_them(self, legacy, check, now):
        field = CustomFieldFactory(portal=legacy.portal)
        legacy.mappings.create(parameter="Department", custom_field=field)
        altered = {**self.signed(legacy, fields(now)), "FirstName": "Mallory", "Department": "Board"}

        claims = check(altered).claims

        assert (claims.first_name, claims.values) == ("", {})

    def test_can_hold_more(self, legacy, check, now):
        legacy.pattern = "{email}|{first_name}|{parameter:Department}|{time}|{secret}"
        field = CustomFieldFactory(portal=legacy.portal)
        legacy.mappings.create(parameter="Department", custom_field=field)
        found = fields(now, FirstName="Maya", Department="Sales")

        claims = check(self.signed(legacy, found, "{Email}|{FirstName}|{Department}|{TS}|{secret}")).claims

        assert (claims.first_name, claims.values) == ("Maya", {field.key: "Sales"})

    def test_refuse_values_that_could_pass_for_two(self, legacy, check, now):
        found = fields(now, Email=f"{EMAIL}&TS=1")

        assert check(self.signed(legacy, found)).reason == "ambiguous"

    def test_are_no_way_around_hmac(self, link, check, now):
        link.accepts_weak = True
        text = f"USER={EMAIL}&TS={int(now.timestamp())}&KEY={SECRET}"

        found = {**fields(now), "SSOToken": hashlib.sha256(text.encode()).hexdigest()}

        assert check(found).reason == "wrong_signature"


class TestRotate:
    def test_lets_the_previous_secret_work_for_a_while(self, link, check, now):
        signed_links.rotate(settings=link, secret="the next secret", overlap=timedelta(minutes=4), now=now)

        assert check(sign(fields(now), secret="the next secret")).reason is None
        assert check(sign(fields(now))).reason is None
        assert check(sign(fields(now)), later=timedelta(minutes=4)).reason == "wrong_signature"

    def test_ends_the_previous_secret_at_once_when_asked(self, link, check, now):
        signed_links.rotate(settings=link, secret="the next secret", overlap=timedelta(0), now=now)

        assert check(sign(fields(now))).reason == "wrong_signature"
        assert link.previous_secret == ""

    def test_keeps_secrets_sealed(self, link):
        link.refresh_from_db()

        assert link.secret
        assert SECRET not in link.secret

    def test_goes_along_with_a_change_of_keys(self, link, check, now, settings):
        signed_links.rotate(settings=link, secret="the next secret", overlap=timedelta(minutes=4), now=now)
        newest = Fernet.generate_key().decode()
        settings.ROLLCALL_ENCRYPTION_KEYS = [newest, *settings.ROLLCALL_ENCRYPTION_KEYS]

        call_command("rotate_keys", "--json")

        settings.ROLLCALL_ENCRYPTION_KEYS = [newest]
        link.refresh_from_db()
        assert check(sign(fields(now))).reason is None


class TestExample:
    def test_is_a_link_that_works(self, link, check, now):
        learner = MembershipFactory(portal=link.portal, user__email=EMAIL)

        url = signed_links.example(portal=link.portal, settings=link, membership=learner, now=now)

        assert url.startswith(link.portal.url("/sqsso?"))
        assert check(parse_qsl(urlsplit(url).query)).claims.email == EMAIL

    def test_needs_a_secret(self, now):
        fresh = SignedLinkSettingsFactory()
        learner = MembershipFactory(portal=fresh.portal)

        with pytest.raises(Refused, match="not_set_up"):
            signed_links.example(portal=fresh.portal, settings=fresh, membership=learner, now=now)
