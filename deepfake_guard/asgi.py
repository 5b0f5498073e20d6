import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepfake_guard.settings")
django = get_asgi_application()

from django.urls import reverse  # noqa: E402  after Django is set up

from moderation.api.uploads import BodyLimit  # noqa: E402

reverse("guard:api:items")  # reads the URLs now; else the first requests do, all at once and in each other's way
application = BodyLimit(django)
