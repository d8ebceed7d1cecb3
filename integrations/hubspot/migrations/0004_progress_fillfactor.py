from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("hubspot", "0003_progress")]

    operations = [
        # Claiming a row changes no index, so it stays on its page if there is room.
        migrations.RunSQL(
            "ALTER TABLE hubspot_progresspush SET (fillfactor = 70)",
            "ALTER TABLE hubspot_progresspush RESET (fillfactor)",
        ),
    ]
