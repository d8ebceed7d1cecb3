from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0010_walls")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="sign_in_count",
            field=models.PositiveIntegerField(
                db_default=0, default=0, editable=False, verbose_name="number of sign-ins"
            ),
        ),
    ]
