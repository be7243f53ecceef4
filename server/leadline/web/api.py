"""What every JSON request of the app has in common: who may ask, how much, and how a refusal reads."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse

from leadline.errors import LeadlineError
from leadline.limits import API_BODY_BYTES_MAX

Handler = Callable[[Request], Awaitable[JSONResponse]]


class Refused(LeadlineError):
    """A request that is not done.  status: HTTP; code: for the app; the sentence is for the person."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


def answered(handler: Handler) -> Handler:
    """Let a handler answer refusals as JSON: {"error": {"code", "text"}}."""

    async def endpoint(request: Request) -> JSONResponse:
        try:
            return await handler(request)
        except Refused as error:
            return told({"error": {"code": error.code, "text": str(error)}}, error.status)

    return endpoint


def told(content: object, status: int = 200) -> JSONResponse:
    """Answer with JSON that nobody keeps."""
    return JSONResponse(content, status, headers={"cache-control": "no-store"})


async def read_change(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request that changes something.

    Raises Refused unless it is JSON of a bearable size from a page of this very server.  A page elsewhere
    cannot send this type without asking first (which is never allowed), and browsers name it in two headers.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if (origin is not None and urlsplit(origin).netloc != request.headers.get("host")) or (
        site not in (None, "same-origin")
    ):
        raise Refused(403, "not_ours", "expected a request of this server's own page")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "not_json", f"expected content-type application/json, got {kind or 'none'!r}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > API_BODY_BYTES_MAX:
            raise Refused(413, "too_large", f"expected at most {API_BODY_BYTES_MAX} bytes")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "not_json", "expected a JSON object") from None
    if not isinstance(content, dict):
        raise Refused(400, "not_json", "expected a JSON object")
    return content


def text_of(content: dict[str, Any], name: str, chars_max: int) -> str:
    """Return a text of the request.

    Raises Refused when it is missing, no text or too long.
    """
    value = content.get(name)
    if not isinstance(value, str) or len(value) > chars_max:
        raise Refused(400, "bad_request", f"expected {name} as text of at most {chars_max} characters")
    return value
