"""From portal to portal by way of a file: complete, repeatable, never deleting, refused whole or done whole."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Connection, FieldMapping, SafetySettings
from integrations.portal_settings import document, importing, reading
from integrations.portal_settings.difference import WORDS, Kind, Section
from integrations.portal_settings.document import Unfit
from portals import definitions
from portals.models import Course, CustomField, DynamicRule, Group, GroupCourse, Portal, RuleCondition
from tests.factories.integrations import ExternalIdentityFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry, Enrollment, GroupMembership

from .conftest import file_of, file_of_portal

pytestmark = pytest.mark.django_db

DEFINITIONS = (Course, CustomField, DynamicRule, Group, GroupCourse, RuleCondition, FieldMapping, SafetySettings)


def counts():
    return [model.objects.count() for model in DEFINITIONS]


class TestSettingsOf:
    def test_names_everything_and_numbers_nothing(self, furnished):
        text = document.write(reading.settings_of(furnished))

        said = json.loads(text)
        assert [one["label"] for one in said["custom_fields"]] == ["Team"]
        assert said["groups"][0]["rule"]["blocks"][0][0]["field"] == "Team"
        assert said["groups"][1]["rule"]["base_group"] == "Sellers"
        assert said["groups"][0]["courses"] == [
            {"course": "Selling", "required": True, "due_days": 14, "enroll_again": False}
        ]
        assert said["connections"]["gusto"]["mappings"][0]["aliases"] == {"Verkauf": "Sales"}
        assert said["portal"]["accent_color"] == "#123456"

    def test_holds_nobody_and_nothing_secret(self, furnished):
        furnished.deletion_contact = "head@example.com"
        furnished.save()
        person = MembershipFactory(portal=furnished)

        text = document.write(reading.settings_of(furnished))

        for secret in ("head@example.com", person.user.email, "company-", "token", "secret"):
            assert secret not in text

    def test_leaves_out_a_rule_that_never_ran(self, portal):
        DynamicRule.objects.create(group=GroupFactory(portal=portal), draft={"base_group": None, "blocks": []})

        assert reading.settings_of(portal).groups[0].rule is None

    def test_costs_as_many_queries_for_one_group_as_for_many(self, furnished):
        with CaptureQueriesContext(
            database,
        ) as few:
            reading.settings_of(furnished)
        for field in CustomFieldFactory.create_batch(5, portal=furnished):
            field.choices.create(value="one")
        for group in GroupFactory.create_batch(5, portal=furnished):
            group.group_courses.create(course=CourseFactory(portal=furnished))

        with CaptureQueriesContext(database) as many:
            reading.settings_of(furnished)

        assert len(many) == len(few)


class TestApply:
    def test_makes_another_portal_like_the_first(self, furnished, take_in):
        wanted = file_of_portal(furnished)
        bare = PortalFactory()

        take_in(bare, wanted)

        bare.refresh_from_db()
        assert reading.settings_of(bare) == wanted
        assert Group.objects.get(portal=bare, title="Stars").rule.base_group.portal == bare
        assert Connection.objects.get(portal=bare).state == "disconnected"

    def test_does_nothing_the_second_time(self, furnished, take_in):
        wanted = file_of_portal(furnished)
        bare = PortalFactory()
        take_in(bare, wanted)
        written = AuditEntry.objects.count()

        again = take_in(bare, wanted)

        assert again.difference.changes == []
        assert AuditEntry.objects.count() == written

    def test_finds_no_difference_to_the_portal_of_the_file(self, furnished, look_ahead):
        assert look_ahead(furnished, file_of_portal(furnished)).difference.lines == ()

    def test_deletes_nothing_and_lists_what_stays(self, furnished, take_in):
        before = counts()

        outlook = take_in(
            furnished,
            file_of(
                custom_fields=[{"label": "Team", "type": "string_choice", "choices": [{"value": "Sales"}]}],
                groups=[{"title": "Sellers", "description": "Who sells"}],
            ),
        )

        kept = [line.name for line in outlook.difference.of_kind(Kind.KEPT)]
        assert kept == ["Team: Support", "Team: Packing", "Selling", "Sellers: Selling", "Stars", "gusto: Team"]
        assert outlook.difference.changes == []
        assert counts() == before

    def test_changes_what_is_named_whatever_the_case(self, furnished, take_in):
        outlook = take_in(
            furnished,
            file_of(
                custom_fields=[
                    {"label": "TEAM", "type": "string_choice", "required": True, "choices": [{"value": "Boats"}]}
                ]
            ),
        )

        field = CustomField.objects.get(portal=furnished)
        assert (field.label, field.is_required) == ("TEAM", True)
        assert [choice.value for choice in field.offered_choices] == ["Boats", "Sales", "Support", "Packing"]
        assert [line.kind for line in outlook.difference.changes] == [Kind.CHANGED]

    def test_takes_references_in_another_case_for_what_they_are(self, furnished, look_ahead):
        group = {"title": "Stars", "rule": {"base_group": "SELLERS", "blocks": []}}
        wanted = file_of(groups=[group])
        importing.apply(portal=furnished, wanted=wanted, now=timezone.now())

        assert look_ahead(furnished, wanted).difference.changes == []

    def test_lets_rules_work_on_the_people_who_are_there(
        self, furnished, take_in, tasks_at_once, django_capture_on_commit_callbacks
    ):
        field = CustomField.objects.get(portal=furnished)
        packer = MembershipFactory(portal=furnished, custom_data={field.key: "Packing"})
        rule = {"blocks": [[{"looks_at": "custom_field", "field": "Team", "comparison": "is", "values": ["Packing"]}]]}

        with django_capture_on_commit_callbacks(execute=True):
            outlook = take_in(furnished, file_of(groups=[{"title": "Packers", "rule": rule}]))

        assert GroupMembership.objects.filter(membership=packer, group__title="Packers").exists()
        assert (outlook.rules[0].group, outlook.rules[0].effect.joins) == ("Packers", 1)

    def test_leaves_a_rule_alone_that_the_file_does_not_change(self, furnished, take_in):
        rule = DynamicRule.objects.get(group__title="Sellers")
        DynamicRule.objects.filter(pk=rule.pk).update(draft={"base_group": None, "blocks": []})

        take_in(furnished, file_of(groups=[{"title": "Sellers", "description": "Who sells a lot"}]))

        rule.refresh_from_db()
        assert rule.draft is not None
        assert Group.objects.get(title="Sellers").description == "Who sells a lot"

    def test_enrolls_the_members_of_a_group_that_gets_a_course(self, furnished, take_in):
        member = MembershipFactory(portal=furnished)
        GroupMembership.objects.create(
            group=Group.objects.get(title="Sellers"), membership=member, origin="manual", created_at=timezone.now()
        )

        outlook = take_in(
            furnished,
            file_of(
                courses=[{"title": "Knots", "status": "published"}],
                groups=[{"title": "Sellers", "description": "Who sells", "courses": [{"course": "Knots"}]}],
            ),
        )

        assert Enrollment.objects.get(membership=member).course.title == "Knots"
        assert outlook.enrollments == 1

    def test_turns_rules_that_build_on_each_other_around(self, furnished, take_in):
        turned = [
            {"title": "Stars", "rule": {"blocks": []}},
            {"title": "Sellers", "description": "Who sells", "rule": {"base_group": "Stars", "blocks": []}},
        ]

        take_in(furnished, file_of(groups=turned))

        assert DynamicRule.objects.get(group__title="Sellers").base_group.title == "Stars"
        assert DynamicRule.objects.get(group__title="Stars").base_group is None

    def test_leaves_a_rule_out_that_is_broken_where_it_comes_from(self, furnished, take_in):
        definitions.archive_field(CustomField.objects.get(portal=furnished))
        bare = PortalFactory()

        take_in(bare, file_of_portal(furnished))

        assert not DynamicRule.objects.filter(group__portal=bare, group__title="Sellers").exists()
        assert CustomField.objects.get(portal=bare).is_archived

    def test_tells_which_rules_an_archived_field_breaks(self, furnished, take_in):
        fields = [{"label": "Team", "type": "string_choice", "archived": True}]

        assert take_in(furnished, file_of(custom_fields=fields)).broken_rules == ["Sellers"]

    def test_is_written_down_with_the_names(self, furnished, take_in):
        take_in(furnished, file_of(groups=[{"title": "Packers"}]))

        entry = AuditEntry.objects.get(action="settings_imported")
        assert entry.after == {"added": ["groups: Packers"], "changed": []}
        assert entry.portal_id == furnished.pk

    def test_refuses_what_was_not_shown(self, furnished, look_ahead):
        wanted = file_of(groups=[{"title": "Packers"}])
        shown = look_ahead(furnished, wanted)
        GroupFactory(portal=furnished, title="Latecomers")

        with pytest.raises(importing.Outdated):
            importing.apply(portal=furnished, wanted=wanted, seal=shown.seal, now=timezone.now())

        assert not Group.objects.filter(title="Packers").exists()

    def test_does_what_was_shown(self, furnished, look_ahead):
        wanted = file_of(groups=[{"title": "Packers"}])

        importing.apply(portal=furnished, wanted=wanted, seal=look_ahead(furnished, wanted).seal, now=timezone.now())

        assert Group.objects.filter(title="Packers").exists()

    @pytest.mark.parametrize(
        ("sections", "why"),
        [
            ({"custom_fields": [{"label": f"F{n}", "type": "string"} for n in range(10)]}, "would have 11"),
            ({"custom_fields": [{"label": "Team", "type": "date"}]}, "texts stay texts"),
            ({"custom_fields": [{"label": "Team", "type": "string"}]}, "while a rule or a mapping uses it"),
            (
                {"custom_fields": [{"label": "Nickname", "type": "string", "choices": [{"value": "Mia"}]}]},
                "so it cannot have choices",
            ),
            (
                {"custom_fields": [{"label": "Team", "type": "string_choice", "several_choices": True}]},
                "takes several values cannot change",
            ),
            (
                {"custom_fields": [{"label": "N", "type": "integer_choice", "choices": [{"value": "many"}]}]},
                "“many” is no value",
            ),
            (
                {"custom_fields": [{"label": "N", "type": "string", "choices": [{"value": "x"}]}]},
                "is no choice field",
            ),
            ({"courses": [{"title": "A", "content_url": "javascript:alert(1)"}]}, "Enter a valid URL"),
            ({"courses": [{"title": "A", "reference": "s-1"}]}, "A: "),
            ({"groups": [{"title": "A", "courses": [{"course": "Nowhere"}]}]}, "a course that is nowhere"),
            ({"groups": [{"title": "A", "rule": {"base_group": "Nowhere"}}]}, "from a group that is nowhere"),
            (
                {"groups": [{"title": "Sellers", "rule": {"base_group": "Stars"}}]},
                "in a circle: .*Sellers.*",
            ),
            (
                {
                    "groups": [
                        {
                            "title": "A",
                            "rule": {
                                "blocks": [
                                    [
                                        {
                                            "looks_at": "custom_field",
                                            "field": "Shoe",
                                            "comparison": "is",
                                            "values": ["1"],
                                        }
                                    ]
                                ]
                            },
                        }
                    ]
                },
                "a custom field that is nowhere: “Shoe”",
            ),
            (
                {
                    "groups": [
                        {
                            "title": "A",
                            "rule": {
                                "blocks": [
                                    [
                                        {
                                            "looks_at": "custom_field",
                                            "field": "Team",
                                            "comparison": "is",
                                            "values": ["Moon"],
                                        }
                                    ]
                                ]
                            },
                        }
                    ]
                },
                "The rule of “A” cannot be used: ",
            ),
            ({"portal": {"language": "xx", "accent_color": "#000000"}}, "not a valid choice"),
            ({"connections": {"workday": {"invites": {}}}}, "no integration “workday”"),
            (
                {"connections": {"gusto": {"mappings": [{"field": "Shoe", "attribute": "department"}]}}},
                "a custom field that is nowhere: “Shoe”",
            ),
            (
                {
                    "custom_fields": [{"label": "Day", "type": "date"}],
                    "connections": {"gusto": {"mappings": [{"field": "Day", "attribute": "department"}]}},
                },
                "cannot fill a field",
            ),
            (
                {
                    "connections": {
                        "gusto": {"mappings": [{"field": "Team", "attribute": "department", "aliases": {"X": "Moon"}}]}
                    }
                },
                "does not have: “Moon”",
            ),
            (
                {
                    "connections": {
                        "gusto": {"mappings": [{"field": "Team", "attribute": "department", "default": "Moon"}]}
                    }
                },
                "“Moon” is no value",
            ),
        ],
    )
    def test_refuses_the_whole_of_a_file_with_a_mistake(self, furnished, sections, why):
        before = counts()
        wanted = file_of(**{"courses": [{"title": "First"}], **sections})

        for use in (importing.preview, importing.apply):
            with pytest.raises(Unfit, match=why):
                use(portal=furnished, wanted=wanted, now=timezone.now())

        assert counts() == before

    def test_refuses_a_type_that_the_values_of_people_would_not_fit(self, portal, take_in):
        field = CustomFieldFactory(portal=portal, label="Badge", type="decimal")
        MembershipFactory(portal=portal, custom_data={field.key: 1.5})

        with pytest.raises(Unfit, match=r"somebody has the value “1\.5”"):
            take_in(portal, file_of(custom_fields=[{"label": "Badge", "type": "integer"}]))

    def test_refuses_settings_of_an_integration_that_is_turned_off(self, furnished, take_in):
        bare = PortalFactory(enabled_integrations=[])

        with pytest.raises(Unfit, match="Gusto is not turned on"):
            take_in(bare, file_of_portal(furnished))

    def test_touches_no_other_portal(self, furnished, take_in):
        neighbour = PortalFactory(realm=furnished.realm)
        GroupFactory(portal=neighbour, title="Sellers", description="Ours")

        take_in(furnished, file_of(groups=[{"title": "Sellers", "description": "Theirs"}]))

        assert Group.objects.get(portal=neighbour).description == "Ours"


class TestPreview:
    def test_writes_nothing(self, furnished, look_ahead, django_capture_on_commit_callbacks):
        before = counts(), AuditEntry.objects.count(), document.write(reading.settings_of(furnished))
        rule = {"blocks": []}

        with django_capture_on_commit_callbacks() as callbacks:
            outlook = look_ahead(
                furnished,
                file_of(
                    portal={"language": "de", "accent_color": "#000000"},
                    groups=[{"title": "Everyone", "rule": rule}],
                    connections={"gusto": {"invites": {"when": "added"}}},
                ),
            )

        assert len(outlook.difference.changes) == 3
        assert callbacks == []
        assert (counts(), AuditEntry.objects.count(), document.write(reading.settings_of(furnished))) == before
        assert Portal.objects.get(pk=furnished.pk).language == "en"

    def test_counts_who_would_join_and_who_would_be_enrolled(self, furnished, look_ahead):
        MembershipFactory.create_batch(3, portal=furnished)

        group = {"title": "Everyone", "courses": [{"course": "Selling"}], "rule": {"blocks": []}}
        (rule,) = look_ahead(furnished, file_of(groups=[group])).rules

        assert (rule.effect.joins, rule.effect.leaves, rule.effect.begins) == (3, 0, 3)

    def test_counts_who_would_leave(
        self, furnished, sellers, look_ahead, tasks_at_once, django_capture_on_commit_callbacks
    ):
        field = CustomField.objects.get(portal=furnished)
        seller = MembershipFactory(portal=furnished, custom_data={field.key: "Sales"})
        GroupMembership.objects.create(group=sellers, membership=seller, origin="rule", created_at=timezone.now())

        block = [{"looks_at": "custom_field", "field": "Team", "comparison": "is", "values": ["Support"]}]
        (rule,) = look_ahead(furnished, file_of(groups=[{"title": "Sellers", "rule": {"blocks": [block]}}])).rules

        assert (rule.effect.joins, rule.effect.leaves) == (0, 1)

    def test_counts_whose_values_a_mapping_would_change(self, furnished, connection, look_ahead):
        field = CustomField.objects.get(portal=furnished)
        SafetySettings.objects.all().delete()
        seller = MembershipFactory(portal=furnished, custom_data={field.key: "Sales"}, status="active")
        ExternalIdentityFactory(
            connection=connection,
            external_id="one",
            membership=seller,
            snapshot={
                "key": "one",
                "first_name": seller.user.first_name,
                "last_name": seller.user.last_name,
                "work_email": seller.user.email,
                "attributes": {"department": "Sales", "job_title": "Support"},
            },
        )

        mapping = {"field": "Team", "attribute": "job_title", "default": "Support", "when_empty": "keep"}
        (sync,) = look_ahead(furnished, file_of(connections={"gusto": {"mappings": [mapping]}})).syncs

        assert sync.effect.counts == {"update": 1}

    def test_says_which_mappings_come_from_a_company_of_its_own(self, furnished, look_ahead):
        mapping = {"field": "Team", "attribute": "custom:4d1e"}

        outlook = look_ahead(furnished, file_of(connections={"gusto": {"mappings": [mapping]}}))

        assert outlook.notes == [
            "Filled from a field that the company made itself; check that yours has the same: Team."
        ]


class TestSections:
    def test_have_words(self):
        assert set(WORDS) == set(Section)
