from django import forms
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from moderation import host
from moderation.services.appeals import NotAppealable
from photos.models import Photo


class UploadForm(forms.ModelForm):
    class Meta:
        model = Photo
        fields = ("title", "image")


@require_safe
def home(request):
    return render(request, "photos/home.html", {"photos": Photo.objects.visible().with_screening()[:60]})


@login_required
@require_safe
def mine(request):
    return render(request, "photos/mine.html", {"photos": request.user.photos.with_screening()})


@login_required
def upload(request):
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        form.instance.author = request.user
        return redirect("photo", form.save().pk)
    return render(request, "photos/upload.html", {"form": form})


def seen_by(user, pk):
    """Authors see what is theirs; everybody else what the policy lets the site show."""
    photo = get_object_or_404(Photo.objects.select_related("author"), pk=pk)
    if photo.author != user and not host.screening_of(photo).visible:
        raise Http404
    return photo


@require_safe
def photo(request, pk):
    found = seen_by(request.user, pk)
    own = found.author == request.user
    return render(request, "photos/photo.html", {"photo": found, "own": own})


@require_safe
def image(request, pk):
    """Through a view, not from a public folder: an address that was copied shows no more than the page."""
    return FileResponse(seen_by(request.user, pk).image.open())


@login_required
@require_POST
def appeal(request, pk):
    found = get_object_or_404(request.user.photos, pk=pk)
    try:
        host.appeal(found, request.POST.get("text", ""))
    except NotAppealable as refused:
        return render(request, "photos/photo.html", {"photo": found, "own": True, "refused": refused}, status=409)
    return redirect("photo", pk)


@login_required
@require_POST
def delete(request, pk):
    get_object_or_404(request.user.photos, pk=pk).delete()
    return redirect("mine")
