"""What the console says, in plain words; of a face's number it says what the detector's explanations say (DESIGN §7.9).

Pure functions: no template, no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from deepfake_guard.detector.explain.words import UNCOMMON, limit
from moderation.vocabulary import (
    REMARKS,
    DecisionValue,
    Effect,
    EventType,
    IllegalKind,
    ItemStatus,
    Outcome,
    Reason,
    ReportReason,
    Statement,
)

SMALLEST_FACE_PX = 64  # of the scored square (DESIGN §7.2)
MEDIA = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
    "image/heic": "HEIC",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "video/mp4": "MP4",
    "video/quicktime": "MOV",
    "video/webm": "WebM",
}

STATEMENTS: dict[str, str] = {
    Statement.LIKELY_SYNTHETIC: "likely synthetic",
    Statement.UNCERTAIN: "uncertain",
    Statement.NO_EVIDENCE: "no evidence",
}
DECISIONS: dict[str, str] = {
    DecisionValue.SYNTHETIC: "synthetic",
    DecisionValue.ALTERED: "altered",
    DecisionValue.GENUINE: "genuine",
    DecisionValue.CANNOT_TELL: "cannot tell",
}
EFFECTS: dict[str, str] = {
    Effect.NONE: "nothing",
    Effect.ALLOW: "allow it",
    Effect.LABEL: "label it",
    Effect.RESTRICT: "restrict it",
    Effect.REMOVE: "remove it",
}
OUTCOMES: dict[str, str] = {Outcome.ALLOW: "allow", Outcome.REVIEW: "review", Outcome.BLOCK: "block"}
STATUSES: dict[str, str] = {
    ItemStatus.QUEUED: "queued",
    ItemStatus.RUNNING: "scanning",
    ItemStatus.DONE: "scanned",
    ItemStatus.NOT_APPLICABLE: "not applicable",
    ItemStatus.QUARANTINED: "set aside",
    ItemStatus.FAILED: "failed",
}
EVENTS: dict[str, str] = {
    EventType.ITEM_SCREENED: "was told that the item is screened",
    EventType.ITEM_NOT_APPLICABLE: "was told that there is nothing to score",
    EventType.ITEM_FAILED: "was told that screening failed",
    EventType.ITEM_QUARANTINED: "was told that the item is set aside",
    EventType.CASE_OPENED: "was told that a person will look",
    EventType.CASE_LOCKED: "was asked to take it out of view, and to report it",
    EventType.DECISION_MADE: "was told of the decision",
    EventType.DECISION_REVERSED: "was told of the reversal",
    EventType.APPEAL_OPENED: "was told that the appeal is heard",
    EventType.APPEAL_DECIDED: "was told how the appeal ended",
    EventType.ENDPOINT_TEST: "was sent a test",
}
REASONS: dict[str, str] = {
    Reason.UNSUPPORTED_TYPE: "This kind of file is not accepted; save it as JPEG, PNG or WebP and upload that.",
    Reason.TOO_LARGE: "The file is too large. Save it smaller, or at a lower quality, and upload that.",
    Reason.TOO_MANY_PIXELS: "The picture has more pixels than the limit. Scale it down, or ask for the original post.",
    Reason.TOO_MANY_FRAMES: "The animation has more frames than the limit. Cut the part in question and upload that.",
    Reason.EMPTY: "The file is empty. Choose it again, or ask for the original.",
    Reason.MALFORMED: "The file is damaged. Save it again in an image program, or ask for the original.",
    Reason.MISSING_FILE: "No file came with the form. Choose one and send it again.",
    Reason.QUOTA_EXCEEDED: "The platform's items for today are used up. More are taken after midnight UTC.",
    Reason.STORAGE_FULL: "The platform's storage is full. Ask an admin to raise the ceiling or to shorten retention.",
    Reason.RATE_LIMITED: "Too many calls within a minute.",
    Reason.NO_FACE: "No face found, so there is nothing to score. Not a fault.",
    Reason.FACE_TOO_SMALL: "Not scored: the face is smaller than the detector needs.",
    Reason.FACE_TOO_BLURRY: "Not scored: the face is too blurred.",
    Reason.DECODE_ERROR: "The file ends early or cannot be read. Save it again, or ask for the original.",
    Reason.VIDEO_NOT_ENABLED: "Videos are taken in, but not screened yet.",
    Reason.FIRST_FRAME_ONLY: "Only the first frame of the animation was screened.",
    Reason.LOW_QUALITY_FACE_FINDER: "Found with the simpler face finder, so the crop is not quite the calibrated one.",
    Reason.ATTEMPTS_SPENT: "Screening failed three times, so the file was set aside for a person.",
    Reason.DECODER_KILLED: "Reading the file broke the decoder. It was kept away from other files.",
    Reason.STORAGE_LOST: "The stored file could not be found. The fault is ours.",
    Reason.NO_DETECTOR: "No detector was running for a day. The item is screened as soon as one runs.",
    Reason.URL_NOT_ALLOWED: "Its file was to be fetched from an address that must not be called.",
    Reason.URL_UNREACHABLE: "Its file could not be fetched: three times its address gave no whole answer.",
    Reason.URL_REFUSED: "Its file could not be fetched: its address answered with an error.",
    Reason.NOT_STORED: "Its file was fetched, and could not be stored three times. The fault is ours.",
    Reason.NO_FETCHER: "Its file was not fetched for a day: no worker did. The fault is ours.",
    Reason.AT_REVIEW_LINE: "Reaches the review line",
    Reason.AT_BLOCK_LINE: "Reaches the block line",
    Reason.AT_RESOLUTION: "As unusual as calibration can tell",
    Reason.BELOW_LINES: "Below every line",
    Reason.DECIDED: "Decided by a person",
    Reason.USER_REPORT: "Reported by users",
    Reason.GRAVE_REPORT: "Reported as grave",
    Reason.APPEALED: "The author appealed",
    Reason.OPINIONS_DIFFER: "Two people were of two minds",
    Reason.NOBODY_CAN_TELL: "Two people could not tell",
    Reason.FOUND_IN_SAMPLE: "Found in the random sample",
    Reason.SUSPECTED_ILLEGAL: "Suspected illegal content",
    Reason.ITEM_ERASED: "The item was erased meanwhile",
    Reason.SUPERSEDED: "A newer revision came meanwhile",
}
ACTIONS: dict[str, str] = {
    DecisionValue.SYNTHETIC: "Synthetic",
    DecisionValue.ALTERED: "Altered",
    DecisionValue.GENUINE: "Genuine",
    DecisionValue.CANNOT_TELL: "Cannot tell",
    "escalate": "Escalate",
    "skip": "Skip",
    "undo": "Undo",
    "next": "Take the next case",
    "blur": "Blur",
    "heat": "Heat map",
    "boxes": "Boxes",
    "view": "Next view of the picture",
    "zoom_in": "Larger",
    "zoom_out": "Smaller",
    "fit": "Fit, or 1:1",
    "down": "Next row or face",
    "up": "Previous row or face",
    "hold": "Hold the refresh (operations)",
    "search": "Search",
    "help": "Help",
}
SWITCHES = {
    "blur": "Blurred lists",
    "greyscale": "Pictures without colour",
    "small": "Small pictures",
    "mute": "No sound",
}
CURES: dict[str, str] = {  # what to do about something that was set aside
    Reason.ATTEMPTS_SPENT: "It failed three times. A person looks at it; if the cause is mended, try it again.",
    Reason.DECODER_KILLED: "Reading it broke the decoder each time. Ask the platform for another copy of the file.",
    Reason.STORAGE_LOST: "Its file is gone. Bring the storage back, or ask the platform to send it again.",
    Reason.NO_DETECTOR: "No detector ran for a day. Start a scan worker: it is screened then by itself.",
    Reason.NOT_STORED: "The storage took no file. Mend it (guard_doctor says how); the platform sends it again.",
    Reason.NO_FETCHER: "Nobody fetched its file for a day. Start a fetch worker; the platform sends it again.",
    Reason.DECODE_ERROR: "The file ends early. Ask the platform to send it again.",
    Reason.TOO_MANY_PIXELS: "It has more pixels than the limit. Ask for a smaller copy, or raise the limit.",
    Reason.TOO_MANY_FRAMES: "It has more frames than the limit. Ask the platform for a shorter cut.",
}
ILLEGAL_KINDS: dict[str, str] = {
    IllegalKind.CHILD_ABUSE: "child abuse",
    IllegalKind.INTIMATE_WITHOUT_CONSENT: "intimate picture without consent",
    IllegalKind.TERRORISM: "terrorism",
    IllegalKind.OTHER_CRIME: "another crime",
}
REPORT_REASONS: dict[str, str] = {
    ReportReason.MINOR: "it shows a child in a sexual way",
    ReportReason.INTIMATE: "it shows somebody naked without consent",
    ReportReason.IMPERSONATION: "it pretends to be somebody",
    ReportReason.FRAUD: "it is used to deceive for money",
    ReportReason.MISLEADING: "it misleads",
    ReportReason.OTHER: "something else",
}
WHY: dict[str, str] = {
    Reason.DECODE_ERROR: "The file cannot be read",
    Reason.TOO_MANY_PIXELS: "More pixels than the limit",
    Reason.TOO_MANY_FRAMES: "More frames than the limit",
    Reason.ATTEMPTS_SPENT: "Screening failed three times",
    Reason.DECODER_KILLED: "It broke the decoder",
    Reason.NO_FACE: "No face found",
    Reason.FACE_TOO_SMALL: "Face too small to score",
    Reason.FACE_TOO_BLURRY: "Face too blurred to score",
    Reason.VIDEO_NOT_ENABLED: "Video, not screened yet",
}


def fine_print(p: float, n: int, reached: int) -> str:
    """What stands under the words of one face: the limit of the detector, and whose judgement it is."""
    if reached == 0:
        return (
            f"None of {n:,} genuine calibration faces is as unusual, and {limit(n)}. "
            "Unusual is not yet synthetic: that is yours to decide."
        )
    if p <= UNCOMMON:
        return f"{limit(n)}. Unusual is not yet synthetic: that is yours to decide."
    return f"{reached:,} of {n:,} genuine calibration faces are at least as unusual. Usual is not yet genuine."


def why(reasons: Sequence[str]) -> str:
    """Why a case is in the queue; remarks on the result are left to the case page."""
    said = [WHY.get(reason) or REASONS.get(reason, reason) for reason in reasons if reason not in REMARKS]
    return ", ".join(said) if said else "–"


def span(length: timedelta) -> str:
    """3 h 48 min, 12 min, 2 d 4 h, < 1 min."""
    minutes = int(abs(length.total_seconds())) // 60
    if minutes < 1:
        return "< 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def share(part: float) -> str:
    """1 in 5, 1 in 20: of a share above 0."""
    return f"1 in {max(2, round(1 / part))}" if part <= 2 / 3 else "2 in 3" if part < 0.8 else "9 in 10"


def moments(length: timedelta) -> str:
    """12 s under two minutes, else as `span`."""
    seconds = int(abs(length.total_seconds()))
    return f"{seconds} s" if seconds < 120 else span(length)


def size(count: int) -> str:
    """412 kB, 3.1 MB; decimal units."""
    return f"{max(1, round(count / 1000))} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
MACHINES = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def browser(user_agent: str) -> str:
    """Firefox on Linux: what a browser says of itself, in two words; the first that fits, as each names others too."""
    program = next((word for mark, word in BROWSERS if mark in user_agent), "")
    machine = next((word for mark, word in MACHINES if mark in user_agent), "")
    return " on ".join(filter(None, (program, machine))) or "An unknown program"
