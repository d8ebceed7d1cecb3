"""Admin pages of realms, portals, custom fields, groups, rules and courses."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portals import signals
from portals.models import Course, CustomField, DynamicRule, Group, Portal, Realm
from tests.admin_pages import errors, page, save
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    DynamicRuleFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
    RealmFactory,
)
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users.models import AuditEntry, GroupMembership

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def client(portal_client, portal):
    """The portal's admin at the portal's host."""
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def operator(portal_client):
    """An operator at the platform host."""
    return portal_client(None, OperatorFactory())


@pytest.fixture
def heard():
    """Collects what is announced about rules and the courses of groups."""
    news = []

    def listen(sender, signal, **what):
        news.append(what)

    announced = (signals.rules_changed, signals.group_courses_changed, signals.course_published)
    for signal in announced:
        signal.connect(listen)
    yield news
    for signal in announced:
        signal.disconnect(listen)


class TestRealmPages:
    def test_let_operators_add_a_realm(self, operator):
        operator.post(page(Realm, "add"), {"name": "Harbor"})

        assert Realm.objects.get().name == "Harbor"

    def test_are_closed_to_a_portals_admins(self, client, portal):
        for url in (page(Realm, "changelist"), page(Realm, "add"), page(Realm, "change", portal.realm_id)):
            assert client.get(url).status_code == 403

    def test_do_not_delete_a_realm_with_portals(self, operator, portal):
        url = page(Realm, "delete", portal.realm_id)

        operator.post(url, {"post": "yes"})

        assert Realm.objects.filter(pk=portal.realm_id).exists()


class TestPortalPages:
    def test_lead_an_admin_to_the_own_settings(self, client, portal):
        response = client.get(page(Portal, "changelist"))

        assert response.url == page(Portal, "change", portal.pk)

    def test_save_what_an_admin_may_set(self, client, portal):
        save(client, page(Portal, "change", portal.pk), name="Harbor Academy", time_zone="America/Denver")

        portal.refresh_from_db()
        assert (portal.name, portal.time_zone) == ("Harbor Academy", "America/Denver")

    def test_ignore_what_only_operators_may_set(self, client, portal):
        posted = {
            "slug": "other",
            "realm": RealmFactory().pk,
            "enabled_integrations": "hubspot",
            "custom_field_limit": 99,
        }
        before = (portal.slug, portal.realm_id, portal.enabled_integrations, portal.custom_field_limit)

        save(client, page(Portal, "change", portal.pk), **posted)

        portal.refresh_from_db()
        assert (portal.slug, portal.realm_id, portal.enabled_integrations, portal.custom_field_limit) == before

    def test_write_down_what_changed(self, client, portal):
        save(client, page(Portal, "change", portal.pk), name="Harbor Academy")

        entry = AuditEntry.objects.get(portal=portal)
        assert entry.action == "portal_changed"
        assert entry.before == {"name": portal.name}
        assert entry.after == {"name": "Harbor Academy"}
        assert entry.actor_id == portal.memberships.get().user_id

    def test_write_down_in_the_portals_trail_what_an_operator_does(self, operator, portal):
        group = GroupFactory(portal=portal, title="Sellers")

        save(operator, page(Group, "change", group.pk), title="Sales")

        entry = AuditEntry.objects.get()
        assert (entry.portal, entry.action, entry.after) == (portal, "group_changed", {"title": "Sales"})

    def test_write_nothing_down_when_nothing_changed(self, client, portal):
        save(client, page(Portal, "change", portal.pk))

        assert not AuditEntry.objects.exists()

    def test_let_operators_add_a_portal_and_turn_integrations_on(self, operator):
        realm = RealmFactory()

        save(operator, page(Portal, "add"), name="New", slug="new", realm=realm.pk, enabled_integrations=["gusto"])

        added = Portal.objects.get(slug="new")
        assert (added.realm, added.enabled_integrations) == (realm, ["gusto"])

    def test_refuse_an_integration_that_is_not_installed(self, operator, portal):
        response = save(operator, page(Portal, "change", portal.pk), enabled_integrations=["abacus"])

        assert "abacus" in errors(response)

    def test_refuse_a_parent_of_another_realm_and_circles(self, operator, portal):
        below = PortalFactory(realm=portal.realm, parent=portal)

        foreign = save(operator, page(Portal, "change", portal.pk), parent=PortalFactory().pk)
        circle = save(operator, page(Portal, "change", portal.pk), parent=below.pk)

        assert "another realm" in errors(foreign)
        assert "below itself" in errors(circle)

    def test_never_delete_a_portal(self, client, operator, portal):
        for visitor in (client, operator):
            assert visitor.post(page(Portal, "delete", portal.pk), {"post": "yes"}).status_code == 403


class TestCustomFieldPages:
    def add(self, client, *choices, **fields):
        lines = {f"choices-{number}-value": value for number, value in enumerate(choices)}
        positions = {f"choices-{number}-position": number for number in range(len(choices))}
        data = {"label": "Track", "type": "string", "position": 0, "choices-TOTAL_FORMS": len(choices)}
        return save(client, page(CustomField, "add"), **{**data, **lines, **positions, **fields})

    def choices_data(self, field, *values):
        data = {}
        for number, choice in enumerate(field.choices.order_by("pk")):
            data[f"choices-{number}-value"] = values[number] if number < len(values) else choice.value
        return data

    def test_add_a_choice_field_with_its_choices_in_order(self, client, portal):
        self.add(client, "Office", "Floor", type="string_choice")

        field = CustomField.objects.get(portal=portal)
        assert [choice.value for choice in field.choices.order_by("position")] == ["Office", "Floor"]

    def test_refuse_a_label_twice(self, client, portal):
        CustomFieldFactory(portal=portal, label="track")

        assert self.add(client).status_code == 200
        assert CustomField.objects.count() == 1

    def test_refuse_one_field_more_than_the_portal_may_have(self, client, portal):
        portal.custom_field_limit = 1
        portal.save()
        CustomFieldFactory(portal=portal)

        assert "may have 1 custom fields" in errors(self.add(client))

    @pytest.mark.parametrize(
        ("type_", "is_multiple", "choices", "complaint"),
        [
            ("integer_choice", "", ["1", "many"], "no value of the field"),
            ("decimal_choice", "", ["1.5", "1.50"], "exists already"),
            ("string_choice", "on", ["a; b"], "semicolon"),
            ("string", "", ["a"], "Only choice fields have choices"),
            ("date", "on", [], "Only a choice can have several values"),
        ],
    )
    def test_refuse_choices_that_do_not_fit(self, client, type_, is_multiple, choices, complaint):
        flag = {"is_multiple": is_multiple} if is_multiple else {}

        response = self.add(client, *choices, type=type_, **flag)

        assert complaint in errors(response)
        assert not CustomField.objects.exists()

    @pytest.mark.parametrize(
        ("old", "new", "is_possible"),
        [
            ("string", "string_choice", True),
            ("integer", "decimal", True),
            ("decimal_choice", "integer", True),
            ("string", "date", False),
            ("integer", "string", False),
            ("date", "string", False),
        ],
    )
    def test_change_the_type_only_inside_its_family(self, client, portal, old, new, is_possible):
        field = CustomFieldFactory(portal=portal, type=old)

        response = save(client, page(CustomField, "change", field.pk), type=new)

        field.refresh_from_db()
        assert field.type == (new if is_possible else old)
        assert (response.status_code == 302) is is_possible

    def test_keep_the_type_of_a_field_in_use(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="integer")
        FieldMappingFactory(connection__portal=portal, custom_field=field, attribute="job.rank")

        response = save(client, page(CustomField, "change", field.pk), type="decimal")

        assert "in use" in errors(response)
        assert "job.rank" in errors(response)

    def test_keep_a_choice_that_a_rule_asks_for(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="string_choice", choices=["Sales", "Office"])
        rule = DynamicRuleFactory(group__portal=portal, group__title="Sellers")
        condition = {"subject": "custom_field", "custom_field": field, "operator": "is", "operands": ["Sales"]}
        rule.conditions.create(**condition)

        refused = save(client, page(CustomField, "change", field.pk), **{"choices-0-DELETE": "on"})

        assert "Sellers" in errors(refused)
        assert set(field.choices.values_list("value", flat=True)) == {"Sales", "Office"}

    def test_rename_a_choice_for_the_rules_too(self, client, portal):
        field = CustomFieldFactory(portal=portal, type="string_choice", choices=["Sales", "Office"])
        rule = DynamicRuleFactory(group__portal=portal, group__title="Sellers")
        condition = {"subject": "custom_field", "custom_field": field, "operator": "is", "operands": ["Sales"]}
        rule.conditions.create(**condition)

        save(client, page(CustomField, "change", field.pk), **self.choices_data(field, "Selling"))

        assert set(field.choices.values_list("value", flat=True)) == {"Selling", "Office"}
        assert rule.conditions.get().operands == ["Selling"]

    def test_delete_a_field_with_the_values_that_people_have(self, client, portal):
        field = CustomFieldFactory(portal=portal)
        member = MembershipFactory(portal=portal, custom_data={field.key: "blue", "0": "stays"})

        client.post(page(CustomField, "delete", field.pk), {"post": "yes"})

        member.refresh_from_db()
        assert member.custom_data == {"0": "stays"}
        assert not CustomField.objects.exists()

    def test_do_not_delete_a_field_in_use_and_name_what_uses_it(self, client, portal):
        field = CustomFieldFactory(portal=portal)
        FieldMappingFactory(connection__portal=portal, custom_field=field, attribute="job.rank")
        rule = DynamicRuleFactory(group__portal=portal, group__title="Sellers")
        rule.conditions.create(subject="custom_field", custom_field=field, operator="is_empty")

        shown = client.get(page(CustomField, "delete", field.pk)).content.decode()
        client.post(page(CustomField, "delete", field.pk), {"post": "yes"})

        assert "rule of the group “Sellers”" in shown
        assert "job.rank" in shown
        assert CustomField.objects.filter(pk=field.pk).exists()


class TestGroupPages:
    def test_add_a_group(self, client, portal):
        save(client, page(Group, "add"), title="Sales")

        assert Group.objects.get().portal == portal

    def test_count_members_and_courses(self, client, portal):
        group = GroupFactory(portal=portal)
        now = portal.created_at
        for member in MembershipFactory.create_batch(2, portal=portal):
            GroupMembership.objects.create(group=group, membership=member, created_at=now)
        for _number in range(3):
            GroupCourseFactory(group=group)

        row = client.get(page(Group, "changelist")).context["cl"].result_list[0]

        assert (row.member_count, row.course_count) == (2, 3)

    def test_name_the_managers_and_ask_for_them_once(self, client, portal):
        group = GroupFactory(portal=portal)
        manager = MembershipFactory(portal=portal, role="manager", user__first_name="Ines", user__last_name="Okafor")
        manager.managed_groups.create(group=group)

        with CaptureQueriesContext(connection) as asked:
            shown = client.get(page(Group, "change", group.pk)).content.decode()

        assert "Ines Okafor" in shown
        assert sum('FROM "users_groupmanager"' in query["sql"] for query in asked) == 1

    def test_announce_a_course_that_is_put_on_and_taken_off(self, client, portal, heard):
        group, course = GroupFactory(portal=portal), CourseFactory(portal=portal)
        line = {"group_courses-TOTAL_FORMS": 1, "group_courses-0-course": course.pk, "group_courses-0-due_days": 30}

        save(client, page(Group, "change", group.pk), **line)
        save(client, page(Group, "change", group.pk), **{"group_courses-0-DELETE": "on", "unenroll": "on"})

        assert heard == [
            {"group_id": group.pk, "added": [course.pk], "changed": [], "removed": [], "unenroll": False},
            {"group_id": group.pk, "added": [], "changed": [], "removed": [course.pk], "unenroll": True},
        ]

    def test_ask_who_may_finish_a_course_that_is_taken_off(self, client, portal, heard):
        row = GroupCourseFactory(group__portal=portal)
        url = page(Group, "change", row.group_id)

        assert "not finished" in errors(save(client, url, **{"group_courses-0-DELETE": "on"}))
        save(client, url, **{"group_courses-0-DELETE": "on", "unenroll": "keep"})

        assert [(news["removed"], news["unenroll"]) for news in heard] == [([row.course_id], False)]

    def test_announce_changed_terms(self, client, portal, heard):
        row = GroupCourseFactory(group__portal=portal)

        save(client, page(Group, "change", row.group_id), **{"group_courses-0-is_required": "on"})

        assert [news["changed"] for news in heard] == [[row.course_id]]

    def test_refuse_a_course_twice(self, client, portal, heard):
        row = GroupCourseFactory(group__portal=portal)
        line = {"group_courses-TOTAL_FORMS": 2, "group_courses-1-course": row.course_id}

        response = save(client, page(Group, "change", row.group_id), **line)

        assert response.status_code == 200
        assert not heard

    @pytest.mark.parametrize("state", ["active", "draft", "broken"])
    def test_filter_by_the_state_of_the_rule(self, client, portal, state):
        ruled = DynamicRuleFactory(group__portal=portal, state=state).group
        free = GroupFactory(portal=portal)

        shown = client.get(page(Group, "changelist"), {"rule": state}).context["cl"].result_list
        without = client.get(page(Group, "changelist"), {"rule": "none"}).context["cl"].result_list

        assert list(shown) == [ruled]
        assert list(without) == [free]

    def test_do_not_delete_a_group_whose_people_another_rule_takes(self, client, portal):
        rule = DynamicRuleFactory(group__portal=portal, base_group=GroupFactory(portal=portal))

        client.post(page(Group, "delete", rule.base_group_id), {"post": "yes"})

        assert Group.objects.filter(pk=rule.base_group_id).exists()

    def test_delete_a_group_but_nobody_in_it(self, client, portal):
        group, member = GroupFactory(portal=portal), MembershipFactory(portal=portal)
        GroupMembership.objects.create(group=group, membership=member, created_at=portal.created_at)

        asked = client.get(page(Group, "delete", group.pk))
        client.post(page(Group, "delete", group.pk), {"post": "yes"})

        assert dict(asked.context["model_count"])["members"] == 1
        assert portal.memberships.filter(pk=member.pk).exists()
        assert not Group.objects.exists()


class TestRulePages:
    def test_list_the_rules_and_lead_to_where_they_are_built(self, client, portal):
        rule = DynamicRuleFactory(group__portal=portal, group__title="Sellers", state="broken")
        address = reverse("admin:portals_group_rule", args=[rule.group_id])

        listed = client.get(page(DynamicRule, "changelist")).content.decode()
        opened = client.get(page(DynamicRule, "change", rule.pk))

        assert address in listed
        assert "Broken" in listed
        assert opened.url == address

    def test_add_change_and_delete_nothing(self, client, portal):
        rule = DynamicRuleFactory(group__portal=portal)

        assert client.get(page(DynamicRule, "add")).status_code == 403
        client.post(page(DynamicRule, "change", rule.pk), {"state": "draft"})
        client.post(page(DynamicRule, "delete", rule.pk), {"post": "yes"})

        rule.refresh_from_db()
        assert rule.state == "active"


class TestCoursePages:
    def test_announce_a_course_once_it_is_published(self, client, portal, heard):
        save(client, page(Course, "add"), title="Safety", status="published")
        course = Course.objects.get()
        save(client, page(Course, "change", course.pk), description="Newer")

        assert heard == [{"course_id": course.pk}]

    def test_change_the_status_by_their_buttons_only(self, client, portal, heard):
        course = CourseFactory(portal=portal, status="draft")

        save(client, page(Course, "change", course.pk), description="New", status="published")

        course.refresh_from_db()
        assert (course.description, course.status, heard) == ("New", "draft", [])

    def test_let_nothing_begin_as_archived(self, client):
        save(client, page(Course, "add"), title="Safety", status="archived")

        assert not Course.objects.exists()

    @pytest.mark.parametrize("address", ["javascript:alert(1)", "not an address"])
    def test_refuse_links_that_are_no_web_addresses(self, client, address):
        response = save(client, page(Course, "add"), title="Safety", content_url=address)

        assert response.status_code == 200
        assert not Course.objects.exists()

    def test_let_operators_choose_the_portal_once(self, operator, portal):
        save(operator, page(Course, "add"), title="Safety", portal=portal.pk)
        course = Course.objects.get()
        save(operator, page(Course, "change", course.pk), portal=PortalFactory().pk)

        course.refresh_from_db()
        assert course.portal == portal


class TestHomePage:
    def test_leads_someone_new_through_the_set_up(self, client, portal):
        shown = client.get(reverse("admin:index")).content.decode()

        assert "Connect Gusto" in shown
        assert "Create groups" in shown

    def test_stops_when_all_is_set_up(self, client, portal):
        GroupFactory(portal=portal)
        CourseFactory(portal=portal)
        CustomFieldFactory(portal=portal)
        portal.enabled_integrations = []
        portal.save()

        assert "Next steps" not in client.get(reverse("admin:index")).content.decode()

    def test_tells_of_broken_rules(self, client, portal):
        DynamicRuleFactory(group__portal=portal, state="broken")

        assert "1 rule of a group is broken" in client.get(reverse("admin:index")).content.decode()

    def test_leads_operators_to_the_first_portal(self, operator):
        assert "Create the first portal" in operator.get(reverse("admin:index")).content.decode()
