from django.db import migrations, models

# What a search compares. Without statistics of it PostgreSQL takes every search for one that finds next to nobody.
SEARCHED = ("first_name", "last_name", "email")


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0011_seats"),
        ("users", "0019_attempts"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="membership",
            name="membership_created",
        ),
        migrations.AddIndex(
            model_name="membership",
            index=models.Index(fields=["portal", "created_at", "id"], include=("status",), name="membership_listed"),
        ),
        *(
            migrations.RunSQL(
                f"CREATE STATISTICS users_user_upper_{column} ON (upper({column}::text)) FROM users_user",
                f"DROP STATISTICS users_user_upper_{column}",
            )
            for column in SEARCHED
        ),
    ]
