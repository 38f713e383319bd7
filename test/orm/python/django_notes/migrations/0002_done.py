from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notes", "0001_initial")]
    operations = [
        migrations.AddField("Note", "done", models.BooleanField(default=False)),
        migrations.AddIndex("Note", models.Index(fields=["done", "customer_id"], name="django_notes_done")),
    ]
