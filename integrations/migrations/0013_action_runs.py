from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0012_event_inbox")]

    operations = [
        migrations.AlterField(
            model_name="syncrun",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("schedule", "Daily sync"),
                    ("manual", "Started by an admin"),
                    ("command", "Started by an operator"),
                    ("retry", "Tried again"),
                    ("approval", "Approved changes"),
                    ("preview", "Preview"),
                    ("plan", "Applied a preview"),
                    ("undo", "Undid a sync"),
                    ("restore", "Gave access back"),
                    ("event", "Reported by the provider"),
                    ("action", "Asked for by workflows"),
                ],
                max_length=10,
                verbose_name="started",
            ),
        ),
        migrations.RemoveConstraint(model_name="syncrun", name="run_one_per_day"),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("local_day__isnull", False), models.Q(("trigger", "action"), _negated=True)),
                fields=("connection", "local_day"),
                name="run_one_per_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("local_day__isnull", False), ("trigger", "action")),
                fields=("connection", "local_day"),
                name="run_one_of_actions_per_day",
            ),
        ),
    ]
