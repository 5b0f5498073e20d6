import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepfake_guard.settings")
django = get_asgi_application()

from moderation.api.uploads import BodyLimit  # noqa: E402  after Django is set up

application = BodyLimit(django)
