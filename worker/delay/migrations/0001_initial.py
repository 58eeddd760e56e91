"""The table of delayed messages."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Creates the table."""

    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            name="DelayedMessage",
            fields=[
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("alias", models.CharField(default="default", max_length=100)),
                ("channel_name", models.CharField(max_length=99)),
                ("content", models.BinaryField()),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("due_us", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["alias", "due_us"], name="zmqlayer_delay_due")]},
        ),
    ]
