"""One word, one meaning: what is stored or shown (design.md §3). Pure Python."""  # house: long, for it is one list

from __future__ import annotations

from enum import IntEnum, StrEnum


class ItemStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    NOT_APPLICABLE = "not_applicable"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class ScanState(StrEnum):
    """A scan ends in the same words as its items."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    NOT_APPLICABLE = "not_applicable"
    QUARANTINED = "quarantined"
    FAILED = "failed"


LIVE_SCAN_STATES = (ScanState.QUEUED, ScanState.RUNNING)
TERMINAL_ITEM_STATUSES = (ItemStatus.DONE, ItemStatus.NOT_APPLICABLE, ItemStatus.QUARANTINED, ItemStatus.FAILED)


class Priority(IntEnum):
    """Claimed in this order, then by age."""

    INTERACTIVE = 0
    NORMAL = 10
    BACKFILL = 20


class Reason(StrEnum):
    """Why something was refused, not scored, set aside or sent to a person. docs/reasons.md explains each."""

    # refused at intake: HTTP 4xx, no item, nothing kept
    UNSUPPORTED_TYPE = "unsupported_type"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"  # also found by the worker, where intake cannot read the size
    TOO_MANY_FRAMES = "too_many_frames"
    EMPTY = "empty"
    MALFORMED = "malformed"
    MISSING_FILE = "missing_file"
    QUOTA_EXCEEDED = "quota_exceeded"
    STORAGE_FULL = "storage_full"
    RATE_LIMITED = "rate_limited"
    # readable, nothing to score, or undecodable
    NO_FACE = "no_face"
    FACE_TOO_SMALL = "face_too_small"
    FACE_TOO_BLURRY = "face_too_blurry"
    TOO_MANY_FACES = "too_many_faces"  # at single faces of an item whose largest were scored
    DECODE_ERROR = "decode_error"
    VIDEO_NOT_ENABLED = "video_not_enabled"
    # remarks that do not end a scan
    FIRST_FRAME_ONLY = "first_frame_only"
    LOW_QUALITY_FACE_FINDER = "low_quality_face_finder"
    # set aside
    ATTEMPTS_SPENT = "attempts_spent"
    DECODER_KILLED = "decoder_killed"
    STORAGE_LOST = "storage_lost"
    # nothing was fetched; what intake refuses of what was fetched stands in its own words
    URL_NOT_ALLOWED = "url_not_allowed"
    URL_UNREACHABLE = "url_unreachable"
    URL_REFUSED = "url_refused"
    NOT_STORED = "not_stored"
    NO_FETCHER = "no_fetcher"
    NO_DETECTOR = "no_detector"
    # why policy chose what it chose
    AT_REVIEW_LINE = "at_review_line"
    AT_BLOCK_LINE = "at_block_line"
    AT_RESOLUTION = "at_resolution"
    BELOW_LINES = "below_lines"
    DECIDED = "decided"
    # why a person looks although no line was reached
    USER_REPORT = "user_report"
    GRAVE_REPORT = "grave_report"
    APPEALED = "appealed"
    OPINIONS_DIFFER = "opinions_differ"
    NOBODY_CAN_TELL = "nobody_can_tell"
    FOUND_IN_SAMPLE = "found_in_sample"
    SUSPECTED_ILLEGAL = "suspected_illegal"  # locked by a person
    # why a pending decision was voided
    ITEM_ERASED = "item_erased"
    SUPERSEDED = "superseded"


REMARKS = frozenset({Reason.FIRST_FRAME_ONLY, Reason.LOW_QUALITY_FACE_FINDER})  # they decide nothing by themselves


class Statement(StrEnum):
    """What the machine says, from the item's p alone; never that a picture is genuine."""

    LIKELY_SYNTHETIC = "likely_synthetic"
    UNCERTAIN = "uncertain"
    NO_EVIDENCE = "no_evidence"


class Outcome(StrEnum):
    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


class Basis(StrEnum):
    POLICY = "policy"
    DECISION = "decision"


class SeveralFaces(StrEnum):
    BONFERRONI = "bonferroni"
    ANY_FACE = "any_face"


class DecisionValue(StrEnum):
    SYNTHETIC = "synthetic"
    ALTERED = "altered"
    GENUINE = "genuine"
    CANNOT_TELL = "cannot_tell"


CONCLUSIONS = (
    DecisionValue.SYNTHETIC,
    DecisionValue.ALTERED,
    DecisionValue.GENUINE,
)  # what can be said of a picture


class DecisionState(StrEnum):
    PENDING = "pending"
    SETTLED = "settled"
    UNDONE = "undone"
    VOID = "void"


class Effect(StrEnum):
    """What is asked of the platform; `none` while nobody has concluded."""

    NONE = "none"
    ALLOW = "allow"
    LABEL = "label"
    RESTRICT = "restrict"
    REMOVE = "remove"


class ReportReason(StrEnum):
    """What a user of the platform says is wrong; the first two are grave."""

    MINOR = "minor"
    INTIMATE = "intimate"
    IMPERSONATION = "impersonation"
    FRAUD = "fraud"
    MISLEADING = "misleading"
    OTHER = "other"


GRAVE_REPORTS = (ReportReason.MINOR, ReportReason.INTIMATE)


class IllegalKind(StrEnum):
    """What a locked item is suspected of."""

    CHILD_ABUSE = "child_abuse"
    INTIMATE_WITHOUT_CONSENT = "intimate_without_consent"
    TERRORISM = "terrorism"
    OTHER_CRIME = "other_crime"


class RecordState(StrEnum):
    """Of the record that a platform's duty to report needs."""

    OPEN = "open"
    REPORTED = "reported"
    RELEASED = "released"


class AppealRefusal(StrEnum):
    """Why an appeal is not heard."""

    NOTHING_TO_APPEAL = "nothing_to_appeal"
    APPEAL_OPEN = "appeal_open"
    APPEAL_DECIDED = "appeal_decided"
    UNDER_REVIEW = "under_review"
    LOCKED = "locked"  # suspected illegal content is not heard here


class LabelBasis(StrEnum):
    """How a platform knows what it says of its own content."""

    PERSON = "person"  # somebody looked
    AUTHOR = "author"  # its author says so
    PROGRAM = "program"
    UNKNOWN = "unknown"


class Brought(StrEnum):
    """What became of a row of an imported history."""

    CREATED = "created"
    KNOWN = "known"
    CONFLICT = "conflict"  # the same content at the same moment, decided otherwise
    REFUSED = "refused"


class AppealOutcome(StrEnum):
    """`upheld`: what was decided stays as it was."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


class CaseState(StrEnum):
    OPEN = "open"
    SETTLING = "settling"
    LOCKED = "locked"  # suspected illegal content: for people with `handle_illegal` alone
    CLOSED = "closed"


class CasePurpose(StrEnum):
    """Why a case is in the queue. All but `review` check the desk itself: they change no outcome and tell nobody."""

    REVIEW = "review"
    GOLD = "gold"  # the answer is known
    SAMPLE = "sample"  # drawn at random from what policy let pass
    SECOND = "second"  # decided already; a second person answers without knowing


class Severity(IntEnum):
    """How soon a case must be looked at, from why it is there (moderation.urgency)."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class DecisionReason(StrEnum):
    """What the moderator saw; keys 1–9 on the case page, in this order."""

    SKIN_TEXTURE = "skin_texture"
    EYES_GAZE = "eyes_gaze"
    TEETH_MOUTH = "teeth_mouth"
    HAIR_EDGES = "hair_edges"
    EARS_GLASSES = "ears_glasses"
    LIGHT_SHADOW = "light_shadow"
    BACKGROUND_TEXT = "background_text"
    KNOWN_CAMPAIGN = "known_campaign"
    SOMETHING_ELSE = "something_else"


KEYS: dict[str, str] = {  # what a key does on the desk; each person may choose others
    DecisionValue.SYNTHETIC.value: "f",
    DecisionValue.ALTERED.value: "a",
    DecisionValue.GENUINE.value: "g",
    DecisionValue.CANNOT_TELL.value: "u",
    "escalate": "e",
    "skip": "s",
    "undo": "z",
    "next": "n",
    "blur": "b",
    "heat": "h",
    "boxes": "x",
    "view": "v",
    "zoom_in": "+",
    "zoom_out": "-",
    "fit": "0",
    "down": "j",
    "up": "k",
    "hold": "p",
    "search": "/",
    "help": "?",
}
REASON_KEYS = "123456789"


class EventType(StrEnum):
    ITEM_SCREENED = "item.screened"
    ITEM_NOT_APPLICABLE = "item.not_applicable"
    ITEM_FAILED = "item.failed"
    ITEM_QUARANTINED = "item.quarantined"
    CASE_OPENED = "case.opened"
    CASE_LOCKED = "case.locked"
    DECISION_MADE = "decision.made"
    DECISION_REVERSED = "decision.reversed"
    APPEAL_OPENED = "appeal.opened"
    APPEAL_DECIDED = "appeal.decided"
    ENDPOINT_TEST = "endpoint.test"


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"  # the schedule is spent, the endpoint answered 410, or it was disabled


class Scope(StrEnum):
    ITEMS_WRITE = "items:write"
    ITEMS_READ = "items:read"
    ITEMS_ERASE = "items:erase"
    CASES_READ = "cases:read"
    CASES_DECIDE = "cases:decide"
    POLICIES_WRITE = "policies:write"
    PLATFORM_ADMIN = "platform:admin"


class Role(StrEnum):
    MODERATOR = "moderator"
    SENIOR = "senior"
    POLICY_EDITOR = "policy editor"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a role may do at the desk. As Django asks for it: with the app's label before it."""

    VIEW = "deepfake_guard.view_queue"
    VIEW_ORIGINAL = "deepfake_guard.view_original"
    DECIDE = "deepfake_guard.decide"
    ESCALATE = "deepfake_guard.escalate"
    REVERSE = "deepfake_guard.reverse"
    BULK = "deepfake_guard.bulk"
    EXPORT = "deepfake_guard.export"
    MANAGE_POLICY = "deepfake_guard.manage_policy"
    MANAGE_PEOPLE = "deepfake_guard.manage_people"
    MANAGE_PLATFORM = "deepfake_guard.manage_platform"
    HANDLE_ILLEGAL = "deepfake_guard.handle_illegal"

    @property
    def codename(self) -> str:
        """As the permission's row has it."""
        return self.value.partition(".")[2]


class DerivativeKind(StrEnum):
    THUMBNAIL = "thumbnail"
    VIEW = "view"
    FACE = "face"
    HEAT = "heat"
    INSPECT = "inspect"  # the decoded pixels, lossless
    CONTRAST = "contrast"
    ERROR_LEVEL = "error_level"
    RESIDUAL = "residual"


PIXEL_FOR_PIXEL = (  # for people with `view_original`
    DerivativeKind.INSPECT,
    DerivativeKind.CONTRAST,
    DerivativeKind.ERROR_LEVEL,
    DerivativeKind.RESIDUAL,
)


class ItemSource(StrEnum):
    API = "api"
    CONSOLE = "console"
    HOST = "host"  # an image field of the Django site that the guard is installed in


class Shown(StrEnum):
    """What a site does with a picture for the time being."""

    VISIBLE = "visible"
    HIDDEN = "hidden"


class ScreeningState(StrEnum):
    """How a site's own picture stands, from its item and the verdict in force (`moderation.host`)."""

    UNSCREENED = "unscreened"  # never sent: saved before the field was registered, or erased at the guard
    WAITING = "waiting"
    REFUSED = "refused"  # nothing that the guard takes in, so it is never screened
    FAILED = "failed"  # through the guard
    IN_REVIEW = "in_review"
    ALLOWED = "allowed"
    LABELLED = "labelled"
    RESTRICTED = "restricted"
    REMOVED = "removed"


class AlertKind(StrEnum):
    """What is told to the team."""

    SILENT_WORKER = "silent_worker"
    LATE_CASES = "late_cases"
    LOCKED_CASES = "locked_cases"


class IdempotencyState(StrEnum):
    RUNNING = "running"
    DONE = "done"
