from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Note",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("customer_id", models.IntegerField(db_index=True)),
                ("body", models.TextField(default="")),
            ],
            options={"db_table": "django_notes"},
        )
    ]
