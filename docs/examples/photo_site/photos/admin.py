from django.contrib import admin

from moderation.host.admin import ScreeningAdminMixin, ScreeningFilter
from photos.models import Photo


@admin.register(Photo)
class PhotoAdmin(ScreeningAdminMixin, admin.ModelAdmin):
    list_display = ("title", "author", "screening", "created_at")
    list_filter = (ScreeningFilter,)
