"""The worker's part with the real decoder and no detector: it needs none for these views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from django.core.files.storage import storages
from PIL import Image

from deepfake_guard.detector import closeup, media
from deepfake_guard.detector.decoder import Decoder
from deepfake_guard.detector.records import Derived
from moderation.models import Derivative, ReviewCase
from moderation.vocabulary import DerivativeKind
from tests.factories import make_case, portrait
from workers import closeups, detector_host

pytestmark = pytest.mark.django_db


class DecoderOnly:
    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def look_closely(self, path: Path) -> list[Derived]:
        return list(closeup.views(media.read(path, self.decoder).rgb))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with Decoder() as decoder:
        only = cast(detector_host.Host, DecoderOnly(decoder))
        monkeypatch.setattr(detector_host, "_host", only)
        yield


@pytest.mark.usefixtures("host")
def test_it_stores_the_pixels_as_they_were_uploaded() -> None:
    content = portrait("PNG")
    case = make_case(content=content)
    closeups.make_views(case.number)
    inspect = Derivative.objects.get(kind=DerivativeKind.INSPECT)
    with (
        storages["media"].open(inspect.storage_name) as stored,
        storages["media"].open(
            case.item.asset.storage_name  # type: ignore[union-attr]
        ) as original,
    ):
        assert np.array_equal(np.asarray(Image.open(stored)), np.asarray(Image.open(original)))
    assert Derivative.objects.filter(face_index=None).count() == 6  # with thumbnail and view


@pytest.mark.usefixtures("host")
def test_a_file_that_cannot_be_read_is_not_tried_again() -> None:
    case = make_case(content=portrait("JPEG"))
    asset = case.item.asset
    assert asset is not None
    Path(storages["media"].path(asset.storage_name)).write_bytes(b"\xff\xd8 not a picture")
    closeups.make_views(case.number)
    assert ReviewCase.objects.get().views_due_at is None
    assert not Derivative.objects.filter(kind=DerivativeKind.INSPECT).exists()
