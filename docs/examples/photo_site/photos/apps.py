from django.apps import AppConfig


class PhotosConfig(AppConfig):
    name = "photos"

    def ready(self):
        from photos import notices  # noqa: F401  connects the receiver
