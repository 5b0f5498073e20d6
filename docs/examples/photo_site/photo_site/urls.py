from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from photos import views

urlpatterns = [
    path("", views.home, name="home"),
    path("mine/", views.mine, name="mine"),
    path("upload/", views.upload, name="upload"),
    path("photos/<int:pk>/", views.photo, name="photo"),
    path("photos/<int:pk>/image", views.image, name="image"),
    path("photos/<int:pk>/appeal/", views.appeal, name="appeal"),
    path("photos/<int:pk>/delete/", views.delete, name="delete"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("guard/", include("moderation.urls")),
]
