"""The commands of `python -m deepfake_guard.detector`: a module each, with `add` (options) and `run` (exit status).

Nothing here imports torch before a command needs it: `--help` and `info` stay quick.
"""
