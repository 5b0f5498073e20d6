"""A receiver with Flask.

GUARD_WEBHOOK_SECRET=whsec_… flask --app flask_app run
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, request
from guard_webhooks import MOST_BYTES, NotBelieved, believed

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES


@app.post("/hooks/guard")
def guard_hook() -> Response:
    try:
        message_id, message = believed(os.environ["GUARD_WEBHOOK_SECRET"], request.headers, request.get_data())
    except NotBelieved as error:
        return Response(str(error), status=401, mimetype="text/plain")
    take(message_id, message)
    return Response(status=204)


def take(message_id: str, message: Any) -> None:
    """Yours: write both into a table where `message_id` is unique (a message can come twice), and work later."""
