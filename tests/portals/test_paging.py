"""Pages of long lists: what is on them, and what they cost."""

from datetime import date, timedelta

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.db.models import Count, F
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portals.paging import BoundedPaginator, InfinitePaginator, ListPaginator
from tests.factories.portals import GroupFactory, PortalFactory
from tests.factories.users import MembershipFactory
from users.models import GroupMembership, Membership

pytestmark = pytest.mark.django_db

PER_PAGE = 4
ORDERS = [
    ["pk"],
    ["-created_at", "-pk"],
    ["role", "-pk"],
    # A day that most have not.
    ["last_day", "pk"],
    ["-last_day", "-pk"],
    [F("last_day").desc(nulls_last=True), "pk"],
    ["user__last_name", "user__first_name", "pk"],
    [Lower("user__last_name").desc(), "-pk"],
    ["-group_count", "pk"],
]


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def people(portal):
    """Return a maker of people of whom many are alike in whatever a list is ordered by."""

    def made(number):
        groups = [GroupFactory(portal=portal) for _ in range(2)]
        now = timezone.now()
        for n in range(number):
            person = MembershipFactory(
                portal=portal,
                user__first_name="Robin",
                user__last_name=["Vale", "vale", "Okafor"][n % 3],
                role="manager" if n % 4 else "learner",
                created_at=now - timedelta(days=n % 2),
                last_day=date(2026, 5, 1 + n % 2) if n % 3 == 0 else None,
            )
            for group in groups[: n % 3]:
                GroupMembership.objects.create(group=group, membership=person, created_at=now)
        return Membership.objects.filter(portal=portal).annotate(group_count=Count("group_memberships"))

    return made


def all_pages(paginator):
    return [list(paginator.page(number)) for number in paginator.page_range]


def slices(rows):
    rows = list(rows)
    return [rows[first : first + PER_PAGE] for first in range(0, len(rows), PER_PAGE)] or [[]]


class TestListPaginator:
    @pytest.mark.parametrize("number", [0, 1, PER_PAGE, PER_PAGE + 1, 2 * PER_PAGE, 3 * PER_PAGE - 1, 19])
    def test_shows_the_rows_of_a_plain_slice(self, people, number):
        rows = people(number)

        for order in ORDERS:
            ordered = rows.order_by(*order)
            assert all_pages(ListPaginator(ordered, PER_PAGE)) == slices(ordered)

    def test_shows_every_row_once_where_a_filter_finds_it_several_times(self, people, portal):
        rows = people(11).filter(group_memberships__group__portal=portal).order_by("user__last_name", "-pk").distinct()

        assert all_pages(ListPaginator(rows, PER_PAGE)) == slices(rows)

    def test_keeps_what_is_read_with_the_rows(self, people, django_assert_num_queries):
        rows = people(9).select_related("user").order_by("pk")
        last = ListPaginator(rows, PER_PAGE).page(3)

        with django_assert_num_queries(1):
            assert [(row.user.first_name, row.group_count) for row in last] == [("Robin", 2)]

    def test_asks_two_questions_for_any_page(self, people):
        rows = people(19).order_by("-created_at", "-pk")

        for number in range(1, 6):
            with CaptureQueriesContext(connection) as queries:
                list(ListPaginator(rows, PER_PAGE).page(number))
            assert len(queries) == 2

    def test_passes_over_the_fewer_keys_and_over_nothing_else_of_the_rows(self, people):
        rows = people(19).select_related("user").order_by("-created_at", "-pk")
        offsets = []
        for number in range(1, 6):
            with CaptureQueriesContext(connection) as queries:
                list(ListPaginator(rows, PER_PAGE).page(number))
            keys = queries[-1]["sql"].partition(" IN (SELECT ")[2]
            assert "custom_data" not in keys
            offsets.append(int(keys.partition("OFFSET ")[2].partition(")")[0] or 0))

        assert offsets == [0, 4, 8, 3, 0]

    def test_knows_no_page_beyond_the_last(self, people):
        paginator = ListPaginator(people(5).order_by("pk"), PER_PAGE)

        with pytest.raises(EmptyPage):
            paginator.page(3)
        assert list(paginator.get_page("99")) == list(paginator.page(2))
        assert list(paginator.get_page("nonsense")) == list(paginator.page(1))


class TestBoundedPaginator:
    @pytest.mark.parametrize("number", [9, 10, 11, 19])
    def test_ends_in_order_where_counting_stops(self, people, monkeypatch, number):
        monkeypatch.setattr(BoundedPaginator, "most_rows", 10)
        rows = people(number).order_by("-created_at", "-pk")

        assert all_pages(BoundedPaginator(rows, PER_PAGE)) == slices(rows[:10])


class TestInfinitePaginator:
    def test_shows_the_rows_of_a_plain_slice_without_counting(self, people):
        rows = people(9).order_by("-created_at", "-pk")
        paginator = InfinitePaginator(rows, PER_PAGE)

        with CaptureQueriesContext(connection) as queries:
            pages = [paginator.page(number) for number in (1, 2, 3, 4)]
            shown = [list(page) for page in pages]

        assert shown == [*slices(rows), []]
        assert len(queries) == 4
        assert [page.has_next() for page in pages] == [True, True, True, False]
