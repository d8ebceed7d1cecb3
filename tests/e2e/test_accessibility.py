"""Everyone can use the pages: axe finds nothing serious on any page of the product, in light and in dark.

The pages come from the URL configuration, so that a new one is inspected from the day it is added.
"""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from config import demo_people
from integrations.models import ConsentRequest, ExternalIdentity, PlannedChange, SyncRun
from integrations.sync import leases
from integrations.sync import run as sync_run
from portals.models import Portal, SamlSettings, SignedLinkSettings
from tests.e2e import addresses
from tests.e2e.axe import NAVIGATION, inspected
from tests.e2e.conftest import ADMIN
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import MembershipFactory
from tests.users import codes
from users import bulk_jobs, invitations, progress_import, second_factors
from users.bulk_jobs import Purpose
from users.models import BulkJob, Enrollment, Invitation, Membership, User

HALFWAY = "owen.pruitt@harborpine.example"
FOR_MACHINES = {"health", "users:live", "users:ready"}
# Addresses without a page of their own: they take posts, hand over files, lead elsewhere or are parts of a page.
NO_PAGES = {
    "admin:app_list",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:login",
    "admin:logout",
    "admin:search",
    "admin:portals_group_rule_people",
    "admin:users_auditentry_download",
    "admin:users_bulkjob_apply",
    "admin:users_bulkjob_download",
    "admin:users_bulkjob_progress",
    "admin:users_bulkjob_rows",
    "admin:users_membership_import_template",
    "admin:users_pendinguser_mail_test",
    "admin:users_progress_apply",
    "admin:users_progress_csv",
    "admin:users_progress_template",
    "integrations:choice_values",
    "integrations:connect",
    "integrations:not_taken_over_csv",
    "integrations:preview",
    "integrations:problem_csv",
    "integrations:refresh_attributes",
    "integrations:remove_alias",
    "integrations:run_csv",
    "integrations:run_progress",
    "integrations:sync",
    "integrations:make_calendar_link",
    "integrations:revoke_calendar_link",
    "integrations_public:callback",
    "integrations_public:calendar",
    "gusto:webhooks",
    "portal_settings:copy",
    "portal_settings:download",
    "users:end_sign_in",
    "users:end_sign_ins",
    "users:portal_colors",
    "users:portal_logo",
    "users:saml",
    "users:saml_consumer",
    "users:saml_finish",
    "users:saml_metadata",
    "users:sign_out",
    "users:signed_link",
}


@pytest.fixture
def populated(portal):
    """The demo's main portal with its people; no sync has been there yet."""
    demo_people.populate(portal, now=timezone.now())


@pytest.fixture
def carried_out(synced):
    """Carry out a run of the portal's connection; return its id."""

    def carry_out(trigger):
        run = leases.claim(connection=synced, trigger=trigger, now=timezone.now())
        sync_run.carry_out(run_id=run.pk)
        return run.pk

    return carry_out


@pytest.fixture
def runs(portal, populated, carried_out, sandbox):
    """A sync that ended somebody's access, then one with held lines, then a preview of what it left."""
    sandbox.world.terminate("Wei Zhang", portal.today(timezone.now()) - timedelta(days=2))
    ended = carried_out(SyncRun.Trigger.COMMAND)
    sandbox.world.let_team_leave()
    held = carried_out(SyncRun.Trigger.COMMAND)
    return SimpleNamespace(ended=ended, held=held, preview=carried_out(SyncRun.Trigger.PREVIEW))


@pytest.fixture
def progress_file(portal, populated):
    """A file of progress with a row of each kind, which waits to be carried out."""
    enrollment = Enrollment.objects.filter(membership__portal=portal, status="not_started").earliest("pk")
    lines = ["Email,Course reference,Status"]
    lines += [
        f"{address},{enrollment.course.reference},completed"
        for address in (enrollment.membership.user.email, "nobody@example.com")
    ]
    now = timezone.now()
    job = bulk_jobs.start(
        portal=portal,
        kind=BulkJob.Kind.IMPORT_PROGRESS,
        requested_by=User.objects.get(email=ADMIN),
        now=now,
        options={"phase": "preview"},
        files={Purpose.UPLOAD: ["\n".join(lines).encode()]},
        total=2,
    )
    progress_import.carry_out(bulk_jobs.take(job.pk), now=now)
    return job


@pytest.fixture
def consent(portal):
    """An account that an admin has consented to and has yet to confirm."""
    return ConsentRequest.objects.create(
        portal=portal,
        provider="gusto",
        user=User.objects.get(email=ADMIN),
        created_at=timezone.now(),
        used_at=timezone.now(),
        sealed_token="sealed",
        external_account_id="another",
        external_account_name="Harbor & Pine of Canada",
    )


@pytest.fixture
def newcomer(portal):
    """Somebody of another portal who has yet to say what that portal has to know."""
    larkfield = PortalFactory(realm=portal.realm, name="Larkfield", slug="larkfield")
    CustomFieldFactory(portal=larkfield, label="Shirt size", is_required=True, learner_may_edit=True)
    return MembershipFactory(portal=larkfield, user__email="maya.lind@larkfield.example")


@pytest.fixture
def world(portal, populated, runs, progress_file, consent, newcomer):
    """The portal with syncs, a preview and a file behind it, and with single sign-on that is set up."""
    SamlSettings.objects.create(
        portal=portal, entity_id="https://id.example.com", sign_in_url="https://id.example.com/"
    )
    SignedLinkSettings.objects.create(portal=portal)
    second_factors.begin(User.objects.get(email=ADMIN))
    # Past the password, not past the code.
    codes.set_up(User.objects.get(email=HALFWAY))
    visitors = [
        (portal, None),
        (portal, "lucy.tran@harborpine.example"),
        (portal, HALFWAY),
        (newcomer.portal, newcomer.user.email),
        (portal, ADMIN),
        (Portal.objects.get(slug="juniper"), "theo.marsh@juniperworks.example"),
        (None, "operator@example.com"),
    ]
    return SimpleNamespace(
        portal=portal, visitors=visitors, runs=runs, values=known_values(portal, runs, progress_file)
    )


def known_values(portal, runs, progress_file):
    """Return what stands in addresses: by parameter, or by the name of an address that needs something else."""
    sent = Invitation.objects.select_related("membership__portal").filter(state="sent").order_by("expires_at")
    learner = Membership.objects.filter(portal=portal, role="learner", status="active").earliest("pk")
    return {
        "provider": ["gusto"],
        "cause": ["held"],
        "run_id": [runs.held],
        "integrations:apply_preview": [runs.preview],
        "integrations:undo": [runs.ended],
        "integrations:restore": [runs.ended],
        "admin:users_progress_page": [progress_file.pk],
        "membership_id": [PlannedChange.objects.filter(membership_id__isnull=False).latest("pk").membership_id],
        "portal_id": [portal.pk],
        "identity_id": list(ExternalIdentity.objects.values_list("pk", flat=True)),
        "name": ["invite"],
        "method": ["saml"],
        "enrollment_id": [learner.enrollments.earliest("pk").pk],
        "token": [invitations.token(sent.last())],
    }


def variants(world):
    """Return further looks of pages, by the address of the visitor who sees them."""
    expired = Invitation.objects.select_related("membership__portal").filter(state="sent").earliest("expires_at")
    run = reverse("integrations:run", args=["gusto", world.runs.held])
    return {
        None: [
            f"/invitation/{invitations.token(expired)}/",
            "/invitation/nonsense/",
            # Refused.
            f"{reverse('users:signed_link')}?email=nobody@example.com",
            reverse("users:saml_finish", args=["nonsense"]),
            "/nowhere/",
        ],
        ADMIN: [
            *(f"{run}?show={kind}" for kind in ("held", "skipped")),
            *(reverse("integrations:run", args=["gusto", run]) for run in (world.runs.ended, world.runs.preview)),
            "/admin/users/membership/?status=ended",
            "/admin/users/pendinguser/?q=nobody-at-all",
        ],
        "theo.marsh@juniperworks.example": [reverse("integrations:connection", args=["gusto"])],
    }


@pytest.fixture
def pages(world, portal_client):
    """What there is to inspect, visitor by visitor, and the names of addresses that showed no page to anybody."""
    routes = {
        name: parameters
        for name, parameters in addresses.named()
        # HubSpot's own pages are inspected in test_hubspot_pages.
        if name not in FOR_MACHINES and not name.startswith(("hubspot:", "hubspot_public:"))
    }
    more, missing, visits = variants(world), set(routes), []
    for portal, email in world.visitors:
        client = portal_client(portal, User.objects.get(email=email) if email else None)
        paths = {}
        for name in sorted(missing):
            candidates = addresses.filled(name, routes[name], world.values)
            # Only the portal's admin has pages that depend on how a row is.
            if path := addresses.opened(client, candidates, tries=addresses.MOST_TRIES if email == ADMIN else 2):
                paths[name] = path
        missing -= set(paths)
        visits.append((portal, client, [*more.get(email, ()), *paths.values()]))
    return SimpleNamespace(visits=visits, missing={name for name in missing if not addresses.is_standard(name)})


class TestEveryPage:
    # A second or so a page, and ten on a machine that does much else.
    @pytest.mark.timeout(3600)
    def test_can_be_used_by_everyone(self, pages, page, context):
        # Both ways: an address that shows a page after all is inspected, too.
        assert pages.missing == NO_PAGES

        found = []
        for portal, client, paths in pages.visits:
            base = portal.url("") if portal else f"http://{settings.PLATFORM_DOMAIN}"
            context.clear_cookies()
            cookies = client.cookies.items()
            context.add_cookies([{"name": key, "value": one.value, "url": base} for key, one in cookies])
            for number, path in enumerate(paths):
                found += inspected(page, base + path, left_out=[NAVIGATION] if number else [])

        assert found == []
