"""The detector on the command line. Scores are anomalies, not probabilities; people decide."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from deepfake_guard.detector import process
from deepfake_guard.detector.cli import (
    ablate,
    bench,
    calibrate,
    evaluate,
    explain,
    export,
    faces,
    fit,
    output,
    parser,
    passport,
    score,
    trial,
    tune,
)

COMMANDS = (score, explain, passport, fit, calibrate, trial, tune, evaluate, ablate, bench, export, faces)
EXAMPLES = f"""\
examples:
  {parser.PROGRAM} score holiday.jpg
  {parser.PROGRAM} explain holiday.jpg --out explained/
  {parser.PROGRAM} fit --reals ~/photos/genuine --out artifacts/mine
  {parser.PROGRAM} COMMAND --help      # more of them

{parser.EXIT_CODES.format(wrong=parser.WRONG)}"""


def make_parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        parser.PROGRAM,
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(parts)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    process.prepare()
    output.any_name()
    top = make_parser()
    options = top.parse_args(arguments)
    try:
        return int(options.run(options))
    except parser.WrongUsage as error:
        top.error(str(error))
    except BrokenPipeError:  # `| head` has seen enough; nothing may be flushed into the closed pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, RuntimeError, ArithmeticError, ImportError) as error:
        # ArtefactError, DataError, DeviceError …, and a package of an extra that is not installed
        output.complain(f"{type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
