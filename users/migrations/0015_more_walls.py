from django.db import migrations

from portals import walls

MEMBERSHIP = {"membership_id": "users_membership.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("portals", "0009_sso_walls"), ("users", "0014_single_sign_on")]

    operations = [
        walls.anchor("users_bulkjob", "portal_id"),
        walls.wall("users_importrow", {"job_id": "users_bulkjob.portal_id", **MEMBERSHIP}),
        walls.wall("users_signonidentity", {"portal_id": "", **MEMBERSHIP}),
        walls.wall("users_signinattempt", {"portal_id": "", **MEMBERSHIP}),
    ]
