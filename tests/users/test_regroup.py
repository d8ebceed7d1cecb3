"""The command that evaluates the rules of a portal."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portals import definitions
from tests.factories.portals import GroupFactory
from tests.factories.users import MembershipFactory

pytestmark = pytest.mark.django_db


def regroup(**options):
    out = StringIO()
    call_command("regroup", stdout=out, **options)
    return out.getvalue()


class TestRegroup:
    @pytest.fixture
    def portal(self):
        """A portal with one person whom a rule wants."""
        everyone = GroupFactory()
        definitions.save_rule(group=everyone, blocks=[])
        MembershipFactory(portal=everyone.portal)
        return everyone.portal

    def test_tells_what_changed(self, portal):
        assert "Joined groups: 1\n" in regroup(portal=portal.slug)
        assert "Joined groups: 0\n" in regroup(portal=portal.slug)

    def test_tells_it_to_programs(self, portal):
        told = json.loads(regroup(portal=portal.slug, json=True))

        assert told == {"joined": 1, "left": 0, "enrolled": 0, "unenrolled": 0}

    def test_refuses_an_unknown_portal(self):
        with pytest.raises(CommandError) as refusal:
            regroup(portal="nowhere")

        assert refusal.value.returncode == 2
