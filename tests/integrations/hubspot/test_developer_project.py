"""The HubSpot project says what the product does: addresses, scopes, properties, actions."""

import json
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.urls import resolve

from integrations.hubspot import developer_project, outcomes, scopes, webhooks, workflow_actions
from integrations.hubspot import enrollment_properties as told
from integrations.hubspot.developer_project import Installation, Unusable
from integrations.hubspot.models import WorkflowCall
from integrations.sandbox.hubspot.project import course_enrollment
from users.models import Enrollment, Membership

COMMITTED = Path(developer_project.__file__).with_name("project")
HOST = "training.harborpine.example"


@pytest.fixture
def installation():
    return Installation(host=HOST, support_email="help@harborpine.example", app_id="1122334")


@pytest.fixture
def files(installation):
    return developer_project.files(installation)


def texts(value):
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(part)


def settings_of(files, name):
    return next(content["config"] for path, content in files.items() if path.endswith(f"/{name}-hsmeta.json"))


class TestInstallation:
    @pytest.mark.parametrize(
        "host",
        [
            "",
            "localhost",
            "localhost:8000",
            "192.168.0.7",
            "https://training.example.com",
            "training.example.com/rollcall",
            "training.example.com:8443",
            "Training.example.com",
            "training_.example.com",
            "-training.example.com",
            f"{'a' * 64}.example.com",
            "training.example.com'; alert(1)//",
        ],
    )
    def test_refuses_a_host_that_hubspot_cannot_reach(self, host):
        with pytest.raises(Unusable, match="no host name that HubSpot can reach"):
            Installation(host=host, support_email="")

    @pytest.mark.parametrize("host", ["example.com", "a.b-c.example.co", "xn--bcher-kva.example"])
    def test_takes_a_name_of_the_internet(self, host):
        assert Installation(host=host, support_email="").url() == f"https://{host}/integrations/hubspot/"

    def test_refuses_an_app_id_that_is_no_number(self):
        with pytest.raises(Unusable, match="no app id"):
            Installation(host=HOST, support_email="", app_id="rollcall")

    def test_derives_the_scopes_of_the_app_object_from_the_apps_id(self, installation):
        assert "crm.app.objects.a1122334_course_enrollment.create" in installation.app_object_scopes
        assert Installation(host=HOST, support_email="").app_object_scopes == ()

    def test_believes_what_the_settings_say_instead(self):
        known = ("crm.app.objects.a1_other.view",)

        made = Installation(host=HOST, support_email="", app_id="1122334", known_app_object_scopes=known)

        assert made.app_object_scopes == known


class TestFiles:
    def test_name_only_addresses_that_the_product_answers(self, files):
        ours = {text for text in texts(list(files.values())) if text.startswith("https://")}

        paths = {urlsplit(text).path for text in ours} - {""}

        assert {urlsplit(text).netloc for text in ours} == {HOST}
        assert len(paths) == 6
        assert all(resolve(path) for path in paths)

    def test_ask_for_the_scopes_that_the_consent_asks_for(self, files, installation):
        auth = settings_of(files, "app")["auth"]

        listed = {*auth["requiredScopes"], *auth["conditionallyRequiredScopes"], *auth["optionalScopes"]}

        assert tuple(auth["requiredScopes"]) == scopes.REQUIRED
        for record_type in (scopes.CONTACTS, scopes.USERS):
            insisted, besides = scopes.wanted(record_type)
            assert {*insisted, *besides} <= listed
        assert set(installation.app_object_scopes) <= listed
        assert len(listed) == sum(map(len, (v for k, v in auth.items() if k.endswith("Scopes"))))

    def test_declare_the_properties_that_progress_writes(self, files):
        declared = settings_of(files, "course-enrollment")["properties"]

        assert [each["name"] for each in declared] == [each.name for each in told.ENROLLMENT]
        assert [each["name"] for each in declared if each.get("hasUniqueValue")] == [told.KEY]

    def test_declare_the_app_object_that_the_sandbox_plays(self, files):
        ours, played = settings_of(files, "course-enrollment"), course_enrollment()

        def types(declared):
            return {
                each["name"]: (
                    each["type"],
                    each["fieldType"],
                    [option["value"] for option in each.get("options", [])],
                )
                for each in declared["properties"]
                if each["type"] != "bool"
            }

        assert ours["name"] == played["name"]
        assert types(ours) == types(played)

    def test_subscribe_to_events_that_the_inbox_knows(self, files):
        subscriptions = settings_of(files, "webhooks")["subscriptions"]

        kinds = [each["subscriptionType"] for group in subscriptions.values() for each in group]

        assert {kind.removeprefix("contact.") for kind in kinds} == set(webhooks.KINDS)

    def test_offer_the_inputs_and_outputs_of_the_actions(self, files):
        for action in developer_project.WORKFLOW_ACTIONS:
            config = settings_of(files, action.slug)
            names = {
                fields: [each["typeDefinition"]["name"] for each in config[fields]]
                for fields in ("inputFields", "outputFields")
            }
            labels = config["labels"]["en"]

            assert names["inputFields"] == list(workflow_actions.INPUTS) == list(labels["inputFieldLabels"])
            answered = outcomes.failure("unknown_portal").fields().keys() - {"hs_execution_state"}
            assert set(names["outputFields"]) == answered == labels["outputFieldLabels"].keys()
        assert {value for value, _ in developer_project.OUTCOMES} == set(WorkflowCall.Outcome.values)

    def test_associate_the_app_object_with_contacts_by_its_uid(self, files):
        association = settings_of(files, "course-enrollment-to-contact")

        uid = files["src/app/app-objects/course-enrollment-hsmeta.json"]["uid"]
        assert association == {"firstObjectType": uid, "secondObjectType": "CONTACT"}

    def test_have_ids_that_differ(self, files):
        uids = [content["uid"] for path, content in files.items() if path.endswith("-hsmeta.json")]

        assert len(uids) == len(set(uids)) == 7

    def test_lead_to_a_card_that_exists(self, files):
        entrypoint = settings_of(files, "course-enrollments")["entrypoint"]

        assert (COMMITTED / "src" / entrypoint.lstrip("/")).is_file()

    def test_lie_in_the_repository_for_an_example_host(self):
        example = Installation(
            host=developer_project.EXAMPLE_HOST, support_email=f"support@{developer_project.EXAMPLE_HOST}"
        )

        assert {
            path: json.loads((COMMITTED / path).read_text()) for path in developer_project.files(example)
        } == developer_project.files(example)
        assert (COMMITTED / developer_project.CARD_SETTINGS).read_text() == developer_project.card_settings(example)


class TestEnrollmentProperties:
    def test_know_every_status_of_an_enrollment(self):
        assert {value for value, _ in told.STATUSES} == set(Enrollment.Status.values)
        assert set(told.PROGRESS_OF_STATUS) == set(Enrollment.Status.values)
        assert set(told.PROGRESS_OF_STATUS.values()) == {value for value, _ in told.PROGRESSES}

    def test_make_a_custom_object_of_the_same_properties(self):
        made = told.custom_object()

        names = {each["name"] for each in made["properties"]}
        assert names == {each.name for each in told.ENROLLMENT}
        assert {made["primaryDisplayProperty"], *made["secondaryDisplayProperties"]} <= names
        assert {*made["searchableProperties"], *made["requiredProperties"]} <= names

    def test_have_names_that_hubspot_takes(self):
        assert all(each.name.isidentifier() and each.name.islower() for each in (*told.ENROLLMENT, *told.PERSON))

    def test_name_every_state_of_a_membership_as_an_output(self):
        assert {value for value, _ in developer_project.STATES} == set(Membership.Status.values)


class TestCommand:
    def call(self, *arguments):
        printed = StringIO()
        call_command("hubspot_project", *map(str, arguments), stdout=printed)
        return printed.getvalue()

    def test_writes_a_project_that_can_be_uploaded(self, tmp_path):
        printed = self.call("--host", HOST, "--app-id", "1122334", "--out", tmp_path / "project")

        app = json.loads((tmp_path / "project/src/app/app-hsmeta.json").read_text())
        card = tmp_path / "project/src/app/cards"
        assert app["config"]["auth"]["redirectUrls"] == [f"https://{HOST}/integrations/hubspot/callback/"]
        assert app["config"]["support"]["supportEmail"] == f"support@{HOST}"
        assert f"'https://{HOST}'" in (card / "installation.ts").read_text()
        assert (card / "CourseEnrollments.tsx").exists()
        assert not (card / "node_modules").exists()
        assert "HUBSPOT_APP_OBJECT_SCOPES=crm.app.objects.a1122334_course_enrollment.view," in printed

    def test_says_that_the_first_upload_gives_the_app_its_id(self, tmp_path):
        printed = self.call("--host", HOST, "--app-id", "", "--out", tmp_path / "project")

        assert "run this command again" in printed

    def test_leaves_out_what_hubspot_has_not_approved(self, tmp_path):
        self.call("--host", HOST, "--app-id", "1122334", "--out", tmp_path)

        printed = self.call("--host", HOST, "--app-id", "1122334", "--without-app-object", "--out", tmp_path)

        left = "".join(path.read_text() for path in tmp_path.rglob("*-hsmeta.json"))
        assert "app-object" not in left
        assert "crm.app." not in left
        assert "'1122334'" not in (tmp_path / developer_project.CARD_SETTINGS).read_text()
        assert "without the app object" in printed

    def test_brings_a_project_up_to_date(self, tmp_path):
        self.call("--host", HOST, "--out", tmp_path)
        (tmp_path / "src/app/app-hsmeta.json").write_text("{}")

        self.call("--host", HOST, "--out", tmp_path)

        assert "rollcall_app" in (tmp_path / "src/app/app-hsmeta.json").read_text()

    def test_touches_no_folder_that_holds_something_else(self, tmp_path):
        (tmp_path / "thesis.txt").touch()

        with pytest.raises(CommandError, match="holds something else"):
            self.call("--host", HOST, "--out", tmp_path)

        assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]

    @pytest.mark.parametrize(
        ("option", "value"), [("--host", "localhost"), ("--app-id", "x"), ("--support-email", "nobody")]
    )
    def test_refuses_wrong_usage(self, tmp_path, option, value):
        with pytest.raises(CommandError) as refusal:
            self.call("--host", HOST, "--out", tmp_path / "project", option, value)

        assert refusal.value.returncode == 2

    def test_prints_definitions_for_accounts_without_projects(self, tmp_path):
        printed = json.loads(self.call("--host", HOST, "--definitions", "--out", tmp_path / "project"))

        invite, add = printed["workflow_actions"]
        assert invite["actionUrl"] == f"https://{HOST}/integrations/hubspot/actions/user-invite/"
        assert (invite["published"], invite["functions"]) == (False, [])
        assert add["labels"]["en"]["actionName"] == "User Add Action"
        assert printed["custom_object"] == told.custom_object()
        assert not (tmp_path / "project").exists()
