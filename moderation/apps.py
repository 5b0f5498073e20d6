from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"
    label = "deepfake_guard"  # table names and template paths carry it, so that nothing collides in a host project
    verbose_name = "deepfake-guard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from moderation import checks

        checks.register_all()
