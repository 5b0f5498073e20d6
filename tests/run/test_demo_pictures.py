from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from moderation import intake
from moderation.vocabulary import Reason

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "demo" / "pictures.py"
LIMITS = intake.Limits(max_bytes=50 * 1024 * 1024, max_pixels=64_000_000, max_frames=2_000)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, stdout=subprocess.DEVNULL)
    return {path.stem: path for path in folder.iterdir()}


def inspected(path: Path) -> intake.Inspected:
    with path.open("rb") as file:
        return intake.inspect(file, path.stat().st_size, LIMITS)


def test_the_oversized_one_alone_is_refused_and_by_its_header(pictures: dict[str, Path]) -> None:
    refused = {}
    for name, path in pictures.items():
        try:
            inspected(path)
        except intake.Refused as error:
            refused[name] = error.reason
    assert refused == {"oversized": Reason.TOO_MANY_PIXELS}
    assert len(pictures) == 11


def test_the_animation_has_frames_and_the_broken_file_breaks_only_on_decoding(pictures: dict[str, Path]) -> None:
    assert inspected(pictures["animation"]).frames == 8
    with Image.open(pictures["broken"]) as broken, pytest.raises(OSError, match="truncated"):
        broken.load()


def test_the_script_says_what_it_altered_and_never_more(pictures: dict[str, Path]) -> None:
    assert sorted(name for name in pictures if name.startswith("altered-")) == [
        "altered-blended",
        "altered-mosaic",
        "altered-resynthesised",
    ]
    assert "deepfake" not in SCRIPT.read_text().lower()
    assert "altered by the demo script" in SCRIPT.read_text().replace("\n", " ")


@pytest.mark.parametrize("name", ["altered-blended", "altered-mosaic", "altered-resynthesised"])
def test_only_the_face_is_altered(pictures: dict[str, Path], name: str) -> None:
    with Image.open(pictures["genuine"]) as genuine, Image.open(pictures[name]) as altered:
        left, right = genuine.convert("RGB"), altered.convert("RGB")
    below = (0, 250, 512, 512)
    difference = [abs(a - b) for a, b in zip(left.crop(below).tobytes(), right.crop(below).tobytes(), strict=True)]
    assert sum(difference) / len(difference) < 4  # two JPEG qualities, nothing more
