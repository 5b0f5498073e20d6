"""A shift of twenty cases by the keyboard alone, and how long the next case takes to stand on the screen."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Decision, Opinion, ReviewCase
from moderation.vocabulary import CaseState, DecisionState
from tests.browser.conftest import Desk
from tests.factories import make_case, make_platform

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
CASES = 20
TURNS = ("g", "1f", "3a", "g", "24f")
# From the key that decides to the first paint of the next case, and to its picture. A new page reads the moment of the
# key from the session's store; the clocks of both pages are the wall's. In place: the frame after the exchange.
REMEMBER = """(() => {
  const now = () => performance.timeOrigin + performance.now();
  addEventListener('keydown', () => { window.took = undefined; sessionStorage.setItem('key', now()); }, true);
  document.addEventListener('guard:opened', () => requestAnimationFrame(() => setTimeout(async () => {
    const since = () => now() - Number(sessionStorage.getItem('key'));
    const painted = since();
    await document.querySelector('.viewer__picture').decode();
    window.took = [painted, since()];
  })));
})()"""
TOOK = """async () => {
  const key = Number(sessionStorage.getItem('key'));
  const painted = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
  if (window.inPlace) {
    while (!window.took) await new Promise((done) => setTimeout(done, 2));
    return window.took;
  }
  while (painted() === undefined) await new Promise((done) => setTimeout(done, 2));
  const picture = document.querySelector('.viewer__picture');
  await picture.decode();
  const seen = performance.getEntriesByType('resource').find((entry) => entry.name === picture.currentSrc);
  const at = (moment) => performance.timeOrigin + moment - key;
  return [at(painted()), at(Math.max(painted(), seen ? seen.responseEnd : 0))];
}"""
WAYS = {"in place": True, "by a new page each, as without next.js": False}


def number_of(page: Page) -> int:
    expect(page.locator("#lease[data-seconds]")).to_be_visible()
    page.wait_for_load_state()
    if page.evaluate("window.inPlace"):
        expect(page.locator("#case[data-seen]")).to_be_visible()
    return int(page.locator("#case-title").inner_text().split()[-1])


@pytest.mark.parametrize("way", WAYS)
def test_a_shift_of_twenty_cases_needs_no_mouse(desk: Desk, say: Callable[[str], None], way: str) -> None:
    agora = make_platform("Agora", review_at=0.1)
    made = [make_case(agora, reached=place) for place in range(CASES)]
    ReviewCase.objects.filter(pk__in=[case.pk for case in made[::5]]).update(blind_first=True)
    page = desk.page
    page.add_init_script(REMEMBER)
    if WAYS[way]:
        page.add_init_script("window.inPlace = true")
    else:
        page.route("**/js/next.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.reload()
    page.keyboard.press("n")
    seen: list[int] = []
    took: list[tuple[float, float]] = []
    for turn in range(CASES):
        number = number_of(page)
        seen.append(number)
        if page.get_by_role("heading", name="Your first opinion").is_visible():
            page.keyboard.press("g")
            expect(page.get_by_text("your first opinion: genuine")).to_be_visible()
            number_of(page)
        for key in TURNS[turn % len(TURNS)]:
            page.keyboard.press(key)
        if turn == 7:  # a slip, taken back
            expect(page.locator("#undo")).to_contain_text(f"Case {number}:")  # the bar before it stays until then
            page.wait_for_load_state()
            page.keyboard.press("z")
            expect(page.locator("#case-title")).to_have_text(f"Case {number}")
            number_of(page)
            page.keyboard.press("g")
        if turn < CASES - 1:
            expect(page.locator("#case-title")).not_to_have_text(f"Case {number}")
            took.append(tuple(page.evaluate(TOOK)))
    page.wait_for_url("**/queue/")
    assert sorted(seen) == sorted(case.number for case in made)
    states = Counter(Decision.objects.values_list("state", flat=True))
    assert states[DecisionState.PENDING] + states[DecisionState.SETTLED] == CASES
    assert states[DecisionState.UNDONE] == 1
    assert Opinion.objects.filter(blind=True).count() == 4
    assert not ReviewCase.objects.filter(state=CaseState.OPEN).exists()
    report(way, took, say)


def report(way: str, took: list[tuple[float, float]], say: Callable[[str], None]) -> None:
    """Printed, not promised: it depends on the machine."""
    painted, pictured = (sorted(values) for values in zip(*took, strict=True))
    for what, values in (("first paint", painted), ("picture there", pictured)):
        median, p95 = statistics.median(values), values[int(len(values) * 0.95)]
        say(f"next case {way}, {what}: median {median:.0f} ms, p95 {p95:.0f} ms, n {len(values)}")
