"""The walls of the admin: what is refused at start-up, and what a form refuses."""

import django.contrib.admin
import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin import ModelAdmin as PlainAdmin
from django.contrib.admin import site as our_site
from django.core.exceptions import ImproperlyConfigured
from django.forms import modelform_factory
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action

from config.apps import RollcallAdminConfig
from portals.checks import unguarded
from portals.confirmations import ConfirmationForm, confirmed_action
from portals.forms import PortalForm, portal_id_of
from portals.models import DynamicRule, Group, GroupCourse, Realm, RuleCondition
from portals.scoping import GlobalAdmin, PortalScopedAdmin, PortalScopedTabularInline, RelatedFilter
from tests.factories.portals import DynamicRuleFactory, GroupFactory, PortalFactory, RealmFactory


def faults_of(model, admin_class):
    site = AdminSite()
    site.disable_action("delete_selected")
    site.register(model, admin_class)
    return " ".join(unguarded(site))


class TestUnguarded:
    def test_finds_nothing_in_the_product(self):
        assert list(unguarded(our_site)) == []

    def test_lets_scoped_and_global_admins_pass(self):
        class Courses(PortalScopedTabularInline):
            model = GroupCourse
            portal_path = "group__portal"

        class Groups(PortalScopedAdmin):
            portal_path = "portal"
            inlines = [Courses]
            list_filter = [("portal", RelatedFilter)]
            actions = ["close"]

            @confirmed_action(ConfirmationForm, permissions=["change"], description="Close")
            def close(self, request, form, rows):
                return "closed"

        class Realms(GlobalAdmin):
            pass

        assert faults_of(Group, Groups) == ""
        assert faults_of(Realm, Realms) == ""

    def test_refuses_an_admin_that_does_not_say_what_it_is(self):
        assert "neither" in faults_of(Group, PlainAdmin)

    @pytest.mark.parametrize("path", ["", "title", "rule", "nothing__portal", "pk"])
    def test_refuses_a_path_that_does_not_lead_to_a_portal(self, path):
        class Groups(PortalScopedAdmin):
            portal_path = path

        assert "does not lead to a portal" in faults_of(Group, Groups)

    def test_refuses_a_foreign_inline(self):
        class Courses(TabularInline):
            model = GroupCourse

        class Groups(PortalScopedAdmin):
            portal_path = "portal"
            inlines = [Courses]

        assert "inline Courses is not scoped" in faults_of(Group, Groups)

    @pytest.mark.parametrize("item", ["base_group", ("base_group", RelatedDropdownFilter)])
    def test_refuses_a_filter_that_lists_foreign_rows(self, item):
        class Rules(PortalScopedAdmin):
            portal_path = "group__portal"
            list_filter = [item]

        assert "the filter by base_group" in faults_of(DynamicRule, Rules)

    def test_refuses_raw_ids(self):
        class Rules(PortalScopedAdmin):
            portal_path = "group__portal"
            raw_id_fields = ["group"]

        assert "the raw id field group" in faults_of(DynamicRule, Rules)

    @pytest.mark.parametrize("place", ["actions", "actions_list", "actions_row", "actions_detail"])
    def test_refuses_an_action_that_does_not_ask(self, place):
        class Groups(PortalScopedAdmin):
            portal_path = "portal"

            @action(description="Empty", permissions=["change"])
            def empty(self, request, queryset=None, object_id=None):
                return None

        setattr(Groups, place, ["empty"])

        assert "the action empty needs" in faults_of(Group, Groups)

    def test_stops_the_start(self, monkeypatch):
        monkeypatch.setitem(our_site._registry, Realm, PlainAdmin(Realm, our_site))
        monkeypatch.setattr("django.contrib.admin.autodiscover", lambda: None)
        config = RollcallAdminConfig("django.contrib.admin", django.contrib.admin)

        with pytest.raises(ImproperlyConfigured, match="neither"):
            config.ready()


@pytest.mark.django_db
class TestPortalIdOf:
    def test_follows_the_path(self):
        rule = DynamicRuleFactory()

        assert portal_id_of(rule, "group__portal") == rule.group.portal_id
        assert portal_id_of(rule.group, "portal") == rule.group.portal_id
        assert portal_id_of(rule.group.portal, "pk") == rule.group.portal_id

    def test_knows_none_while_a_relation_is_missing(self):
        assert portal_id_of(DynamicRule(), "group__portal") is None
        assert portal_id_of(RuleCondition(), "rule__group__portal") is None


@pytest.mark.django_db
class TestPortalForm:
    @pytest.fixture
    def realm(self):
        return RealmFactory()

    def rule_form(self, group, data):
        form_class = modelform_factory(DynamicRule, PortalForm, fields=["base_group", "on_leaving", "state"])
        form_class.portal, form_class.portal_path = group.portal, "group__portal"
        return form_class({"on_leaving": "keep", "state": "draft", **data}, instance=DynamicRule(group=group))

    def test_refuses_a_relation_to_another_portal_of_the_realm(self, realm):
        group, foreign = GroupFactory(portal__realm=realm), GroupFactory(portal__realm=realm)

        form = self.rule_form(group, {"base_group": foreign.pk})

        assert form.errors["base_group"].as_data()[0].code == "other_portal"

    def test_accepts_one_within_the_portal(self):
        group = GroupFactory()
        base_group = GroupFactory(portal=group.portal)

        assert self.rule_form(group, {"base_group": base_group.pk}).is_valid()

    def test_sees_that_a_title_is_taken_although_the_portal_is_no_field(self):
        taken = GroupFactory(title="Sales")
        form_class = modelform_factory(Group, PortalForm, fields=["title"])
        form_class.portal = taken.portal

        assert not form_class({"title": "sales"}).is_valid()

        form_class.portal = PortalFactory()

        assert form_class({"title": "sales"}).is_valid()
