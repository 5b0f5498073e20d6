"""Which splits of the index an evaluation reads, and for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splits:
    """Which splits of the index are judged; anything else than the test splits is for development."""

    known: str = "test-real-id"
    unfamiliar: str = "test-real-ood"
    fakes: str = "test-fake"
    select: str = "select-real"
    calibrate: str = "calib-real"
    track: str = "hq"

    def names(self) -> list[str]:
        """Every split once, selection and calibration first."""
        return list(dict.fromkeys((self.select, self.calibrate, self.known, self.unfamiliar, self.fakes)))

    def why(self, reason: str) -> str:
        """A reason of opening, with the track where it is another than the usual one."""
        return reason if self.track == TESTS.track else f"{reason.strip()} ({self.track} track)"

    def opens_tests(self) -> bool:
        """Whether test pictures are among them."""
        return any(name.startswith("test-") for name in (self.known, self.unfamiliar, self.fakes))


TESTS = Splits()
