"""Uploads go to a temporary file, never into memory, and stop at the limit instead of filling the disk.

The file is anonymous to everybody else (mode 0600) and goes with its request, whatever becomes of it.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler

from moderation.conf import conf
from moderation.intake import Refused
from moderation.vocabulary import Reason

FORM_OVERHEAD = 64 * 1024


class LimitedUploadHandler(TemporaryFileUploadHandler):
    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *rest: Any) -> None:  # noqa: N803
        self.limit = conf().MAX_UPLOAD_BYTES
        self.received = 0
        if content_length > self.limit + FORM_OVERHEAD:
            raise self.too_large()
        super().handle_raw_input(input_data, META, content_length, *rest)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > self.limit:
            self.file.close()  # which deletes it
            raise self.too_large()
        super().receive_data_chunk(raw_data, start)

    def too_large(self) -> Refused:
        return Refused(Reason.TOO_LARGE, f"the limit is {self.limit} bytes")
