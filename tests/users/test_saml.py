"""The check of what an identity provider answers, and every way to deceive it."""

import base64
import re
import zlib
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from lxml import etree

from integrations.sandbox import assertions
from integrations.sandbox.assertions import Answer, Signer
from portals import saml_metadata
from tests.factories.portals import CustomFieldFactory, SamlSettingsFactory
from users import saml
from users.sign_on_reasons import Refused

pytestmark = pytest.mark.django_db

LEARNER = "maya@juniper.example"
VICTIM = "admin@example.com"
REQUEST = "ONELOGIN_1234"


@pytest.fixture(scope="module")
def signer():
    return Signer("Identity provider")


@pytest.fixture
def settings_(signer):
    saml_settings = SamlSettingsFactory(portal__slug="juniper")
    certificate = saml_metadata.certificate_of(signer.certificate)
    saml_metadata.replace_certificates(saml_settings, [certificate])
    return saml_settings


@pytest.fixture
def answer(settings_):
    """What an honest answer says."""
    return Answer(
        issuer=settings_.entity_id,
        consumer=settings_.portal.url("/saml/consumer"),
        audience=settings_.portal.url(""),
        name_id=LEARNER,
        request_id=REQUEST,
        attributes={"email": [LEARNER], "firstName": ["Maya"], "groups": ["Sales", "Everyone"]},
    )


@pytest.fixture
def verify(settings_):
    """Check an answer, given as posted or as XML, and return the assertion."""

    def check(response, now=None):
        if response.lstrip().startswith("<"):
            response = base64.b64encode(response.encode()).decode()
        return saml.verify(portal=settings_.portal, settings=settings_, response=response, now=now or timezone.now())

    return check


@pytest.fixture
def refusal(verify):
    """Return the reason for which an answer is refused."""

    def reason(response, **more):
        with pytest.raises(Refused) as refused:
            verify(response, **more)
        return refused.value.reason

    return reason


class TestVerify:
    def test_returns_what_an_honest_answer_says(self, verify, answer, signer):
        assertion = verify(assertions.response(answer, signer))

        assert (assertion.name_id, assertion.in_response_to, assertion.id) == (LEARNER, REQUEST, answer.id)
        assert assertion.attributes["groups"] == ["Sales", "Everyone"]
        assert assertion.expires_at > timezone.now()

    def test_takes_an_answer_that_is_signed_twice(self, verify, answer, signer):
        # The library signs the first issuer's parent: the response around the signed assertion.
        xml = signer.sign(assertions.envelope(answer, signer.sign(assertions.assertion(answer))))

        assert verify(xml).name_id == LEARNER

    def test_takes_either_certificate_while_they_are_changed(self, settings_, verify, answer, signer):
        newer = Signer("Newer")
        both = [saml_metadata.certificate_of(one.certificate) for one in (newer, signer)]
        saml_metadata.replace_certificates(settings_, both)

        assert verify(assertions.response(answer, newer)).name_id == LEARNER
        assert verify(assertions.response(answer, signer)).name_id == LEARNER

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ("unsigned", "unsigned"),
            ("response_signed", "unsigned"),
            ("sha1", "weak_algorithm"),
            ("other_key", "wrong_signature"),
            ("altered", "wrong_signature"),
            ("wrapped", "wrapped"),
            ("wrong_issuer", "wrong_issuer"),
            ("wrong_audience", "wrong_audience"),
            ("wrong_recipient", "wrong_recipient"),
            ("expired", "expired"),
            ("too_early", "too_early"),
            ("transient", "unstable_name_id"),
            ("dtd", "has_dtd"),
            ("denied", "provider_refused"),
        ],
    )
    def test_refuses_what_is_wrong(self, refusal, answer, signer, fault, reason):
        assert refusal(assertions.response(answer, signer, fault)) == reason

    @pytest.mark.parametrize("text", ["", "nonsense", "PHhtbA==", base64.b64encode(b"<html/>").decode(), "\0"])
    def test_refuses_what_is_no_response(self, refusal, text):
        assert refusal(text) == "malformed"

    def test_refuses_what_is_too_large(self, refusal):
        assert refusal("A" * (saml.MAX_RESPONSE + 1)) == "too_large"

    def test_reads_a_name_with_a_comment_as_a_whole(self, verify, answer, signer):
        xml = assertions.response(replace(answer, name_id=f"{VICTIM}.attacker.example"), signer)
        spoiled = base64.b64decode(xml).decode().replace(f"{VICTIM}.att", f"{VICTIM}<!-- -->.att")

        assert verify(spoiled).name_id == f"{VICTIM}.attacker.example"


class TestTimeWindow:
    def test_allows_a_minute_for_clocks_that_differ(self, verify, answer, signer):
        ahead = replace(answer, now=answer.now + timedelta(seconds=80))

        assert verify(assertions.response(ahead, signer)).name_id == LEARNER

    def test_ends_a_minute_after_the_beginning_that_lies_ahead(self, refusal, answer, signer):
        ahead = replace(answer, now=answer.now + timedelta(seconds=100))

        assert refusal(assertions.response(ahead, signer)) == "too_early"

    def test_wants_an_end(self, refusal, answer, signer):
        endless = re.sub(r'Data NotOnOrAfter="[^"]*"', "Data", assertions.assertion(answer))

        assert refusal(assertions.envelope(answer, signer.sign(endless))) == "expired"


class TestAddressing:
    """What the library would let pass: missing conditions, and addresses that merely contain the right one."""

    def changed(self, answer, signer, old, new):
        assertion = assertions.assertion(answer)
        assert old in assertion
        return assertions.envelope(answer, signer.sign(assertion.replace(old, new)))

    def test_wants_an_audience(self, refusal, answer, signer):
        restriction = (
            f"<saml:AudienceRestriction><saml:Audience>{answer.audience}</saml:Audience></saml:AudienceRestriction>"
        )

        assert refusal(self.changed(answer, signer, restriction, "")) == "wrong_audience"

    def test_wants_a_recipient(self, refusal, answer, signer):
        assert refusal(self.changed(answer, signer, f' Recipient="{answer.consumer}"', "")) == "wrong_recipient"

    def test_wants_exactly_the_recipient(self, refusal, answer, signer):
        longer = f"https://attacker.example/?{answer.consumer}"

        assert refusal(self.changed(answer, signer, answer.consumer, longer)) == "wrong_recipient"

    def test_wants_exactly_the_destination(self, refusal, answer, signer):
        signed = signer.sign(assertions.assertion(answer))
        xml = assertions.envelope(answer, signed).replace(
            f'Destination="{answer.consumer}"', f'Destination="{answer.consumer}.attacker.example/"'
        )

        assert refusal(xml) == "wrong_recipient"

    def test_believes_only_the_signed_mark_of_the_request(self, refusal, answer, signer):
        signed = signer.sign(assertions.assertion(replace(answer, request_id="")))

        # The response around it, which nobody signed, claims to answer our request.
        assert refusal(assertions.envelope(answer, signed)) == "other_browser"


class TestSignatureWrapping:
    """Every place to which the signed assertion can be moved, with a forged one where it was (XSW1 to XSW8)."""

    @pytest.fixture
    def parts(self, answer, signer):
        signed = signer.sign(assertions.assertion(answer))
        begin, end = signed.index("<ds:Signature"), signed.index("</ds:Signature>") + len("</ds:Signature>")
        return {
            "answer": answer,
            "signed": signed,
            "signature": signed[begin:end],
            "bare": signed[:begin] + signed[end:],
            "forged": assertions.assertion(replace(answer, name_id=VICTIM, id="_forged")),
        }

    def inside(self, forged, hidden):
        """Put something into the forged assertion, where a signature stands."""
        return forged.replace("</saml:Issuer>", f"</saml:Issuer>{hidden}", 1)

    def into(self, signature, hidden):
        return signature.replace("</ds:Signature>", f"<ds:Object>{hidden}</ds:Object></ds:Signature>")

    def variants(self, parts):
        answer, forged, signed = parts["answer"], parts["forged"], parts["signed"]
        signature, bare = parts["signature"], parts["bare"]
        extension = f"<samlp:Extensions>{signed}</samlp:Extensions><samlp:Status>"
        same_id = forged.replace("_forged", answer.id)
        whole = assertions.envelope(answer, signed)
        return {
            "forged before signed": assertions.envelope(answer, forged + signed),
            "forged after signed": assertions.envelope(answer, signed + forged),
            "signed inside forged": assertions.envelope(
                answer, forged.replace("</saml:Assertion>", f"{signed}</saml:Assertion>")
            ),
            "signature moved, original in its object": assertions.envelope(
                answer, self.inside(forged, self.into(signature, bare))
            ),
            "signed in the extensions": assertions.envelope(answer, forged).replace("<samlp:Status>", extension, 1),
            "forged with the same id": assertions.envelope(answer, same_id + signed),
            "signature of another element": assertions.envelope(answer, self.inside(forged, signature)),
            "same id, original in an object": assertions.envelope(
                answer, self.inside(same_id, self.into(signature, bare))
            ),
            "whole response in an object": assertions.envelope(
                answer, self.inside(forged, self.into(signature, whole))
            ),
            "in an element of no name": assertions.envelope(answer, f"<x>{signed}</x>{forged}"),
            "reference to nothing": assertions.envelope(answer, signed.replace(f'URI="#{answer.id}"', 'URI=""')),
        }

    def test_is_refused_wherever_the_signed_part_hides(self, parts, refusal):
        reasons = {name: refusal(xml) for name, xml in self.variants(parts).items()}

        assert set(reasons.values()) <= {"wrapped", "unsigned"}, reasons

    def test_is_refused_with_further_references_and_transforms(self, parts, refusal):
        signed, answer = parts["signed"], parts["answer"]
        reference = re.search(r"<ds:Reference.*</ds:Reference>", signed, re.DOTALL)[0]
        xslt = '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>'

        twice = assertions.envelope(answer, signed.replace(reference, reference + reference))
        transformed = assertions.envelope(answer, signed.replace("<ds:Transforms>", f"<ds:Transforms>{xslt}"))

        assert refusal(twice) == "wrapped"
        assert refusal(transformed) == "weak_algorithm"

    def test_is_refused_with_a_key_of_its_own(self, answer, refusal):
        assert refusal(assertions.response(answer, Signer("Attacker"))) == "wrong_signature"

    def test_is_refused_with_a_checksum_in_place_of_a_signature(self, parts, refusal):
        weak = parts["signed"].replace("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256")

        assert refusal(assertions.envelope(parts["answer"], weak)) == "weak_algorithm"


class TestEncryptedAssertion:
    def test_is_refused_with_a_hint(self, refusal, answer):
        assert refusal(assertions.envelope(answer, "<saml:EncryptedAssertion/>")) == "encrypted"


class TestStart:
    def test_sends_a_request_that_the_provider_can_read(self, settings_):
        settings_.sign_in_url = 'https://id.example.com/sign-in?a=1&b="2"'

        url, request_id = saml.start(portal=settings_.portal, settings=settings_, relay_state="/courses/?a=1")

        query = parse_qs(urlsplit(url).query)
        request = read_request(query["SAMLRequest"][0])
        assert (query["a"], query["RelayState"]) == (["1"], ["/courses/?a=1"])
        assert request.get("ID") == request_id
        assert request.get("Destination") == settings_.sign_in_url
        assert request.get("AssertionConsumerServiceURL") == settings_.portal.url("/saml/consumer")
        assert "RequestedAuthnContext" not in etree.tostring(request).decode()


class TestMetadata:
    def test_names_the_portal_and_its_addresses(self, settings_):
        xml = etree.fromstring(saml.metadata(settings_.portal))

        assert xml.get("entityID") == settings_.portal.url("")
        consumer = xml.find(".//{*}AssertionConsumerService")
        assert consumer.get("Location") == settings_.portal.url("/saml/consumer")
        assert xml.find("{*}SPSSODescriptor").get("WantAssertionsSigned") == "true"


class TestClaimsOf:
    def claims(self, settings_, verify, answer, signer):
        return saml.claims_of(settings_, verify(assertions.response(answer, signer)))

    def test_follows_the_names_in_the_settings(self, settings_, verify, answer, signer):
        department = CustomFieldFactory(portal=settings_.portal)
        settings_.first_name_attribute, settings_.groups_attribute = "firstName", "groups"
        settings_.mappings.create(attribute="email", custom_field=department)

        claims = self.claims(settings_, verify, answer, signer)

        assert (claims.email, claims.first_name, claims.last_name) == (LEARNER, "Maya", "")
        assert claims.group_titles == ("Sales", "Everyone")
        assert claims.values == {department.key: LEARNER}

    def test_says_nothing_about_what_did_not_arrive(self, settings_, verify, answer, signer):
        settings_.groups_attribute = "memberOf"
        settings_.mappings.create(attribute="department", custom_field=CustomFieldFactory(portal=settings_.portal))

        claims = self.claims(settings_, verify, answer, signer)

        assert (claims.group_titles, claims.values) == (None, {})


def read_request(text):
    return etree.fromstring(zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS))
