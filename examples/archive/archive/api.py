"""The archive as an API, which browsers may browse: Django REST framework as its own documentation shows it."""

from __future__ import annotations

from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FileUploadParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.viewsets import ModelViewSet

from archive.models import Document

__all__ = ["DocumentSerializer", "DocumentViewSet"]


class DocumentSerializer(ModelSerializer):
    """A document in JSON; its file is a link."""

    class Meta:
        model = Document
        fields = ("id", "title", "file", "size", "added_at")


class DocumentViewSet(ModelViewSet):
    """List, add, change and delete documents."""

    queryset = Document.objects.all()
    serializer_class = DocumentSerializer
    throttle_scope = "uploads"  # whose rate is in the settings

    @action(
        detail=True,
        methods=["put"],
        url_path="file/(?P<filename>[^/]+)",
        parser_classes=[FileUploadParser],
        throttle_classes=[ScopedRateThrottle],
    )
    def put_file(self, request: Request, pk: str, filename: str) -> Response:
        """Take the body, as it is, for the document's file: ``curl -T report.pdf …/api/documents/1/file/``."""
        upload = request.data.get("file")
        if upload is None:
            raise ValidationError({"file": ["The body is the file, and it is missing."]})
        document = self.get_object()
        with upload:  # REST framework has Django close the files of forms only; a large one leaves its temporary place
            document.file.save(upload.name, upload)
        return Response(self.get_serializer(document).data)
