"""Pages of lists of any length: the way to a page far inside is paid for with keys, not with rows."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from unfold.paginator import InfinitePage


class ListPaginator(Paginator):  # type: ignore[type-arg]
    """Takes a queryset in a total order; passes over the keys of other pages, coming from the end that is nearer.

    What a row shows, joined or computed, is read for the rows of the page alone.
    """

    # The most rows that are counted and shown, None for all.
    most_rows: int | None = None
    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `most_rows`."""
        # A count of a slice stops reading at its end.
        return self.object_list.order_by()[: self.most_rows].count() if self.most_rows else self.object_list.count()

    def page(self, number: int | str) -> Page[Any]:
        """Return a page. Raises InvalidPage."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        last = min(first + self.per_page, self.count)
        if self._is_nearer_to_the_end(first):
            keys = self.object_list.reverse().values("pk")[self.count - last : self.count - first]
        else:
            keys = self.object_list.values("pk")[first:last]
        return self.made_of(self.object_list.filter(pk__in=keys), number)

    def made_of(self, rows: QuerySet[Any], number: int) -> Page[Any]:
        """Return a page with these rows."""
        return Page(rows, number, self)

    def _is_nearer_to_the_end(self, first: int) -> bool:
        # Where counting stopped, nobody knows how far the end is.
        return first > self.count // 2 and self.count != self.most_rows


class BoundedPaginator(ListPaginator):
    """Counts, and shows, no more rows than anybody leafs through; filters and search find the others."""

    most_rows = 10_000


class InfinitePaginator(ListPaginator):
    """Counts nothing, and leads from page to page; its name is what unfold's templates go by."""

    template_name = "unfold/helpers/pagination_infinite.html"
    # More than anybody has, so that every page is within it; the far end is unknown.
    count = most_rows = 9_999_999_999

    def made_of(self, rows: QuerySet[Any], number: int) -> Page[Any]:
        """Return a page that has no next one when it is empty."""
        page: Page[Any] = InfinitePage(rows, number, self)
        return page
