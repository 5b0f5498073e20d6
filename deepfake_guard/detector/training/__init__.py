"""Offline: fit a detector on genuine faces, calibrate it, evaluate it. Needs the extra `train`."""
