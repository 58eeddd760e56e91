from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("file", models.FileField(blank=True, upload_to="%Y/%m")),
                ("added_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ("-added_at", "-pk")},
        ),
    )
