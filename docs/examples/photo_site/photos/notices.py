"""What the guard calls, in its workers: each hands the work to the site's own Celery at once."""

from django.dispatch import receiver

from moderation.signals import case_decided
from photos.models import Photo
from photos.tasks import tell


def flagged(photo, verdict):
    """`on_flag` of models.py: policy wants a person to look."""
    tell.delay(photo.pk, "flagged")


@receiver(case_decided, sender=Photo)
def decided(sender, instance, verdict, **kwargs):
    tell.delay(instance.pk, verdict.effect)
