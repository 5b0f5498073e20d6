"""`faces install`: the face finder's file."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepfake_guard.detector import faces
from deepfake_guard.detector.cli import output, parser

EXAMPLES = [
    "faces install --download",
    "faces install face_detection_yunet_2023mar.onnx",
]


def add(parts: parser.Parts) -> None:
    """The options of `faces`."""
    wrong = "it could not be fetched, or it is not the file whose SHA-256 is pinned"
    made = parser.command(parts, "faces", "the face finder", run, EXAMPLES, wrong)
    inner = made.add_subparsers(required=True, metavar="COMMAND")
    what = "install YuNet's file after checking its SHA-256"
    install = parser.command(inner, "install", what, run, EXAMPLES, wrong)
    source = install.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path)
    source.add_argument("--download", action="store_true", help=f"{faces.YUNET_BYTES // 1000} kB from GitHub")
    install.add_argument("--faces", type=Path, metavar="DIR", help="install there")
    parser.takes_json(install)


def run(options: argparse.Namespace) -> int:
    """Install it."""
    where = faces.install(options.file, options.faces)
    if options.json:
        output.document({"installed": str(where), "sha256": faces.YUNET_SHA256})
    else:
        output.line(f"installed {where}")
    return 0
