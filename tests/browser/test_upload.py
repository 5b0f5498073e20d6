from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, expect

from moderation.models import ContentItem
from moderation.services import scanning
from tests.browser.conftest import Desk
from tests.factories import claim_one, make_platform, picture, report

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def test_each_file_has_its_own_state_until_it_has_ended(desk: Desk) -> None:
    make_platform("Agora")
    page = desk.open("/upload/")
    page.set_input_files(
        "input[type=file]",
        [payload("one.jpg", picture(900, 700)), payload("two.jpg", picture()), payload("notes.txt", b"only words")],
    )
    rows = page.locator("#file-rows > li")
    expect(rows).to_have_count(3)
    expect(page.locator("#file-rows .is-failed")).to_contain_text("refused")
    expect(page.locator("#file-rows .chip.is-review")).to_have_count(2)
    expect(page.locator("#files-said")).to_have_text("1 of 3 finished")
    one, two = ContentItem.objects.order_by("external_id")
    outcomes = {one.scan_id: report(0), two.scan_id: report(status="not_applicable", reasons=["no_face"])}
    scanning.record([(claim, outcomes[claim.scan_id]) for claim in claim_one(2)])
    expect(rows.filter(has_text="one.jpg")).to_contain_text("0 of 700 genuine faces looked this unusual")
    expect(rows.filter(has_text="two.jpg")).to_contain_text("No face found, so there is nothing to score. Not a fault.")
    expect(page.locator("#files-said")).to_have_text("3 of 3 finished")
    page.get_by_role("link", name=f"Case {one.cases.get().number}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {one.cases.get().number}")


def test_files_can_be_dropped(desk: Desk) -> None:
    make_platform("Agora")
    page = desk.open("/upload/")
    dropped = page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
            return transfer;
        }""",
        list(picture()),
    )
    page.dispatch_event(".drop", "dragenter", {"dataTransfer": dropped})
    expect(page.locator(".drop")).to_have_attribute("data-over", "")
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("#file-rows > li")).to_contain_text("dropped.jpg")
    expect(page.locator("#file-rows .chip.is-review")).to_have_count(1)
    assert ContentItem.objects.get().external_id.startswith("dropped.jpg-")
