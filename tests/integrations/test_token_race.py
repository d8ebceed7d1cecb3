"""Eight processes that renew one grant at once, some of them killed: a small version of the race of `make chaos`."""

import pytest
from django.db import connections

from integrations import oauth
from integrations.gusto.provider import Gusto, application
from integrations.http import AuthorizationLost
from integrations.models import Grant
from tests.chaos import refresh

pytestmark = pytest.mark.django_db(transaction=True)


class TestTokenRace:
    def test_leaves_a_living_chain_after_every_round(self, world, connect):
        connection = connect()
        world.set_fault("slow", probability=1.0, path="/oauth/token", seconds=refresh.CALL_SECONDS)

        race = refresh.race(connection, rounds=5, seed=3)

        assert (race.alive, race.rounds) == (5, 5)
        assert sum(race.kills.values()) > 5

    def test_notices_a_chain_that_broke(self, world, connect):
        connection = connect()
        stored = Grant.objects.get(connections=connection)
        refused = oauth.tokens(stored)[0]
        token, _left = oauth.access_token(connection, application(), refused=refused)
        Gusto().account(access_token=token)
        # What a worker would do that used the new pair before it was committed, and died.
        stored.save()

        race = refresh.race(connection, rounds=1, seed=3)

        assert race.alive == 0
        with pytest.raises(AuthorizationLost):
            oauth.access_token(connection, application(), refused=refused)
        connections.close_all()
