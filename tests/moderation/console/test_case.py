from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deepfake_guard.detector.records import Derived
from moderation.models import Derivative, DetectedFace, MediaAsset, ReviewCase
from moderation.services import closeups, leases, platforms, retention, scanning
from moderation.vocabulary import CasePurpose, DerivativeKind, Role
from tests.factories import ACTOR, conclude, make_case, make_item, make_platform, make_user, picture, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def page_of(case: ReviewCase) -> str:
    return reverse("guard:case", args=[case.number])


def test_it_shows_the_stored_view_with_a_box_and_a_heat_map_for_each_face(desk: Desk) -> None:
    case = screen(make_item(), report(0, 300)).cases.get()
    page = desk()[0].get(page_of(case)).content.decode()
    made = Derivative.objects.filter(scan=case.item.scan)
    for kind in (DerivativeKind.VIEW, DerivativeKind.FACE, DerivativeKind.HEAT):
        for derivative in made.filter(kind=kind):
            assert reverse("guard:media", args=[derivative.pk]) in page
    assert page.count('class="box box--under"') == 2
    assert 'x="375.0" y="187.5" width="562.5" height="656.2"' in page  # 16, 8, 24 × 28 of 64 × 48, on 1500 units
    assert 'data-toggle="heat"' in page


def test_it_says_each_faces_number_in_words_and_as_a_place_among_the_calibration_faces(desk: Desk) -> None:
    case = screen(make_item(make_platform(review_at=0.05)), report(0, 300)).cases.get()
    page = desk()[0].get(page_of(case))
    said = text(page)
    assert "0 of 700 genuine faces looked this unusual" in said
    assert "About 4 in 10 genuine photos look this unusual" in said
    assert (
        "None of 700 genuine calibration faces is as unusual, and 1 in 701 is as far as this detector can tell." in said
    )
    assert "this face stands at p 0.0014" in page.content.decode()
    assert "the least p is 0.0014, and over all of them p is 0.0029" in said
    assert "n = 700" in said


def test_it_says_of_each_face_what_makes_its_number_less_sure(desk: Desk) -> None:
    case = screen(make_item(), report(0, 300, None)).cases.get()
    DetectedFace.objects.filter(index=0).update(native_px=90, sharpness=20.0)
    DetectedFace.objects.filter(index=1).update(native_px=500, bucket="any/200")
    page = desk()[0].get(page_of(case))
    said = text(page)
    assert said.count("Less sure:") == 1, "a large and sharp face, compared with its like, has no warning"
    assert "Less sure: small, blurred, unfamiliar size or compression." in said
    assert "Small: the face square has 90 px and was enlarged to 224; its fine traces are gone." in said
    assert 'id="unsure-1"' in page.content.decode()


def test_no_warning_speaks_before_a_first_opinion(desk: Desk) -> None:
    case = make_case()
    DetectedFace.objects.update(sharpness=20.0)
    ReviewCase.objects.filter(pk=case.pk).update(blind_first=True)
    assert "lurred:" not in text(desk()[0].get(page_of(case)))


def test_it_says_why_a_face_was_not_scored(desk: Desk) -> None:
    case = screen(make_item(), report(0, None)).cases.get()
    said = text(desk()[0].get(page_of(case)))
    assert "not scored: 120 px, needs 64" in said
    assert "Not scored: the face is smaller than the detector needs." in said


def test_it_says_that_of_a_crowd_only_the_largest_faces_were_scored(desk: Desk) -> None:
    found = report(300, None, reasons=["too_many_faces"])
    largest, other = found.faces
    crowd = replace(found, faces=(largest, replace(other, face=replace(other.face, reason="too_many_faces"))))
    case = screen(make_item(), crowd).cases.get()
    said = text(desk()[0].get(page_of(case)))
    assert "not scored: many others are larger" in said
    assert "Only the largest faces were scored" in said


def test_it_shows_a_case_without_a_picture(desk: Desk) -> None:
    case = screen(make_item(), report(status="not_applicable", reasons=["decode_error"])).cases.get()
    said = text(desk()[0].get(page_of(case)))
    assert "No picture can be shown" in said
    assert "The file ends early or cannot be read." in said
    assert "Your decision" in said


def test_it_tells_the_history_newest_first(desk: Desk) -> None:
    case = make_case(make_platform("Agora"), external_id="photo-1")
    said = text(desk()[0].get(page_of(case)))
    order = ["Case", "Policy 1:", "Detector muflow-test ended: scanned", "Agora sent photo-1"]
    history = said[said.index("History") :]
    assert [history.index(words) for words in order] == sorted(history.index(words) for words in order)
    assert "Agora was told that a person will look" in history


def test_opening_it_takes_nothing_from_the_queue(desk: Desk) -> None:
    case = make_case()
    page = desk()[0].get(page_of(case))
    assert ReviewCase.objects.get(pk=case.pk).holder is None
    assert b'hx-trigger="load"' in page.content  # the page takes it by a POST of its own


def test_it_shows_a_case_that_somebody_else_holds_without_letting_decide(desk: Desk) -> None:
    case = make_case()
    leases.lease(case, make_user(Role.SENIOR, "ilya")[0])
    page = desk()[0].get(page_of(case))
    assert "ilya has it" in text(page)
    assert page.content.count(b"disabled") >= 6


def test_it_offers_no_decision_to_an_auditor(desk: Desk) -> None:
    page = desk(Role.AUDITOR)[0].get(page_of(make_case()))
    assert "Your role reads cases; moderators decide them." in text(page)
    assert b'name="decision"' not in page.content
    assert b'id="lease"' not in page.content


def test_it_lists_the_nine_reasons_with_their_keys_and_the_four_decisions(desk: Desk) -> None:
    said = text(desk()[0].get(page_of(make_case())))
    for number, words in enumerate(("Skin texture", "Eyes and gaze", "Teeth and mouth"), start=1):
        assert f"{words} {number}" in said
    assert "Something else 9" in said
    assert "Synthetic F Altered A Genuine G Cannot tell U" in said


def test_it_is_gone_with_the_erased_item(desk: Desk) -> None:
    case = make_case()
    retention.erase(case.item, actor="system")
    answer = desk()[0].get(page_of(case))
    assert answer.status_code == 404
    assert "There is nothing here" in text(answer)


def test_a_case_keeps_its_picture_while_its_item_is_screened_again(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    address = reverse("guard:case", args=[case.number])
    assert scanning.rescan(MediaAsset.objects.get(), actor="system") is not None
    page = client.get(address).content.decode()
    assert "genuine faces looked this unusual" in page
    assert reverse("guard:media", args=[Derivative.objects.get(kind="view").pk]) in page


def with_signals(case: ReviewCase) -> ReviewCase:
    signals = {
        "muflow": {"score": 812.5, "p_value": 0.2},
        "strange": {"score": 1.5, "p_value": 0.04},
        "head": {"score": 6.5, "p_value": 0.0014},
        "generator:FLUX.1 dev": {"score": 5.5, "p_value": 0.0014},
    }
    DetectedFace.objects.filter(scan=case.item.scan).update(signals=signals)
    return case


def test_it_names_signals_as_comparisons_where_the_face_reaches_the_review_line(desk: Desk) -> None:
    said = text(desk()[0].get(page_of(with_signals(make_case()))))
    assert "Each is one of 4 comparisons" in said
    assert "All one-class signals p 0.040 µFlow p 0.20" in said
    assert "Any known generator p 0.0014 Looks like FLUX.1 dev p 0.0014" in said


def test_it_keeps_signals_to_itself_where_no_line_is_reached(desk: Desk) -> None:
    case = screen(make_item(make_platform(review_at=0.01)), report(0, 300)).cases.get()
    page = desk()[0].get(page_of(with_signals(case))).content.decode()
    first, second = page.split('id="signals-2"')
    assert "FLUX.1 dev" in first
    assert "FLUX.1 dev" not in second
    assert "Single signals are shown only where" in second


def test_it_shows_what_the_host_says_of_the_author_and_the_rules_in_words(desk: Desk) -> None:
    record = {"author": {"member_since": "2019", "removed posts": 2}}
    case = make_case(make_platform("Agora"), context=record)
    said = text(desk()[0].get(page_of(case)))
    assert "Author as Agora says Member since 2019 Removed posts 2" in said
    assert "Policy version 1, review line p 0.01" in said
    assert "The rules of policy version 1, first version Ask for review at or below p 0.01" in said
    assert "After “synthetic”, effect remove it" in said
    assert "Reasons Skin texture; Eyes and gaze" in said
    assert '"review_at": 0.01' in said


def test_it_names_what_the_item_was_judged_under_and_what_its_decision_follows(desk: Desk) -> None:
    agora = make_platform("Agora")
    case, check = make_case(agora), make_case(agora)
    ReviewCase.objects.filter(pk=check.pk).update(purpose=CasePurpose.GOLD)
    platforms.publish_policy(agora, {"review_at": 0.02}, by=None, note="Stricter", actor=ACTOR)
    client, _ = desk()
    said = text(client.get(page_of(case)))
    assert "Judged under version 1, review line p 0.01 To be decided under version 2, review line p 0.02" in said
    assert "The rules of policy version 2, Stricter" in said
    conclude(case)
    platforms.publish_policy(agora, {"review_at": 0.03}, by=None, note="Stricter still", actor=ACTOR)
    for page in (page_of(case), reverse("guard:item", args=[case.item_id])):
        said = text(client.get(page))
        assert "Judged under version 1, review line p 0.01 Decided under version 2, review line p 0.02" in said
    said = text(client.get(page_of(check)))
    assert "Policy version 1, review line p 0.01" in said
    assert "decided under" not in said.lower(), "a check looks as if it had just come in"


def test_it_shows_what_else_the_platform_says_and_nothing_of_it_is_markup(desk: Desk) -> None:
    told = {"post": {"title": "<b>My cat</b>", "tags": ["a", "b"], "edits": [{"by": None}]}, "author": {"items": 5}}
    page = desk()[0].get(page_of(make_case(make_platform("Agora"), context=told)))
    said = text(page)
    assert "Author as Agora says Items 5" in said
    assert "From the platform as Agora says" in said
    assert "Post › tags a, b Post › edits › 1 › by –" in said
    assert "&lt;b&gt;My cat&lt;/b&gt;" in page.content.decode()


def test_it_stops_after_forty_of_what_the_platform_says(desk: Desk) -> None:
    case = make_case(make_platform("Agora"), context={f"value {number}": number for number in range(50)})
    said = text(desk()[0].get(page_of(case)))
    assert "Value 39 39 10 more" in said


def test_it_lists_the_other_versions_of_the_post(desk: Desk) -> None:
    agora = make_platform("Agora")
    first = screen(make_item(agora, external_id="photo-1"), report(600))
    case = make_case(agora, external_id="photo-1")
    page = desk()[0].get(page_of(case))
    assert "Other versions of photo-1" in text(page)
    assert "earlier, 1" in text(page)
    assert reverse("guard:item", args=[first.pk]) in page.content.decode()


def test_it_offers_the_close_views_once_a_worker_has_made_them(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    views = reverse("guard:views", args=[case.number])
    waiting = client.get(views).content.decode()
    assert 'hx-trigger="load delay:2s"' in waiting
    assert "data-inspect" not in waiting
    wanted = closeups.claim(case.number)
    assert wanted is not None
    kinds = ("inspect", "contrast", "error_level", "residual")
    closeups.record(wanted, [Derived(kind, None, "image/webp", 64, 48, picture()) for kind in kinds])
    made = {row.kind: reverse("guard:media", args=[row.pk]) for row in Derivative.objects.filter(kind__in=kinds)}
    for answer in (client.get(views), client.get(page_of(case))):
        page = answer.content.decode()
        assert f'data-inspect="{made["inspect"]}"' in page
        assert all(f'data-view="{kind}" aria-pressed="false" data-src="{made[kind]}"' in page for kind in kinds[1:])
        assert "delay:2s" not in page


def test_it_offers_no_close_view_to_who_may_not_see_each_pixel(desk: Desk) -> None:
    case = make_case()
    client, _ = desk(Role.POLICY_EDITOR)
    addresses = (page_of(case), reverse("guard:item", args=[case.item_id]))
    assert [answer for answer in map(client.get, addresses) if b"viewer__views" in answer.content] == []
    wanted = closeups.claim(case.number)
    assert wanted is not None
    closeups.record(wanted, [Derived("inspect", None, "image/webp", 64, 48, picture())])
    made = reverse("guard:media", args=[Derivative.objects.get(kind="inspect").pk])
    for place in addresses:
        page = client.get(place).content.decode()
        assert "viewer__picture" in page
        assert not [words for words in ("viewer__views", made) if words in page]
