"""A portal's admin walks through everything that the admin offers, and finds nothing of another portal.

Both portals are of one realm, which is the harder case. Every registered admin class is walked, also future ones.
"""

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse

from portals.models import Course, Group
from portals.scoping import GlobalAdmin, PortalScopedAdmin
from tests.admin_pages import form_data, page
from tests.factories.portals import RealmFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from tests.furnished import furnished_portal, rows_by_model

pytestmark = pytest.mark.django_db

# Nothing of the stranger's own pages contains it.
MARKER = "SECRET"
REFUSED = {400, 403, 404}
REGISTERED = [pytest.param(model, id=model._meta.label) for model in admin.site._registry]
APPS = ("portals", "users", "integrations")


@pytest.fixture
def realm():
    return RealmFactory()


@pytest.fixture
def victim(realm):
    return furnished_portal(MARKER, realm=realm)


@pytest.fixture
def own(realm, victim):
    return furnished_portal("Ours", realm=realm)


@pytest.fixture
def stranger(portal_client, own):
    """An admin of the portal next door."""
    return portal_client(own.portal, own.admin.user)


@pytest.fixture
def untouched(victim):
    """Fails the test when a row of the victim's is not as it was."""
    before = everything_of(victim)
    yield
    assert everything_of(victim) == before


def everything_of(world):
    rows = [row for row in vars(world).values() if isinstance(row, models.Model)]
    rows += [world.portal.realm, world.member.user, world.admin.user, world.waiting.user]
    stored = {(type(row), row.pk): type(row)._base_manager.filter(pk=row.pk).values().first() for row in rows}
    counts = {
        "members": list(world.group.members.values_list("pk", flat=True)),
        "courses": list(world.group.group_courses.values_list("pk", flat=True)),
        "choices": list(world.field.choices.values("pk", "value")),
        "conditions": list(world.rule.conditions.values("pk", "operands")),
        "mails": list(world.waiting.invitations.values("pk", "state", "nonce")),
        "people": world.portal.memberships.count(),
    }
    return stored, counts


def assert_silent(response):
    assert MARKER not in response.content.decode()
    assert MARKER not in str(response.headers)
    assert response.status_code < 500


def actions_of(model_admin):
    return [name for name in (model_admin.actions or ()) if isinstance(name, str)]


def detail_actions_of(model_admin):
    pages = (model_admin.actions_list, model_admin.actions_row, model_admin.actions_detail)
    return [name for names in pages for name in model_admin._extract_action_names(names)]


def relations_of(model):
    return [field for field in model._meta.get_fields() if isinstance(field, models.ForeignKey)]


def rows_of_model(world, model):
    found = [row for row in vars(world).values() if isinstance(row, model)]
    return found or [row for row in (world.portal.realm, world.admin.user) if isinstance(row, model)]


class TestLists:
    @pytest.mark.parametrize("model", REGISTERED)
    def test_show_only_the_own_portal(self, stranger, own, model):
        is_scoped = isinstance(admin.site._registry[model], PortalScopedAdmin)

        response = stranger.get(page(model, "changelist"))

        assert_silent(response)
        assert response.status_code in ({200, 302} if is_scoped else {403})

    @pytest.mark.parametrize("model", REGISTERED)
    def test_are_silent_whatever_is_asked(self, stranger, own, model):
        for query in ("q=SECRE", "_popup=1", "_to_field=id&_popup=1", "all=", "o=1.2", "p=2", "e=1"):
            assert_silent(stranger.get(f"{page(model, 'changelist')}?{query}"))

    @pytest.mark.parametrize("model", REGISTERED)
    def test_are_silent_when_filtered_by_foreign_rows(self, stranger, own, victim, model):
        ids = {f"{field.name}__id__exact": rows_of_model(victim, field.related_model) for field in relations_of(model)}
        ids |= {"group": [victim.group], f"custom_{victim.field.pk}": [victim.field], "rule": [victim.rule]}
        for name, rows in ids.items():
            for row in rows:
                response = stranger.get(page(model, "changelist"), {name: row.pk})
                # What was asked may be repeated, as a number; nothing else comes back.
                assert_silent(response)

    @pytest.mark.parametrize("model", REGISTERED)
    def test_refuse_texts_that_cannot_be_stored(self, stranger, own, model):
        for name in ("q", "p", "o", "status", "status__exact", "role__exact", "source", "group", "created_at_from"):
            assert stranger.get(page(model, "changelist"), {name: "\0"}).status_code in {200, 302, 400, 403}

    @pytest.mark.parametrize("model", REGISTERED)
    def test_refuse_lookups_that_no_filter_offers(self, stranger, own, model):
        model_admin = admin.site._registry[model]
        if isinstance(model_admin, GlobalAdmin):
            return
        paths = [
            f"{model_admin.portal_path}__name__startswith",
            f"{model_admin.portal_path}__realm__name__startswith",
            f"{model_admin.portal_path}__memberships__user__email__startswith",
            f"{model_admin.portal_path}__memberships__user__password__startswith",
            f"{model_admin.portal_path}__connections__grant__access_token__startswith",
            "pk__gt",
            "id__in",
        ]
        for path in paths:
            response = stranger.get(page(model, "changelist"), {path: "SECRE"})
            # The list of portals leads to the own settings before anything is looked up.
            assert response.status_code == (302 if model_admin.portal_path == "pk" else 400)
            assert_silent(response)


class TestPagesOfForeignRows:
    @pytest.mark.parametrize("name", ["change", "delete", "history"])
    def test_are_not_there(self, stranger, victim, own, untouched, name):
        for model, row in rows_by_model(victim).items():
            for response in (
                stranger.get(page(model, name, row.pk)),
                stranger.get(page(model, name, row.pk) + "?_popup=1&_to_field=id"),
                stranger.post(page(model, name, row.pk), {"post": "yes", "title": "x", "_save": "1"}),
            ):
                assert_silent(response)
                assert response.status_code in {403, 404}

    def test_look_like_rows_that_do_not_exist(self, stranger, victim):
        for model, row in rows_by_model(victim).items():
            absent = stranger.get(page(model, "change", 999_999_999))

            assert stranger.get(page(model, "change", row.pk)).status_code == absent.status_code

    def test_have_no_actions(self, stranger, victim, untouched):
        for model, row in rows_by_model(victim).items():
            model_admin = admin.site._registry[model]
            for action in detail_actions_of(model_admin):
                url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=[row.pk])
                # What only operators have is closed to a stranger as a whole, whichever row it is about.
                closed = 403 if isinstance(model_admin, GlobalAdmin) else 404
                for response in (stranger.get(url), stranger.post(url, {"confirmed": "1"})):
                    assert_silent(response)
                    assert response.status_code == closed

    def test_are_no_targets_of_actions_on_lists(self, stranger, victim, own, untouched):
        for model, row in rows_by_model(victim).items():
            for action in [*actions_of(admin.site._registry[model]), "delete_selected"]:
                data = {
                    "action": action,
                    "_selected_action": [row.pk],
                    "select_across": "0",
                    "index": "0",
                    "confirmed": "1",
                    "post": "yes",
                    "group": victim.group.pk,
                }
                assert_silent(stranger.post(page(model, "changelist"), data, follow=True))

    def test_are_no_targets_of_select_across(self, stranger, victim, own, untouched):
        for model in rows_by_model(victim):
            for action in actions_of(admin.site._registry[model]):
                data = {"action": action, "_selected_action": ["1"], "select_across": "1", "confirmed": "1"}
                assert_silent(stranger.post(page(model, "changelist"), data, follow=True))


class TestForms:
    def test_offer_only_own_rows(self, stranger, own, victim):
        for model, row in rows_by_model(own).items():
            assert_silent(stranger.get(page(model, "change", row.pk)))
        for model in admin.site._registry:
            assert_silent(stranger.get(page(model, "add")))
            assert_silent(stranger.get(page(model, "add") + f"?group={victim.group.pk}&portal={victim.portal.pk}"))

    def test_refuse_relations_to_foreign_rows(self, stranger, own, victim, untouched):
        tried = set()
        for model, row in rows_by_model(own).items():
            shown = stranger.get(page(model, "change", row.pk))
            if shown.status_code != 200 or not admin.site._registry[model].has_change_permission(shown.wsgi_request):
                continue
            data, relations = form_data(shown)
            for name, related in relations.items():
                for foreign in rows_of_model(victim, related):
                    response = stranger.post(page(model, "change", row.pk), {**data, name: foreign.pk})
                    assert_silent(response)
                    # Lines that are only shown are not read back, so their hidden ids may be anything.
                    assert response.status_code == 200 or name.endswith("-id")
                    tried.add((model._meta.label, name))
        assert ("portals.Group", "group_courses-0-course") in tried

    def test_refuse_new_rows_below_foreign_ones(self, stranger, own, victim, untouched):
        for model in admin.site._registry:
            shown = stranger.get(page(model, "add"))
            if shown.status_code != 200:
                continue
            data, relations = form_data(shown)
            for related_name, related in relations.items():
                foreign = {related_name: rows_of_model(victim, related)[0].pk}
                response = stranger.post(page(model, "add"), {**data, "state": "active", **foreign})
                assert response.status_code == 200
                assert_silent(response)

    def test_refuse_conditions_about_foreign_fields(self, stranger, own, victim):
        line = {"row-0-block": 1, "row-0-looks_at": victim.field.key, "row-0-operator": "is_empty"}
        posted = {"rows": 1, "do": "preview", "base_group": victim.group.pk, **line}

        response = stranger.post(reverse("admin:portals_group_rule", args=[own.group.pk]), posted)

        assert response.status_code == 422
        assert_silent(response)
        own.rule.refresh_from_db()
        assert own.rule.draft is None
        assert own.rule.conditions.get().custom_field == own.field

    def test_ignore_posted_portals_and_ids(self, stranger, own, victim, untouched):
        data, _relations = form_data(stranger.get(page(Group, "add")))
        posted = {"portal": victim.portal.pk, "id": victim.group.pk, "pk": victim.group.pk, "title": "Newcomers"}

        stranger.post(page(Group, "add"), {**data, **posted})

        assert Group.objects.get(title="Newcomers").portal == own.portal

    def test_have_no_field_for_the_portal_or_the_id(self, stranger, own):
        for model, row in rows_by_model(own).items():
            response = stranger.get(page(model, "change", row.pk))
            if response.status_code == 200:
                assert not {"portal", "id", "pk"} & response.context["adminform"].form.fields.keys()

    def test_refuse_relations_between_portals_to_operators_too(self, portal_client, own, victim, untouched):
        operator = portal_client(None, OperatorFactory())
        url = page(Group, "change", own.group.pk)
        data, _relations = form_data(operator.get(url))

        response = operator.post(url, {**data, "group_courses-0-course": victim.course.pk})

        assert response.status_code == 200
        assert own.group.group_courses.get().course == own.course


class TestOtherPages:
    def test_complete_only_own_names(self, stranger, own):
        for model in admin.site._registry:
            for field in relations_of(model):
                asked = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
                for term in ("", MARKER):
                    query = {**asked, "field_name": field.name, "term": term}
                    assert_silent(stranger.get(reverse("admin:autocomplete"), query))

    def test_complete_the_names_of_the_own_portal(self, stranger, own):
        query = {"app_label": "users", "model_name": "groupmembership", "field_name": "membership", "term": "Ours"}

        answer = stranger.get(reverse("admin:autocomplete"), query).json()

        assert str(own.member.pk) in {result["id"] for result in answer["results"]}

    def test_tell_nothing_on_the_home_page_and_the_indexes(self, stranger, own):
        assert_silent(stranger.get(reverse("admin:index")))
        for app in APPS:
            assert_silent(stranger.get(reverse("admin:app_list", args=[app])))

    def test_have_no_search_across_portals(self, stranger, own):
        response = stranger.get(reverse("admin:search"), {"s": MARKER, "extended": "1"})

        assert response.status_code == 404

    def test_have_no_shortcuts_to_rows(self, stranger, victim):
        for row in rows_by_model(victim).values():
            kind = ContentType.objects.get_for_model(row).pk
            response = stranger.get(f"/admin/r/{kind}/{row.pk}/")

            assert response.status_code == 404
            assert_silent(response)


class TestVisitors:
    @pytest.fixture
    def pages(self, victim):
        lists = [page(model, "changelist") for model in admin.site._registry]
        rows = [page(model, "change", row.pk) for model, row in rows_by_model(victim).items()]
        return [reverse("admin:index"), *lists, *rows, reverse("admin:autocomplete")]

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_who_are_no_admins_are_refused(self, portal_client, victim, pages, role):
        member = MembershipFactory(portal=victim.portal, role=role)
        client = portal_client(victim.portal, member.user)

        for url in pages:
            response = client.get(url, follow=True)
            assert response.status_code == 403
            assert_silent(response)

    @pytest.mark.parametrize("status", ["pending", "ended"])
    def test_whose_access_is_over_are_sent_away(self, portal_client, victim, pages, status):
        former = AdminFactory(portal=victim.portal, status=status)
        client = portal_client(victim.portal, former.user)

        for url in pages:
            assert client.get(url).status_code == 302

    def test_from_another_portal_are_sent_away(self, portal_client, own, victim, pages):
        client = portal_client(victim.portal, own.admin.user)

        for url in pages:
            assert client.get(url).status_code == 302

    def test_without_an_account_are_sent_to_the_sign_in_page(self, portal_client, victim, pages):
        client = portal_client(victim.portal)

        for url in pages:
            response = client.get(url, follow=True)
            assert response.redirect_chain[-1][0].startswith(reverse("users:sign_in"))

    def test_who_administer_a_portal_do_not_get_into_the_platform(self, portal_client, victim, pages):
        client = portal_client(None, victim.admin.user)

        for url in pages:
            assert client.get(url).status_code == 302

    def test_see_their_own_portal_as_its_admins(self, portal_client, victim):
        client = portal_client(victim.portal, victim.admin.user)

        for model in (Group, Course, type(victim.member), type(victim.waiting)):
            assert MARKER in client.get(page(model, "changelist")).content.decode()

    def test_see_every_portal_as_operators_at_the_platform(self, portal_client, own, victim):
        client = portal_client(None, OperatorFactory())

        for model in (Group, Course, type(victim.member), type(victim.waiting), type(victim.portal)):
            shown = client.get(page(model, "changelist")).content.decode()
            assert MARKER in shown
            assert "Ours" in shown

    def test_see_one_portal_as_operators_at_its_address(self, portal_client, own):
        client = portal_client(own.portal, OperatorFactory())

        for model in admin.site._registry:
            assert_silent(client.get(page(model, "changelist")))
