from celery import shared_task

APPEAL = "If that is wrong, you can appeal below; somebody else will look."
WORDS = {
    "flagged": "An automatic check found your photo unusual. That is no judgement: a person looks at it next. Until "
    "then only you can see it.",
    "allow": "A person has looked at your photo: it is shown.",
    "label": f"A person has looked at your photo and concluded that it was altered. It is shown with a label. {APPEAL}",
    "restrict": f"A person has looked at your photo. It is not shown to others any more. {APPEAL}",
    "remove": "A person has looked at your photo and concluded that it is synthetic. It is not shown any more. "
    + APPEAL,
}


@shared_task
def tell(photo_id, what):
    """A real site would send an e-mail here."""
    from photos.models import Notice, Photo  # after Django is set up

    if what in WORDS and Photo.objects.filter(pk=photo_id).exists():
        Notice.objects.get_or_create(photo_id=photo_id, words=WORDS[what])  # told at least once: twice does no harm
