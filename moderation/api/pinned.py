"""What Django REST framework would take from the host's REST_FRAMEWORK: that is for the host's own API."""

from __future__ import annotations

from typing import TypeVar

from django.db import models
from rest_framework import ISO_8601, serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import DEFAULTS, IMPORT_STRINGS, APISettings

Row = TypeVar("Row", bound=models.Model)

SETTINGS = APISettings({"EXCEPTION_HANDLER": "moderation.api.problems.answer"}, DEFAULTS, IMPORT_STRINGS)


class Negotiation(DefaultContentNegotiation):
    settings = SETTINGS  # type: ignore[assignment]  # the stubs know one object alone


class Renderer(JSONRenderer):
    ensure_ascii, compact, strict = False, True, True


class Parser(JSONParser):
    strict = True


class MomentField(serializers.DateTimeField):
    format, input_formats = ISO_8601, (ISO_8601,)


class DayField(serializers.DateField):
    format, input_formats = ISO_8601, (ISO_8601,)


class ModelSerializer(serializers.ModelSerializer[Row]):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
        models.DateField: DayField,
    }
