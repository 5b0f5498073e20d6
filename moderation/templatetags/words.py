"""What the console says, in plain words; of a face's number it says what explanations say (design.md §7.9).

Pure functions: no template, no database. The tables hold English and are marked for makemessages; `said` translates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from deepfake_guard.detector.explain.words import UNCOMMON
from moderation.vocabulary import (
    REMARKS,
    AppealOutcome,
    DecisionState,
    DecisionValue,
    Effect,
    EventType,
    IllegalKind,
    ItemStatus,
    Outcome,
    Reason,
    ReportReason,
    Role,
    Statement,
)

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
    Statement.LIKELY_SYNTHETIC: _("likely synthetic"),
    Statement.UNCERTAIN: _("uncertain"),
    Statement.NO_EVIDENCE: _("no evidence"),
}
DECISIONS: dict[str, str] = {
    DecisionValue.SYNTHETIC: _("synthetic"),
    DecisionValue.ALTERED: _("altered"),
    DecisionValue.GENUINE: _("genuine"),
    DecisionValue.CANNOT_TELL: _("cannot tell"),
}
EFFECTS: dict[str, str] = {
    Effect.NONE: _("nothing"),
    Effect.ALLOW: _("allow it"),
    Effect.LABEL: _("label it"),
    Effect.RESTRICT: _("restrict it"),
    Effect.REMOVE: _("remove it"),
}
OUTCOMES: dict[str, str] = {Outcome.ALLOW: _("allow"), Outcome.REVIEW: _("review"), Outcome.BLOCK: _("block")}
STATUSES: dict[str, str] = {
    ItemStatus.QUEUED: _("queued"),
    ItemStatus.RUNNING: _("scanning"),
    ItemStatus.DONE: _("scanned"),
    ItemStatus.NOT_APPLICABLE: _("not applicable"),
    ItemStatus.QUARANTINED: _("set aside"),
    ItemStatus.FAILED: _("failed"),
}
EVENTS: dict[str, str] = {
    EventType.ITEM_SCREENED: _("was told that the item is screened"),
    EventType.ITEM_NOT_APPLICABLE: _("was told that there is nothing to score"),
    EventType.ITEM_FAILED: _("was told that screening failed"),
    EventType.ITEM_QUARANTINED: _("was told that the item is set aside"),
    EventType.CASE_OPENED: _("was told that a person will look"),
    EventType.CASE_LOCKED: _("was asked to take it out of view, and to report it"),
    EventType.DECISION_MADE: _("was told of the decision"),
    EventType.DECISION_REVERSED: _("was told of the reversal"),
    EventType.APPEAL_OPENED: _("was told that the appeal is heard"),
    EventType.APPEAL_DECIDED: _("was told how the appeal ended"),
    EventType.ENDPOINT_TEST: _("was sent a test"),
}
REASONS: dict[str, str] = {
    Reason.UNSUPPORTED_TYPE: _("This kind of file is not accepted; save it as JPEG, PNG or WebP and upload that."),
    Reason.TOO_LARGE: _("The file is too large. Save it smaller, or at a lower quality, and upload that."),
    Reason.TOO_MANY_PIXELS: _(
        "The picture has more pixels than the limit. Scale it down, or ask for the original post."
    ),
    Reason.TOO_MANY_FRAMES: _(
        "The animation has more frames than the limit. Cut the part in question and upload that."
    ),
    Reason.EMPTY: _("The file is empty. Choose it again, or ask for the original."),
    Reason.MALFORMED: _("The file is damaged. Save it again in an image program, or ask for the original."),
    Reason.MISSING_FILE: _("No file came with the form. Choose one and send it again."),
    Reason.QUOTA_EXCEEDED: _("The platform's items for today are used up. More are taken after midnight UTC."),
    Reason.STORAGE_FULL: _(
        "The platform's storage is full. Ask an admin to raise the ceiling or to shorten retention."
    ),
    Reason.RATE_LIMITED: _("Too many calls within a minute."),
    Reason.NO_FACE: _("No face found, so there is nothing to score. Not a fault."),
    Reason.FACE_TOO_SMALL: _("Not scored: the face is smaller than the detector needs."),
    Reason.FACE_TOO_BLURRY: _("Not scored: the face is too blurred."),
    Reason.TOO_MANY_FACES: _("Only the largest faces were scored: there are more than one picture may have."),
    Reason.DECODE_ERROR: _("The file ends early or cannot be read. Save it again, or ask for the original."),
    Reason.VIDEO_NOT_ENABLED: _("Videos are taken in, but not screened yet."),
    Reason.FIRST_FRAME_ONLY: _("Only the first frame of the animation was screened."),
    Reason.LOW_QUALITY_FACE_FINDER: _(
        "Found with the simpler face finder, so the crop is not quite the calibrated one."
    ),
    Reason.ATTEMPTS_SPENT: _("Screening failed three times, so the file was set aside for a person."),
    Reason.DECODER_KILLED: _("Reading the file broke the decoder. It was kept away from other files."),
    Reason.STORAGE_LOST: _("The stored file could not be found. The fault is ours."),
    Reason.NO_DETECTOR: _("No detector was running for a day. The item is screened as soon as one runs."),
    Reason.URL_NOT_ALLOWED: _("Its file was to be fetched from an address that must not be called."),
    Reason.URL_UNREACHABLE: _("Its file could not be fetched: three times its address gave no whole answer."),
    Reason.URL_REFUSED: _("Its file could not be fetched: its address answered with an error."),
    Reason.NOT_STORED: _("Its file was fetched, and could not be stored three times. The fault is ours."),
    Reason.NO_FETCHER: _("Its file was not fetched for a day: no worker did. The fault is ours."),
    Reason.AT_REVIEW_LINE: _("Reaches the review line"),
    Reason.AT_BLOCK_LINE: _("Reaches the block line"),
    Reason.AT_RESOLUTION: _("As unusual as calibration can tell"),
    Reason.BELOW_LINES: _("Below every line"),
    Reason.DECIDED: _("Decided by a person"),
    Reason.USER_REPORT: _("Reported by users"),
    Reason.GRAVE_REPORT: _("Reported as grave"),
    Reason.APPEALED: _("The author appealed"),
    Reason.OPINIONS_DIFFER: _("Two people were of two minds"),
    Reason.NOBODY_CAN_TELL: _("Two people could not tell"),
    Reason.FOUND_IN_SAMPLE: _("Found in the random sample"),
    Reason.SUSPECTED_ILLEGAL: _("Suspected illegal content"),
    Reason.ITEM_ERASED: _("The item was erased meanwhile"),
    Reason.SUPERSEDED: _("A newer revision came meanwhile"),
}
ACTIONS: dict[str, str] = {
    DecisionValue.SYNTHETIC: _("Synthetic"),
    DecisionValue.ALTERED: _("Altered"),
    DecisionValue.GENUINE: _("Genuine"),
    DecisionValue.CANNOT_TELL: _("Cannot tell"),
    "escalate": _("Escalate"),
    "skip": _("Skip"),
    "undo": _("Undo"),
    "next": _("Take the next case"),
    "blur": _("Blur"),
    "heat": _("Heat map"),
    "boxes": _("Boxes"),
    "view": _("Next view of the picture"),
    "zoom_in": _("Larger"),
    "zoom_out": _("Smaller"),
    "fit": _("Fit, or 1:1"),
    "down": _("Next row or face"),
    "up": _("Previous row or face"),
    "hold": _("Hold the refresh (operations)"),
    "search": _("Search"),
    "help": _("Help"),
}
SWITCHES = {
    "blur": _("Blurred lists"),
    "greyscale": _("Pictures without colour"),
    "small": _("Small pictures"),
    "mute": _("No sound"),
}
CURES: dict[str, str] = {  # what to do about something that was set aside
    Reason.ATTEMPTS_SPENT: _("It failed three times. A person looks at it; if the cause is mended, try it again."),
    Reason.DECODER_KILLED: _("Reading it broke the decoder each time. Ask the platform for another copy of the file."),
    Reason.STORAGE_LOST: _("Its file is gone. Bring the storage back, or ask the platform to send it again."),
    Reason.NO_DETECTOR: _("No detector ran for a day. Start a scan worker: it is screened then by itself."),
    Reason.NOT_STORED: _("The storage took no file. Mend it (guard_doctor says how); the platform sends it again."),
    Reason.NO_FETCHER: _("Nobody fetched its file for a day. Start a fetch worker; the platform sends it again."),
    Reason.DECODE_ERROR: _("The file ends early. Ask the platform to send it again."),
    Reason.TOO_MANY_PIXELS: _("It has more pixels than the limit. Ask for a smaller copy, or raise the limit."),
    Reason.TOO_MANY_FRAMES: _("It has more frames than the limit. Ask the platform for a shorter cut."),
}
APPEALS: dict[str, str] = {AppealOutcome.UPHELD: _("upheld"), AppealOutcome.OVERTURNED: _("overturned")}
STATES: dict[str, str] = {  # of decisions, deliveries, records and workers
    DecisionState.PENDING: _("pending"),
    DecisionState.SETTLED: _("settled"),
    DecisionState.UNDONE: _("undone"),
    DecisionState.VOID: _("void"),
    "sending": _("sending"),
    "delivered": _("delivered"),
    "failed": _("failed"),
    "open": _("open"),
    "reported": _("reported"),
    "released": _("released"),
    "working": _("working"),
    "idle": _("idle"),
    "stuck": _("stuck"),
    "silent": _("silent"),
}
ROLES: dict[str, str] = {
    Role.MODERATOR: _("Moderator"),
    Role.SENIOR: _("Senior"),
    Role.POLICY_EDITOR: _("Policy editor"),
    Role.AUDITOR: _("Auditor"),
    Role.ADMIN: _("Admin"),
}
ILLEGAL_KINDS: dict[str, str] = {
    IllegalKind.CHILD_ABUSE: _("child abuse"),
    IllegalKind.INTIMATE_WITHOUT_CONSENT: _("intimate picture without consent"),
    IllegalKind.TERRORISM: _("terrorism"),
    IllegalKind.OTHER_CRIME: _("another crime"),
}
REPORT_REASONS: dict[str, str] = {
    ReportReason.MINOR: _("it shows a child in a sexual way"),
    ReportReason.INTIMATE: _("it shows somebody naked without consent"),
    ReportReason.IMPERSONATION: _("it pretends to be somebody"),
    ReportReason.FRAUD: _("it is used to deceive for money"),
    ReportReason.MISLEADING: _("it misleads"),
    ReportReason.OTHER: _("something else"),
}
WHY: dict[str, str] = {
    Reason.DECODE_ERROR: _("The file cannot be read"),
    Reason.TOO_MANY_PIXELS: _("More pixels than the limit"),
    Reason.TOO_MANY_FRAMES: _("More frames than the limit"),
    Reason.ATTEMPTS_SPENT: _("Screening failed three times"),
    Reason.DECODER_KILLED: _("It broke the decoder"),
    Reason.NO_FACE: _("No face found"),
    Reason.FACE_TOO_SMALL: _("Face too small to score"),
    Reason.FACE_TOO_BLURRY: _("Face too blurred to score"),
    Reason.TOO_MANY_FACES: _("More faces than are scored"),
    Reason.VIDEO_NOT_ENABLED: _("Video, not screened yet"),
}


def said(table: Mapping[str, str], value: object) -> str:
    """In the language of the page; what is in no table is said as it is."""
    word = table.get(str(value))
    return gettext(word) if word else str(value).replace("_", " ")


def fine_print(p: float, n: int, reached: int) -> str:
    """What stands under the words of one face: the limit of the detector, and whose judgement it is."""
    if reached == 0:
        return gettext(
            "None of %(n)s genuine calibration faces is as unusual, and 1 in %(all)s is as far as this detector can "
            "tell. Unusual is not yet synthetic: that is yours to decide."
        ) % {"n": f"{n:,}", "all": f"{n + 1:,}"}
    if p <= UNCOMMON:
        return gettext(
            "1 in %(all)s is as far as this detector can tell. Unusual is not yet synthetic: that is yours to decide."
        ) % {"all": f"{n + 1:,}"}
    return gettext(
        "%(reached)s of %(n)s genuine calibration faces are at least as unusual. Usual is not yet genuine."
    ) % {"reached": f"{reached:,}", "n": f"{n:,}"}


def why(reasons: Sequence[str]) -> str:
    """Why a case is in the queue; remarks on the result are left to the case page."""
    told = [said(WHY if reason in WHY else REASONS, reason) for reason in reasons if reason not in REMARKS]
    return ", ".join(told) if told else "–"
