"""The admin, the API, the tokens with which programs log in, and the files."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.static import serve
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.routers import DefaultRouter

from archive.api import DocumentViewSet

router = DefaultRouter(trailing_slash=False)
router.register("documents", DocumentViewSet)

urlpatterns = [
    path("", RedirectView.as_view(url="/api/")),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("api/token", obtain_auth_token),
    path("api/", include("rest_framework.urls")),  # the browsable API's log in and log out
    path("files/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
]
