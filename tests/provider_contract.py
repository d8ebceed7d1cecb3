"""What every source of people has to fulfil; a provider's own test inherits it and supplies the fixtures.

Fixtures: `source` (the provider), `connection` (connected to a company of at least 30 people), `a_call_fails` (makes
the next call fail for good), `consent_is_gone` (ends the grant at the provider).
"""

from datetime import date

import pytest

from integrations.engine.records import EmploymentStatus
from integrations.http import AuthorizationLost, ProviderUnavailable
from integrations.models import Connection
from integrations.providers import get

KINDS = {"text", "email", "date", "boolean", "integer", "decimal", "choice"}
NEVER_OFFERED = {"date_of_birth", "ssn", "rate", "payment_unit", "payment_method"}


class PeopleSourceContract:
    """Inherit as TestContract."""

    def everyone(self, source, connection, wanted=()):
        return [person for page in source.pages(connection, wanted=wanted) for person in page.people()]

    def test_is_registered_under_its_key(self, source):
        assert type(get(source.key)) is type(source)

    def test_offers_attributes_that_an_admin_can_choose_from(self, source, connection):
        offered = source.attributes(connection)

        keys = [attribute.key for attribute in offered]
        assert len(keys) == len(set(keys))
        assert not NEVER_OFFERED.intersection(keys)
        for attribute in offered:
            assert attribute.label
            assert attribute.kind in KINDS
            assert bool(attribute.options) == (attribute.kind == "choice")

    def test_delivers_only_what_is_wanted(self, source, connection):
        assert all(not person.attributes for person in self.everyone(source, connection))

        for attribute in source.attributes(connection)[:3]:
            people = self.everyone(source, connection, [attribute.key])
            assert all(set(person.attributes) <= {attribute.key} for person in people)

    def test_lists_everyone_once(self, source, connection):
        people = self.everyone(source, connection)

        assert len(people) >= 30
        assert len({person.key for person in people}) == len(people)
        for person in people:
            assert 0 < len(person.key) <= 64
            assert person.is_readable
            assert isinstance(person.status, EmploymentStatus)
            assert person.hired_on is None or isinstance(person.hired_on, date)

    def test_announces_how_much_there_is(self, source, connection):
        pages = list(source.pages(connection, wanted=[]))

        assert [page.number for page in pages] == list(range(1, pages[0].total_pages + 1))
        (announced,) = {page.total_people for page in pages}
        assert announced in {None, sum(len(page.people()) for page in pages)}

    def test_tells_of_attributes_that_do_not_exist_or_leaves_them_out(self, source, connection):
        for page in source.pages(connection, wanted=["no_such_attribute"]):
            assert set(page.gone) <= {"no_such_attribute"}
            assert all("no_such_attribute" not in person.attributes for person in page.people())

    def test_names_people_by_the_keys_of_its_list(self, source, connection):
        some = self.everyone(source, connection)[:3]

        found = source.people(connection, [*(person.key for person in some), "nobody"], wanted=[])

        assert {person.key: person for person in found} == {person.key: person for person in some}

    def test_goes_on_at_any_page(self, source, connection):
        last = list(source.pages(connection, wanted=[]))[-1]

        (again,) = source.pages(connection, wanted=[], first_page=last.number)

        assert (again.number, again.fingerprint) == (last.number, last.fingerprint)
        assert again.people() == last.people()

    def test_gives_equal_pages_equal_fingerprints(self, source, connection):
        first = [page.fingerprint for page in source.pages(connection, wanted=[])]
        second = [page.fingerprint for page in source.pages(connection, wanted=[])]

        assert first == second
        assert all(len(mark) == 16 for mark in first)

    def test_calls_nobody_before_the_first_page_is_asked_for(self, source, connection, consent_is_gone):
        source.pages(connection, wanted=[])

    def test_says_that_it_is_down(self, source, connection, a_call_fails):
        with pytest.raises(ProviderUnavailable):
            self.everyone(source, connection)

    @pytest.mark.django_db(transaction=True)
    def test_says_that_the_consent_is_gone(self, source, connection, consent_is_gone):
        with pytest.raises(AuthorizationLost):
            self.everyone(source, connection)

        connection.refresh_from_db()
        assert connection.state == Connection.State.NEEDS_RECONNECTING

    def test_reads_nothing_without_a_consent(self, source, connection):
        connection.grant = None

        with pytest.raises(AuthorizationLost):
            self.everyone(source, connection)
