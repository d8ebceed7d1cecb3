from django.db import migrations

from portals import walls

CONNECTION = {"connection_id": "integrations_connection.portal_id"}
MEMBERSHIP = {"membership_id": "users_membership.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("hubspot", "0001_initial"), ("integrations", "0002_walls")]

    operations = [
        walls.wall("hubspot_workflowcall", {**CONNECTION, **MEMBERSHIP}),
        walls.wall("hubspot_recordalias", {**CONNECTION, **MEMBERSHIP}),
        walls.wall("hubspot_progresspush", {**CONNECTION, **MEMBERSHIP}),
        # Claiming a row changes no index, so it stays on its page if there is room.
        migrations.RunSQL(
            "ALTER TABLE hubspot_progresspush SET (fillfactor = 70)",
            "ALTER TABLE hubspot_progresspush RESET (fillfactor)",
        ),
    ]
