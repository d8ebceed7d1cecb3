"""The rule of a group: built line by line, shown with its effect, run, changed, deactivated."""

import pytest
from django.urls import reverse
from django.utils import timezone

from portals import definitions, drafts
from portals.models import DynamicRule
from portals.rules import Condition, Operator, Subject
from tests.factories.portals import CustomFieldFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import tasks
from users.models import AuditEntry, Enrollment, GroupMembership

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def client(portal_client, portal):
    return portal_client(portal, AdminFactory(portal=portal, user__last_name="Admin").user)


@pytest.fixture
def department(portal):
    return CustomFieldFactory(
        portal=portal, label="Department", type="string_choice", choices=["Sales", "Legal", "A, B"]
    )


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal, title="Sellers")


@pytest.fixture
def seller(portal, department):
    return MembershipFactory(portal=portal, user__last_name="Seller", custom_data={department.key: "Sales"})


@pytest.fixture
def lawyer(portal, department):
    return MembershipFactory(portal=portal, user__last_name="Lawyer", custom_data={department.key: "Legal"})


def address(group, page="rule"):
    return reverse(f"admin:portals_group_{page}", args=[group.pk])


def posted(*rows, do="preview", base_group=""):
    """Return what the builder posts; a row is (block, what it looks at, operator, value, end of a range)."""
    data = {"rows": len(rows), "do": do, "base_group": base_group}
    for number, (block, looks_at, operator, *values) in enumerate(rows):
        data |= {f"row-{number}-{name}": value for name, value in zip(("value", "to"), values, strict=False)}
        data |= {f"row-{number}-block": block, f"row-{number}-looks_at": looks_at, f"row-{number}-operator": operator}
        data[f"row-{number}-was"] = looks_at
    return data


def is_in(field, value):
    return Condition(Subject.CUSTOM_FIELD, Operator.IS, (value,), field.key)


def lines(response):
    return [line for block in response.context["blocks"] for line in block]


def complaints(response):
    return " ".join(str(text) for line in lines(response) for texts in line.errors.values() for text in texts)


def add(group, *members, origin="manual"):
    for member in members:
        GroupMembership.objects.create(group=group, membership=member, origin=origin, created_at=timezone.now())
        if origin == "rule":
            member.rule_groups = [group.pk]
            member.save(update_fields=["rule_groups"])


class TestBuilder:
    def test_saves_what_was_built_as_a_draft_that_changes_nobody(self, client, group, department, seller):
        response = client.post(
            address(group),
            posted(
                (1, department.key, "is", "Sales"),
                (1, "email_domain", "is_one_of", "a.example\nb.example"),
                (2, "created_on", "between", "2026-01-01", "2026-12-31"),
            ),
        )

        assert response.url == address(group, "rule_preview")
        assert group.rule.state == "draft"
        built = drafts.latest(group.rule)
        assert [[(one.operator, one.operands) for one in block] for block in built.blocks] == [
            [(Operator.IS, ("Sales",)), (Operator.IS_ONE_OF, ("a.example", "b.example"))],
            [(Operator.BETWEEN, ("2026-01-01", "2026-12-31"))],
        ]
        assert not group.members.exists()

    def test_shows_what_was_built_as_it_was_entered(self, client, group, department):
        client.post(address(group), posted((1, department.key, "is_one_of", ["A, B", "Legal"]), do="save"))

        [line] = lines(client.get(address(group)))

        assert (line["looks_at"].value(), line["operator"].value()) == (department.key, "is_one_of")
        assert line["value"].value() == ["A, B", "Legal"]

    @pytest.mark.parametrize(
        ("do", "blocks"),
        [
            ("add-row:1", [1, 1, 1, 2]),
            ("add-block", [1, 1, 2, 3]),
            ("remove-row:0", [1, 2]),
            ("remove-block:1", [1]),
            ("remove-block:2", [1, 1]),
            ("refresh", [1, 1, 2]),
            ("remove-row:99", [1, 1, 2]),
            ("nonsense", [1, 1, 2]),
        ],
    )
    def test_changes_lines_and_blocks_without_saving_and_without_scripts(self, client, group, do, blocks):
        rows = [(1, "email_domain", "is", "one.example"), (1, "created_on", "less", "2026-01-01")]

        response = client.post(address(group), posted(*rows, (2, "email_domain", "is", "half a dom"), do=do))

        assert [line.block_number for line in lines(response)] == blocks
        assert not complaints(response)
        assert not DynamicRule.objects.exists()

    def test_keeps_what_was_entered_while_lines_change(self, client, group):
        response = client.post(address(group), posted((1, "email_domain", "is", "not yet a dom"), do="add-block"))

        assert lines(response)[0]["value"].value() == "not yet a dom"

    def test_offers_the_comparisons_and_values_of_what_a_line_looks_at(self, client, group, department):
        data = posted((1, department.key, "contains", "typed for another field"), do="refresh")

        response = client.post(address(group), {**data, "row-0-was": "email_domain"})

        [line] = lines(response)
        assert [value for value, _words in line.fields["operator"].choices][:4] == [
            "is",
            "is_not",
            "is_one_of",
            "is_none_of",
        ]
        assert [value for value, _words in line.fields["value"].choices] == ["", "Sales", "Legal", "A, B"]
        assert not line["value"].value()

    @pytest.mark.parametrize(
        ("looks_at", "operator", "values", "complaint"),
        [
            ("email_domain", "contains", ["a.example"], "Choose another comparison"),
            ("email_domain", "is", ["not a domain"], "after the @"),
            ("email_domain", "is", [""], "Enter a value"),
            ("created_on", "at_least", ["tomorrow"], "Enter a date"),
            ("created_on", "between", ["2026-12-31", "2026-01-01"], "smaller value first"),
            ("created_on", "between", ["", "2026-01-01"], "Enter a value"),
            ("created_on", "in_last_days", ["a few"], "number of days"),
            ("department", "is", ["Marketing"], "does not offer this value"),
            ("department", "is_one_of", [], "Enter a value"),
            ("department", "less", ["3"], "Choose another comparison"),
            ("999999", "is", ["x"], "This field is gone"),
        ],
    )
    def test_refuses_conditions_without_sense_and_loses_nothing(
        self, client, group, department, looks_at, operator, values, complaint
    ):
        looks_at = department.key if looks_at == "department" else looks_at
        good = (1, "email_domain", "is", "a.example")

        response = client.post(address(group), posted(good, (1, looks_at, operator, *values)))

        assert response.status_code == 422
        assert complaint in complaints(response)
        assert lines(response)[0]["value"].value() == "a.example"
        assert not DynamicRule.objects.exists()

    def test_refuses_rules_that_go_round_in_a_circle(self, client, group, portal):
        other = GroupFactory(portal=portal)
        definitions.save_rule(group=other, blocks=[], base_group=group)

        response = client.post(address(group), posted(base_group=other.pk))

        assert response.status_code == 422
        assert "takes its people from this one" in response.content.decode()

    def test_refuses_more_conditions_than_anyone_can_read(self, client, group):
        response = client.post(address(group), posted(*[(1, "email_domain", "is", "a.example")] * 51))

        assert "too many conditions" in response.content.decode()
        assert len(lines(response)) == 51

    def test_survives_posted_nonsense(self, client, group):
        for data in ({}, {"rows": "many"}, {"rows": "1"}, posted(("x", "y", "z")), {"rows": "9" * 5000}):
            for do in ("refresh", "preview", "add-row:x", "remove-row:-1", "add-row:" + "9" * 5000):
                assert client.post(address(group), {**data, "do": do}).status_code in {200, 302, 422}

    def test_asks_the_database_the_same_number_of_questions_for_any_number_of_lines(
        self, client, group, department, django_assert_max_num_queries
    ):
        rows = [(number, department.key, "is_one_of", ["Sales", "Legal"]) for number in range(1, 21)]
        client.post(address(group), posted(*rows, do="save"))

        with django_assert_max_num_queries(15):
            client.get(address(group))

    def test_is_closed_to_the_portal_next_door(self, portal_client, portal, group):
        stranger = portal_client(PortalFactory(realm=portal.realm), None)
        neighbor = AdminFactory(portal=PortalFactory(realm=portal.realm))
        visitor = portal_client(neighbor.portal, neighbor.user)

        for page in ("rule", "rule_preview", "rule_people", "rule_deactivate", "rule_discard"):
            assert visitor.get(address(group, page)).status_code == 404
            assert visitor.post(address(group, page), posted()).status_code == 404
            assert stranger.get(address(group, page)).status_code == 302

    def test_takes_no_base_group_of_another_portal(self, client, group):
        response = client.post(address(group), posted(base_group=GroupFactory().pk))

        assert response.status_code == 422
        assert not DynamicRule.objects.exists()


class TestPreview:
    @pytest.fixture
    def built(self, client, group, department):
        client.post(address(group), posted((1, department.key, "is", "Sales")))
        return group

    def test_tells_who_joins_leaves_and_stays_by_hand(self, client, portal, built, seller, lawyer):
        by_hand = MembershipFactory(portal=portal)
        add(built, lawyer, origin="rule")
        add(built, by_hand)

        context = client.get(address(built, "rule_preview")).context

        assert {name: count for name, _words, count in context["counts"]} == {
            "matches": 1,
            "joins": 1,
            "leaves": 1,
            "kept": 1,
        }
        assert [person for person, _fate in context["people"]] == [seller]

    def test_tells_which_enrollments_begin_and_end(self, client, built, seller, lawyer):
        course = GroupCourseFactory(group=built).course
        add(built, lawyer, origin="rule")
        Enrollment.objects.create(membership=lawyer, course=course, source_group=built, enrolled_at=timezone.now())

        [effect] = client.get(address(built, "rule_preview")).context["effect"].courses

        assert (effect.title, effect.begins, effect.ends) == (course.title, 1, 1)

    def test_counts_no_enrollment_that_is_there_or_granted_elsewhere(self, client, portal, built, seller, lawyer):
        course = GroupCourseFactory(group=built).course
        other = GroupCourseFactory(group__portal=portal, course=course).group
        add(built, lawyer, origin="rule")
        add(other, lawyer)
        for member in (seller, lawyer):
            Enrollment.objects.create(membership=member, course=course, source_group=built, enrolled_at=timezone.now())

        assert client.get(address(built, "rule_preview")).context["effect"].courses == ()

    def test_leaves_pending_people_alone(self, client, portal, built, department):
        waiting = MembershipFactory(portal=portal, status="pending", custom_data={department.key: "Sales"})
        add(built, waiting, origin="rule")

        effect = client.get(address(built, "rule_preview")).context["effect"]

        assert (effect.matches, effect.leaves, effect.kept) == (0, 0, 0)

    def test_lists_people_page_by_page(self, client, portal, built, department):
        MembershipFactory.create_batch(51, portal=portal, custom_data={department.key: "Sales"})

        first = client.get(address(built, "rule_preview"), {"show": "joins"}).context["people"]
        second = client.get(address(built, "rule_preview"), {"show": "joins", "page": 2}).context["people"]

        assert (len(first), len(second)) == (50, 1)

    def test_hands_out_the_people_who_match_as_a_file(self, client, built, seller, lawyer):
        response = client.get(address(built, "rule_people"))

        text = b"".join(response).decode()
        assert seller.user.email in text
        assert lawyer.user.email not in text
        assert "attachment" in response["Content-Disposition"]

    def test_leads_to_the_builder_while_there_is_nothing_to_look_at(self, client, group):
        assert client.get(address(group, "rule_preview")).url == address(group)

    def test_leads_to_the_builder_when_a_field_was_archived_meanwhile(self, client, built, department):
        definitions.archive_field(department)

        response = client.get(address(built, "rule_preview"), follow=True)

        assert "This field is archived" in complaints(response)

    def test_asks_the_database_the_same_number_of_questions_for_any_number_of_people(
        self, client, portal, built, department, django_assert_max_num_queries
    ):
        MembershipFactory.create_batch(12, portal=portal, custom_data={department.key: "Sales"})

        with django_assert_max_num_queries(20):
            client.get(address(built, "rule_preview"))


class TestRunning:
    @pytest.fixture
    def built(self, client, group, department):
        client.post(address(group), posted((1, department.key, "is", "Sales")))
        return group

    def run(self, client, group, on_leaving="unenroll"):
        return client.post(address(group, "rule_preview"), {"on_leaving": on_leaving})

    def test_lets_people_in_and_writes_it_down(
        self, client, portal, built, seller, lawyer, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = self.run(client, built, "keep")

        built.refresh_from_db()
        assert response.status_code == 302
        assert (built.rule.state, built.rule.on_leaving, built.rule.draft) == ("active", "keep", None)
        assert [row.membership for row in built.members.all()] == [seller]
        assert AuditEntry.objects.filter(portal=portal, action="rule_run").count() == 1

    def test_needs_an_answer_about_leavers(self, client, built):
        client.post(address(built, "rule_preview"), {})

        built.refresh_from_db()
        assert built.rule.state == "draft"

    def test_leaves_a_running_rule_as_it_is_while_a_change_is_built(self, client, built, department, seller, lawyer):
        self.run(client, built)

        client.post(address(built), posted((1, department.key, "is", "Legal")))

        built.refresh_from_db()
        assert built.rule.state == "active"
        [rule] = definitions.rules_of(built.portal_id).rules
        assert rule.blocks[0][0].operands == ("Sales",)
        assert [p for p, _fate in client.get(address(built, "rule_preview")).context["people"]] == [lawyer]

    def test_discards_a_change_that_was_not_run(self, client, built, department):
        self.run(client, built)
        client.post(address(built), posted((1, department.key, "is", "Legal")))

        client.post(address(built, "rule_discard"))

        rule = DynamicRule.objects.get(group=built)
        assert (rule.state, rule.draft) == ("active", None)

    def test_discards_a_rule_that_never_ran(self, client, built):
        client.post(address(built, "rule_discard"))

        assert not DynamicRule.objects.exists()

    def test_keeps_members_when_it_is_deactivated_and_takes_them_over_when_run_again(
        self, client, built, department, seller, lawyer, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            self.run(client, built)
        client.get(address(built, "rule_deactivate"))
        assert DynamicRule.objects.get(group=built).state == "active"
        client.post(address(built, "rule_deactivate"))
        assert [row.membership for row in built.members.all()] == [seller]

        client.post(address(built), posted((1, department.key, "is", "Legal")))
        with django_capture_on_commit_callbacks(execute=True):
            self.run(client, built)

        assert [row.membership for row in built.members.all()] == [lawyer]

    def test_marks_a_broken_rule_and_says_how_to_mend_it(self, client, built, department, seller):
        self.run(client, built)
        definitions.archive_field(department)

        listed = client.get(reverse("admin:portals_group_changelist")).content.decode()
        shown = client.get(address(built))

        assert "Broken" in listed
        assert "bring the field back" in shown.content.decode()
        assert "This field is archived" in complaints(shown)
        tasks.regroup_portal(portal_id=built.portal_id)
        assert not built.members.exists()


class TestHandingOverToTheRule:
    @pytest.fixture
    def group(self, portal, department):
        group = GroupFactory(portal=portal, title="Sellers")
        definitions.save_rule(group=group, blocks=[[is_in(department, "Sales")]])
        return group

    def url(self, group):
        return reverse("admin:portals_group_hand_over_to_rule", args=[group.pk])

    def test_says_how_many_will_be_removed_before_it_does_anything(self, client, group, seller, lawyer):
        add(group, seller, lawyer)

        asked = client.get(self.url(group)).content.decode()

        assert "2 members by hand become members by rule" in asked
        assert "1 of them does not match" in asked
        assert group.members.filter(origin="manual").count() == 2

    def test_keeps_whom_the_rule_wants_and_removes_the_others(self, client, group, seller, lawyer):
        course = GroupCourseFactory(group=group).course
        add(group, seller, lawyer)
        for member in (seller, lawyer):
            Enrollment.objects.create(membership=member, course=course, source_group=group, enrolled_at=timezone.now())

        client.post(self.url(group))

        assert list(group.members.values_list("membership", "origin")) == [(seller.pk, "rule")]
        assert list(course.enrollments.values_list("membership", flat=True)) == [seller.pk]
        assert AuditEntry.objects.get(action="members_handed_over").after == {"left": 1, "unenrolled": 1}

    def test_goes_on_in_the_background_for_a_large_group(
        self, client, group, lawyer, monkeypatch, django_capture_on_commit_callbacks
    ):
        monkeypatch.setattr("users.group_courses.LARGE", 0)
        add(group, lawyer)

        with django_capture_on_commit_callbacks(execute=True):
            client.post(self.url(group))

        assert not group.members.exists()

    def test_does_nothing_without_a_rule_at_work(self, client, group, lawyer):
        drafts.deactivate(group.rule)
        add(group, lawyer)

        client.post(self.url(group))

        assert group.members.get().origin == "manual"


class TestDeletingAGroup:
    @pytest.fixture
    def enrolled(self, group, seller):
        row = GroupCourseFactory(group=group)
        add(group, seller)
        return Enrollment.objects.create(
            membership=seller, course=row.course, source_group=group, enrolled_at=timezone.now()
        )

    @pytest.mark.parametrize(("answer", "is_kept"), [("keep", True), ("remove", False), ("", True)])
    def test_asks_what_happens_to_enrollments(self, client, group, enrolled, answer, is_kept):
        url = reverse("admin:portals_group_delete", args=[group.pk])

        asked = client.get(url).content.decode()
        client.post(url, {"post": "yes", "enrollments": answer})

        assert "1 unfinished enrollment" in asked
        assert not type(group).objects.filter(pk=group.pk).exists()
        assert Enrollment.objects.filter(pk=enrolled.pk).exists() is is_kept
