from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from moderation.models import Platform
from moderation.services import people, platforms

RULES = {"review_at": 1.0, "until_screened": "hidden", "until_reviewed": "hidden"}


class Command(BaseCommand):
    help = "The people of the demo, and a policy that sends every photo with a face to a person; once."

    def add_arguments(self, parser):
        parser.add_argument("password")
        parser.add_argument("person", nargs="+", help="EMAIL=ROLE, or EMAIL= for somebody without one")

    def handle(self, *args, password, person, **options):
        members = get_user_model().objects
        for email, _, role in (each.partition("=") for each in person):
            if members.filter(email=email).exists():
                continue
            if role:
                people.create_user(email, role, password)
            else:
                members.create_user(email, password)
        if not Platform.objects.filter(name="Photo site").exists():
            platform = platforms.create_platform("Photo site", actor="system")
            platforms.publish_policy(platform, RULES, by=None, note="for the demo", actor="system")
