from __future__ import annotations

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_it_has_a_migration_for_every_model_change() -> None:
    assert call_command("makemigrations", check=True, dry_run=True, verbosity=0) is None
