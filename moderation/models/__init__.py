"""The tables. States are the enums of `vocabulary`; whoever moves a state does it by a conditional UPDATE."""

from moderation.models.audit import AuditEntry, AuditHead
from moderation.models.content import ContentItem, Derivative, IdempotencyKey, MediaAsset
from moderation.models.detection import Calibration, DetectedFace, DetectorVersion
from moderation.models.fetch import Fetch
from moderation.models.history import ImportedDecision
from moderation.models.hosted import HostedImage
from moderation.models.illegal import IllegalRecord
from moderation.models.label import Label
from moderation.models.operations import Alert, Pulse
from moderation.models.person import ApiModerator, DeskSession, Reach, RecoveryCode, SecondFactor
from moderation.models.platform import ApiKey, Platform, PolicyVersion
from moderation.models.preferences import Exposure, Preferences
from moderation.models.quality import GoldItem
from moderation.models.report import UserReport
from moderation.models.review import FREE, Appeal, Batch, CaseWord, Decision, Opinion, ReviewCase, SavedFilter
from moderation.models.scan import WORKER_SILENT, Scan, WorkerStatus, at_work
from moderation.models.usage import CallCount, DayCount, StoredBytes, StoredChange
from moderation.models.verdict import Verdict
from moderation.models.webhook import OPEN_DELIVERY, Event, WebhookDelivery, WebhookEndpoint

__all__ = [
    "FREE",
    "OPEN_DELIVERY",
    "WORKER_SILENT",
    "Alert",
    "ApiKey",
    "ApiModerator",
    "Appeal",
    "AuditEntry",
    "AuditHead",
    "Batch",
    "Calibration",
    "CallCount",
    "CaseWord",
    "ContentItem",
    "DayCount",
    "Decision",
    "Derivative",
    "DeskSession",
    "DetectedFace",
    "DetectorVersion",
    "Event",
    "Exposure",
    "Fetch",
    "GoldItem",
    "HostedImage",
    "IdempotencyKey",
    "IllegalRecord",
    "ImportedDecision",
    "Label",
    "MediaAsset",
    "Opinion",
    "Platform",
    "PolicyVersion",
    "Preferences",
    "Pulse",
    "Reach",
    "RecoveryCode",
    "ReviewCase",
    "SavedFilter",
    "Scan",
    "SecondFactor",
    "StoredBytes",
    "StoredChange",
    "UserReport",
    "Verdict",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerStatus",
    "at_work",
]
