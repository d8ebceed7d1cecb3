"""A rule is built line by line without leaving the page, shows its effect, and runs."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portals.models import CustomField, Group
from tests.factories.users import MembershipFactory
from users import grouping

from .axe import inspected
from .pages import fits

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def department(portal):
    return CustomField.objects.get(portal=portal, label="Department")


@pytest.fixture
def group(portal, department):
    MembershipFactory(portal=portal, user__last_name="Okafor", custom_data={department.key: "Sales"})
    return Group.objects.create(portal=portal, title="Night shift")


@pytest.fixture
def builder(page, sign_in, portal, group):
    """The builder of a group without a rule."""
    sign_in(page)
    page.goto(portal.url(f"/admin/portals/group/{group.pk}/change/"))
    page.get_by_role("link", name="Build a rule").click()
    # With its scripts, without which a choice brings nothing.
    page.wait_for_url("**/rule/")
    return page


def line(page, place=1, block=1):
    return page.get_by_role("group", name=f"Condition {place} of block {block}", exact=True)


def settle(page):
    """Wait, as a person does, until what the last choice brought is in place."""
    page.wait_for_function("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')")


def choose(page, line, name, option):
    line.get_by_label(name).select_option(label=option)
    settle(page)


def build(page):
    """Fill in a rule of two blocks."""
    page.get_by_role("button", name="Add a condition").click()
    expect(line(page).get_by_label("Looks at")).to_be_focused()
    settle(page)
    choose(page, line(page), "Looks at", "Department")
    expect(line(page).get_by_label("Comparison")).to_contain_text("is none of")
    settle(page)
    choose(page, line(page), "Comparison", "is one of")
    line(page).get_by_label("Sales").check()
    page.get_by_role("button", name="Add alternative conditions").click()
    expect(line(page, 1, 2).get_by_label("Looks at")).to_be_focused()
    settle(page)
    choose(page, line(page, 1, 2), "Looks at", "Date of joining")
    expect(line(page, 1, 2).get_by_label("Comparison")).to_contain_text("is in the last … days")
    settle(page)
    choose(page, line(page, 1, 2), "Comparison", "is in the last … days")
    line(page, 1, 2).get_by_label("Days").fill("0")
    choose(page, line(page, 1, 2), "Comparison", "is before")
    line(page, 1, 2).get_by_label("Value").fill("2001-01-01")


class TestBuildingARule:
    @pytest.mark.usefixtures("tasks_at_once")
    def test_shows_the_effect_and_lets_people_in(self, builder, group):
        build(builder)
        builder.get_by_role("button", name="Preview", exact=True).click()
        expect(builder.get_by_text("Department is one of Sales")).to_be_visible()
        expect(builder.get_by_role("link", name="1 join the group")).to_be_visible()
        expect(builder.get_by_role("link", name="Robin Okafor")).to_be_visible()

        builder.get_by_label("Keep them enrolled").check()
        builder.get_by_role("button", name="Run the rule").click()

        expect(builder.get_by_text("The rule runs.")).to_be_visible()
        group.refresh_from_db()
        assert (group.rule.state, group.rule.on_leaving) == ("active", "keep")
        grouping.regroup_portal(portal_id=group.portal_id, now=timezone.now())
        assert list(group.members.values_list("membership__user__last_name", flat=True)) == ["Okafor"]

    def test_keeps_the_keyboard_where_it_was(self, builder):
        builder.get_by_role("button", name="Add a condition").click()
        expect(line(builder).get_by_label("Looks at")).to_be_focused()

        line(builder).get_by_label("Looks at").select_option(label="Department")

        expect(line(builder).get_by_label("Value")).to_be_visible()
        expect(line(builder).get_by_label("Comparison")).to_contain_text("is none of")

    def test_fits_a_phone(self, builder):
        builder.set_viewport_size(PHONE)
        build(builder)

        assert fits(builder)

    def test_is_for_everyone(self, builder, portal, group):
        build(builder)
        builder.get_by_role("button", name="Preview", exact=True).click()
        expect(builder.get_by_role("heading", name="What happens when you run it")).to_be_visible()
        pages = ["rule/", "rule/preview/", "rule/discard/", "delete/", "change/"]
        fields = [
            "/admin/portals/customfield/",
            f"/admin/portals/customfield/{CustomField.objects.first().pk}/change/",
        ]
        found = []
        for path in [*(f"/admin/portals/group/{group.pk}/{name}" for name in pages), *fields]:
            found += inspected(builder, portal.url(path))

        assert found == []
