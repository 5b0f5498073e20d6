"""How a picture stands, for one object and for lists; what a site may show follows the policy in force."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.core.files.base import ContentFile
from django.template import Context, Template
from django.test import RequestFactory
from rest_framework import serializers

from moderation.host import appeal, screening_of, standing
from moderation.host.admin import ScreeningAdminMixin, ScreeningFilter
from moderation.host.serializers import ScreeningStateField
from moderation.models import ContentItem, HostedImage, Platform, ReviewCase
from moderation.services import appeals, platforms, retention
from moderation.vocabulary import DecisionValue, Effect, ScreeningState
from tests.factories import conclude, picture, report, screen
from tests.gallery.models import Member, Photo
from tests.moderation.console.pseudo_locale import spoken

from .conftest import Committed

SHOWN_MEANWHILE = {"unscreened", "waiting", "refused", "failed"}


@pytest.fixture
def photo(committed: Committed) -> Photo:
    with committed():
        made: Photo = Photo.objects.create(image=ContentFile(picture(), name="a.jpg"))
    return made


def item_of(photo: Any) -> ContentItem:
    found = HostedImage.objects.get(object_pk=str(photo.pk)).item
    assert found is not None
    return found


def come_to(photo: Photo, state: str) -> None:
    """Bring the photo to a state the way it would come about."""
    if state == "unscreened":
        retention.erase(item_of(photo), actor="system")
    elif state == "refused":
        HostedImage.objects.update(refused="unsupported_type")
    elif state == "failed":
        ContentItem.objects.update(status="failed")
    elif state == "allowed":
        screen(item_of(photo), report(400))
    elif state != "waiting":
        screen(item_of(photo), report(0))
        effects = {"labelled": Effect.LABEL, "restricted": Effect.RESTRICT, "removed": Effect.REMOVE}
        if state in effects:
            conclude(ReviewCase.objects.get(), DecisionValue.ALTERED, effect=effects[state])


@pytest.mark.parametrize("state", [state.value for state in ScreeningState])
def test_one_object_and_lists_say_the_same(photo: Photo, state: str) -> None:
    come_to(photo, state)
    assert screening_of(photo).state == state
    assert [each.screening_state for each in Photo.objects.with_screening()] == [state]
    screened = state not in SHOWN_MEANWHILE
    assert Photo.objects.screened().exists() == screened
    assert Photo.objects.awaiting_review().exists() == (state == "in_review")
    assert Photo.objects.awaiting_screening().exists() == (state == "waiting")


@pytest.mark.parametrize("until_screened", ["visible", "hidden"])
@pytest.mark.parametrize("until_reviewed", ["visible", "hidden"])
@pytest.mark.parametrize("state", [state.value for state in ScreeningState])
def test_the_policy_says_what_is_shown_meanwhile(
    photo: Photo, state: str, until_screened: str, until_reviewed: str
) -> None:
    rules = {"until_screened": until_screened, "until_reviewed": until_reviewed}
    platforms.publish_policy(Platform.objects.get(), rules, by=None, note="", actor="system")
    come_to(photo, state)
    expected = {
        **dict.fromkeys(SHOWN_MEANWHILE, until_screened == "visible"),
        "in_review": until_reviewed == "visible",
        "allowed": True,
        "labelled": True,
        "restricted": False,
        "removed": False,
    }[state]
    assert screening_of(photo).visible is expected
    assert Photo.objects.visible().exists() is expected


def test_an_object_without_a_picture_has_nothing_to_hide(photo: Photo) -> None:
    platforms.publish_policy(Platform.objects.get(), {"until_screened": "hidden"}, by=None, note="", actor="system")
    bare = Photo.objects.create(title="no picture")
    assert list(Photo.objects.visible()) == [bare]
    assert screening_of(bare).visible


def test_what_was_saved_before_there_was_a_guard_is_unscreened_and_shown() -> None:
    Photo.objects.bulk_create([Photo(image="photos/old.jpg")])
    assert screening_of(Photo.objects.get()).state == ScreeningState.UNSCREENED
    assert Photo.objects.visible().count() == 1


def test_a_new_picture_waits_although_the_old_one_was_allowed(photo: Photo, committed: Committed) -> None:
    come_to(photo, "allowed")
    with committed():
        photo.image = ContentFile(picture(), name="b.jpg")
        photo.save()
    assert screening_of(photo).state == ScreeningState.WAITING


def test_a_model_with_several_fields_wants_one_named(committed: Committed) -> None:
    with committed():
        member = Member.objects.create(avatar=ContentFile(picture(), name="a.jpg"))
    with pytest.raises(LookupError, match="name one"):
        screening_of(member)
    assert screening_of(member, "avatar").state == ScreeningState.WAITING
    assert list(Member.objects.awaiting_screening("avatar")) == [member]
    assert screening_of(member, "banner").state == ScreeningState.UNSCREENED


def test_an_author_appeals_once_and_reads_how_it_ends(photo: Photo) -> None:
    with pytest.raises(appeals.NotAppealable):
        appeal(photo, "It is me.")
    come_to(photo, "removed")
    assert screening_of(photo).may_appeal
    appeal(photo, "It is me.")
    assert screening_of(photo).appeal == "open"
    assert not screening_of(photo).may_appeal
    conclude(ReviewCase.objects.get(state="open"), DecisionValue.GENUINE)
    assert (screening_of(photo).appeal, screening_of(photo).state) == ("overturned", "allowed")


def test_a_list_costs_one_query_however_long(committed: Committed, django_assert_num_queries: Any) -> None:
    with committed():
        for _ in range(3):
            Photo.objects.create(image=ContentFile(picture(), name="a.jpg"))
    template = Template("{% load screening %}{% for photo in photos %}{% screening_state photo %}{% endfor %}")
    with django_assert_num_queries(1):
        page = template.render(Context({"photos": Photo.objects.with_screening()}))
    assert page.count("being checked") == 3


def test_the_tags_say_it_in_words(photo: Photo) -> None:
    come_to(photo, "removed")
    page = Template(
        "{% load screening %}{% screening_state photo %}{% screening_of photo as s %}{{ s.may_appeal }}"
    ).render(Context({"photo": photo}))
    assert '<span class="screening-state" data-state="removed">removed</span>' in page
    assert page.endswith("True")


class PhotoAdmin(ScreeningAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "screening")
    list_filter = (ScreeningFilter,)


def test_the_sites_own_admin_has_a_column_and_a_filter(photo: Photo) -> None:
    come_to(photo, "in_review")
    site = PhotoAdmin(Photo, AdminSite())
    request = RequestFactory().get("/", {"screening": "in_review"})
    assert [site.screening(each) for each in site.get_queryset(request)] == ["waits for a person"]
    for asked, found in (("in_review", 1), ("allowed", 0)):
        chosen = ScreeningFilter(request, {"screening": [asked]}, Photo, site)
        assert chosen.queryset(request, Photo.objects.all()).count() == found


def test_the_filter_says_what_the_column_says_and_no_two_states_the_same() -> None:
    choices = ScreeningFilter(RequestFactory().get("/"), {}, Photo, PhotoAdmin(Photo, AdminSite())).lookup_choices
    assert dict(choices) == {state.value: words for state, words in standing.WORDS.items()}
    assert len(set(standing.WORDS.values())) == len(ScreeningState)


def test_the_sites_admin_speaks_the_language_of_its_reader(photo: Photo) -> None:
    come_to(photo, "in_review")
    site = PhotoAdmin(Photo, AdminSite())
    [each] = site.get_queryset(RequestFactory().get("/"))
    with spoken():
        chosen = ScreeningFilter(RequestFactory().get("/"), {}, Photo, site)
        said = [site.screening(each), str(chosen.title), *(str(words) for _, words in chosen.lookup_choices)]
    assert [words for words in said if not words.startswith("⟦")] == []


class PhotoSerializer(serializers.ModelSerializer[Photo]):
    screening = ScreeningStateField()

    class Meta:
        model = Photo
        fields = ("title", "screening")


def test_the_sites_own_api_has_a_field(photo: Photo, django_assert_num_queries: Any) -> None:
    assert PhotoSerializer(photo).data["screening"] == "waiting"
    with django_assert_num_queries(1):
        assert [each["screening"] for each in PhotoSerializer(Photo.objects.with_screening(), many=True).data] == [
            "waiting"
        ]
