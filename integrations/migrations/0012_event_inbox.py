import django.db.models.deletion
from django.db import migrations, models

from portals import walls

# What waits already belongs to the one connection of its account.
_FIND_CONNECTION = """
UPDATE integrations_webhookevent AS e SET connection_id = c.id
FROM integrations_connection AS c
WHERE e.state = 'waiting' AND c.provider = e.provider AND c.external_account_id = e.account_id
    AND c.state <> 'disconnected'
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0011_disconnected_at")]

    operations = [
        migrations.RemoveConstraint(model_name="webhookevent", name="webhook_event_once"),
        migrations.RemoveIndex(model_name="webhookevent", name="webhook_event_waiting"),
        migrations.AddField(
            model_name="webhookevent",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="integrations.connection",
                verbose_name="connection",
            ),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="details",
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.RunSQL(_FIND_CONNECTION, migrations.RunSQL.noop),
        # The deferred check of the new relation would keep the table from being changed further.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["connection", "person_id"],
                name="webhook_event_to_take_up",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(fields=["provider", "account_id", "person_id"], name="webhook_event_person"),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.UniqueConstraint(
                fields=("provider", "event_id", "connection"), name="webhook_event_once", nulls_distinct=False
            ),
        ),
        walls.wall(
            "integrations_webhookevent",
            {"connection_id": "", "run_id": "integrations_syncrun.connection_id"},
        ),
    ]
