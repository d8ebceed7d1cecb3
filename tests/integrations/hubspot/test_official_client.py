"""HubSpot's own Python client: it signs what our views accept, and finds its way around in the sandbox.

The client speaks the paths before the dated ones; the sandbox answers both with the same code.
"""

import json

import pytest
from django.urls import reverse
from django.utils import timezone
from hubspot import HubSpot
from hubspot.crm import contacts, objects, owners, properties, schemas
from hubspot.crm.associations import v4
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.utils.signature import Signature

from integrations import connecting
from integrations.hubspot import enrollment_properties as told
from integrations.sandbox.hubspot import app, signing

SECRET = "the-apps-secret"
PLATFORM = "localhost:8000"
BODY = json.dumps({"note": "Zoë – ünïcode"}, ensure_ascii=False)


@pytest.fixture
def token(hub, sandbox, source, consent):
    """A token of the main account, which the official client got for a code."""
    uri = connecting.redirect_uri("hubspot")
    query = consent(source.authorize_url(state="s", redirect_uri=uri, record_type="contacts"), hub)
    return HubSpot(host=sandbox.url).oauth.tokens_api.create(
        grant_type="authorization_code",
        redirect_uri=uri,
        client_id=app.CLIENT_ID,
        client_secret=app.CLIENT_SECRET,
        code=query["code"],
    )


@pytest.fixture
def official(sandbox, token):
    """The official client, in the name of the main account."""
    return HubSpot(host=sandbox.url, access_token=token.access_token)


def signature(method, path, body, *, version="v3", secret=SECRET, ago=0):
    """Return the headers that the official client's signature stands in."""
    milliseconds = str(int(timezone.now().timestamp() * 1000) - ago)
    signed = Signature.get_signature(secret, body, version, f"http://{PLATFORM}{path}", method, milliseconds)
    if version == "v3":
        return {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": milliseconds}
    return {"X-HubSpot-Signature": signed, "X-HubSpot-Signature-Version": version}


@pytest.mark.django_db
class TestSignature:
    @pytest.fixture(autouse=True)
    def platform(self, settings):
        settings.PLATFORM_DOMAIN, settings.PLATFORM_SCHEME = PLATFORM, "http"
        settings.HUBSPOT_CLIENT_SECRET = SECRET

    @pytest.fixture
    def send(self, client):
        def post(name, body, **how):
            path = reverse(f"hubspot_public:{name}")
            headers = signature("POST", path, body, **how)
            return client.post(path, body, content_type="application/json", headers=headers, HTTP_HOST=PLATFORM)

        return post

    ADDRESSES = ("webhooks", "user_invite", "user_add", "portal_options", "group_options")

    @pytest.mark.parametrize("name", ADDRESSES)
    def test_lets_its_requests_in(self, send, name):
        body = "[]" if name == "webhooks" else BODY

        assert send(name, body).status_code != 401

    @pytest.mark.parametrize("name", ADDRESSES)
    def test_keeps_out_another_secret(self, send, name):
        assert send(name, BODY, secret="another").status_code == 401

    @pytest.mark.parametrize("name", ADDRESSES)
    def test_keeps_out_an_old_request(self, send, name):
        assert send(name, BODY, ago=301_000).status_code == 401

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_keeps_out_undated_ones_unless_a_setting_lets_them_in(self, send, settings, version):
        refused = send("webhooks", "[]", version=version).status_code
        settings.HUBSPOT_ACCEPT_UNDATED_SIGNATURES = True

        assert (refused, send("webhooks", "[]", version=version).status_code != 401) == (401, True)

    def test_lets_the_cards_question_in(self, client):
        path = f"{reverse('hubspot_public:card')}?objectTypeId=0-1&objectId=901&portalId=4455667"

        answer = client.get(path, headers=signature("GET", path, ""), HTTP_HOST=PLATFORM)

        assert answer.status_code == 200

    def test_recognizes_what_the_sandbox_sends(self):
        uri, milliseconds = f"http://{PLATFORM}/integrations/hubspot/webhooks/", int(timezone.now().timestamp() * 1000)
        sent = signing.headers(SECRET, "POST", uri, BODY.encode(), milliseconds=milliseconds)
        given = {"client_secret": SECRET, "request_body": BODY, "http_uri": uri, "http_method": "POST"}

        dated = Signature.is_valid(
            sent["X-HubSpot-Signature-v3"],
            **given,
            signature_version="v3",
            timestamp=sent["X-HubSpot-Request-Timestamp"],
        )
        undated = Signature.is_valid(sent["X-HubSpot-Signature"], **given, signature_version="v2")

        assert (dated, undated) == (True, True)
        with pytest.raises(InvalidSignatureTimestampError):
            Signature.is_valid("x", **given, signature_version="v3", timestamp=str(milliseconds - 301_000))


@pytest.mark.django_db
class TestClient:
    def test_reads_contacts(self, official):
        page = official.crm.contacts.basic_api.get_page(limit=2, properties=["email", "firstname"])

        first = page.results[0]
        alone = official.crm.contacts.basic_api.get_by_id(first.id, properties=["email"])
        assert isinstance(page, contacts.CollectionResponseSimplePublicObjectWithAssociationsForwardPaging)
        assert page.paging.next.after
        assert alone.properties["email"] == first.properties["email"]

    def test_reads_contacts_in_batches_with_their_errors(self, official):
        known = official.crm.contacts.basic_api.get_page(limit=1).results[0].id
        wanted = contacts.BatchReadInputSimplePublicObjectId(
            properties=["email"],
            properties_with_history=[],
            inputs=[contacts.SimplePublicObjectId(known), contacts.SimplePublicObjectId("999999")],
        )

        answer = official.crm.contacts.batch_api.read(wanted)

        assert [one.id for one in answer.results] == [known]
        assert answer.errors[0].category == "OBJECT_NOT_FOUND"
        assert answer.num_errors == 1

    def test_reads_properties_and_owners(self, official):
        department = official.crm.properties.core_api.get_all(object_type="contacts").results
        people = official.crm.owners.owners_api.get_page(limit=100)

        assert all(isinstance(each, properties.ModelProperty) for each in department)
        assert all(isinstance(each, owners.PublicOwner) for each in people.results)
        assert "email" in {each.name for each in department}

    def test_keeps_enrollments_in_a_custom_object(self, official):
        contact = official.crm.contacts.basic_api.get_page(limit=1).results[0].id
        made = official.crm.schemas.core_api.create(_schema(told.custom_object()))
        written = official.crm.objects.batch_api.upsert(
            made.object_type_id,
            objects.BatchInputSimplePublicObjectBatchInputUpsert(
                inputs=[
                    objects.SimplePublicObjectBatchInputUpsert(
                        id_property=told.KEY,
                        id="prt_1:5001",
                        object_write_trace_id="5001",
                        properties={told.TITLE: "Safety basics", told.KEY: "prt_1:5001", "status": "completed"},
                    )
                ]
            ),
        )
        record = written.results[0]

        official.crm.associations.v4.basic_api.create_default("contacts", contact, made.object_type_id, record.id)
        linked = official.crm.associations.v4.batch_api.get_page(
            "contacts",
            made.object_type_id,
            v4.BatchInputPublicFetchAssociationsBatchRequest(
                inputs=[v4.PublicFetchAssociationsBatchRequest(id=contact)]
            ),
        )

        assert isinstance(made, schemas.ObjectSchema)
        assert record.new is True
        assert record.properties["status"] == "completed"
        assert [str(each.to_object_id) for each in linked.results[0].to] == [record.id]

    def test_reads_errors(self, official):
        with pytest.raises(contacts.ApiException) as missing:
            official.crm.contacts.basic_api.get_by_id("999999")

        assert missing.value.status == 404
        assert "message" in json.loads(missing.value.body)

    def test_renews_its_token(self, token, sandbox):
        renewed = HubSpot(host=sandbox.url).oauth.tokens_api.create(
            grant_type="refresh_token",
            refresh_token=token.refresh_token,
            client_id=app.CLIENT_ID,
            client_secret=app.CLIENT_SECRET,
        )

        assert renewed.expires_in == 1800
        assert renewed.access_token != token.access_token


def _schema(definition):
    """Return a definition as the client's own model."""
    labels = definition["labels"]
    return schemas.ObjectSchemaEgg(
        name=definition["name"],
        labels=schemas.ObjectTypeDefinitionLabels(singular=labels["singular"], plural=labels["plural"]),
        primary_display_property=definition["primaryDisplayProperty"],
        secondary_display_properties=definition["secondaryDisplayProperties"],
        searchable_properties=definition["searchableProperties"],
        required_properties=definition["requiredProperties"],
        associated_objects=definition["associatedObjects"],
        properties=[
            schemas.ObjectTypePropertyCreate(
                name=each["name"],
                label=each["label"],
                type=each["type"],
                field_type=each["fieldType"],
                has_unique_value=each.get("hasUniqueValue", False),
                options=[
                    schemas.OptionInput(
                        label=option["label"], value=option["value"], display_order=place, hidden=False
                    )
                    for place, option in enumerate(each.get("options", []))
                ],
            )
            for each in definition["properties"]
        ],
    )
