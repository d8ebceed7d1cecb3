from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0010_record_types"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="disconnected_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="disconnected at"),
        ),
    ]
