"""What screens: the weights here, and what the newest warm worker said of itself."""

from __future__ import annotations

from deepfake_guard.detector import manifest
from moderation import dispatch, site_checks
from moderation.management.doctor.findings import FAIL, OK, WARN, WORKERS, Finding, first_line
from moderation.models import WorkerStatus, at_work

SCAN_WORKER = f"start a scan worker: {WORKERS[dispatch.SCAN_QUEUE]}"


def weights() -> Finding:
    folder = site_checks.artefact()
    try:
        passport = manifest.read(folder)
        manifest.verify(folder, passport)
    except (manifest.ArtefactError, OSError) as error:
        return Finding("weights", FAIL, first_line(error), "reinstall the package, or set ARTEFACT right")
    if passport.starter:
        cure = "calibrate on genuine faces of your users: python -m deepfake_guard.detector calibrate --help"
        return Finding("weights", WARN, f"{passport.detector_id}: hashes right; these are starter weights", cure)
    return Finding("weights", OK, f"{passport.detector_id}: hashes right")


def newest_scan_worker() -> WorkerStatus | None:
    heard = WorkerStatus.objects.filter(at_work(), queue=dispatch.SCAN_QUEUE)
    return heard.exclude(warmed_at=None).select_related("detector").order_by("-warmed_at").first()


def warm_up() -> Finding:
    faulty = WorkerStatus.objects.filter(at_work(), notes__has_key="fault").order_by("name").first()
    if faulty is not None:
        cure = "mend it where that worker runs; it screens again by itself then"
        return Finding("detector", FAIL, f"{faulty.name} cannot screen: {faulty.notes['fault']}", cure)
    worker = newest_scan_worker()
    if worker is None:
        return Finding(
            "detector", FAIL, "no scan worker heard of in the last minute is warm", f"{SCAN_WORKER}; see its log"
        )
    return Finding("detector", OK, f"{worker.detector or 'unknown'} is warm on {worker.device}")


def face_finder() -> Finding:
    worker = newest_scan_worker()
    if worker is None:
        return Finding("face finder", WARN, "unknown until a scan worker is warm", SCAN_WORKER)
    name = str(worker.notes.get("face_finder", "unknown"))
    if name != "yunet":
        cure = "python -m deepfake_guard.detector faces install --download, then restart the scan workers"
        return Finding("face finder", WARN, f"{name}: of lower quality, nothing is blocked on its word", cure)
    return Finding("face finder", OK, name)


def decoder() -> Finding:
    worker = newest_scan_worker()
    if worker is None:
        return Finding("decoder", WARN, "unknown until a scan worker is warm", SCAN_WORKER)
    in_force: dict[str, bool] = worker.notes.get("decoder", {})
    missing = sorted(name for name, granted in in_force.items() if not granted)
    if missing or not in_force:
        cure = "run the scan workers on Linux, not as root, with kernel.unprivileged_userns_clone=1"
        return Finding("decoder", WARN, f"limits not granted: {', '.join(missing) or 'none known'}", cure)
    return Finding("decoder", OK, f"limits in force: {', '.join(sorted(in_force))}")
