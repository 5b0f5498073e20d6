from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"
    label = "deepfake_guard"  # table names and template paths carry it, so that nothing collides in a host project
    verbose_name = "deepfake-guard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from moderation import checks
        from moderation.console.leaving import give_back
        from moderation.console.step_up import stamp_login
        from moderation.host import follow
        from moderation.services import desk_sessions, hosting
        from moderation.signals import verdict_recorded

        checks.register_all()
        verdict_recorded.connect(hosting.hear, dispatch_uid="guard_hosting")
        follow.connect_all()
        user_logged_in.connect(stamp_login, dispatch_uid="guard_step_up")
        user_logged_out.connect(desk_sessions.closed, dispatch_uid="guard_desk_sessions")
        user_logged_out.connect(give_back, dispatch_uid="guard_give_back")
