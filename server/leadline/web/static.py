"""The built app from memory: a fixed set of known files, so no request can name any other."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
COMPRESSED = {".html", ".js", ".css", ".json", ".webmanifest", ".svg", ".txt"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    packed: dict[str, bytes]  # by the name of the encoding, the smallest first
    media_type: str
    etag: str
    cache: str


class StaticFiles:
    """Every file below ``folder`` by its URL path; "/" is index.html."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, StaticFile] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in TYPES and not path.is_symlink():
                url = "/" + path.relative_to(folder).as_posix()
                self.files[url] = _load(path, url)
        if "/index.html" in self.files:
            self.files["/"] = self.files["/index.html"]

    async def endpoint(self, request: Request) -> Response:
        """Answer one GET from the table, 404 for anything else."""
        held = self.files.get(request.url.path)
        if held is None:
            return Response("not found", 404, media_type="text/plain")
        headers = {"etag": held.etag, "cache-control": held.cache, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == held.etag:
            return Response(status_code=304, headers=headers)
        accepted = request.headers.get("accept-encoding", "")
        for encoding, packed in held.packed.items():
            if takes(accepted, encoding):
                headers["content-encoding"] = encoding
                return Response(packed, headers=headers, media_type=held.media_type)
        return Response(held.body, headers=headers, media_type=held.media_type)


def takes(accepted: str, encoding: str) -> bool:
    """Tell whether an Accept-Encoding header (RFC 9110, 12.5.3) allows an encoding other than identity.

    A weight of 0 forbids; "*" stands for all that are not named; a weight that is no number is 0.
    """
    weights: dict[str, float] = {}
    for one in accepted.split(","):
        name, _, parameters = one.partition(";")
        weight = parameters.strip().lower()
        try:
            weights[name.strip().lower()] = float(weight.removeprefix("q=")) if weight else 1.0
        except ValueError:
            weights[name.strip().lower()] = 0.0
    return weights.get(encoding, weights.get("*", 0.0)) > 0.0


def _load(path: Path, url: str) -> StaticFile:
    body = path.read_bytes()
    packed = {}
    # Python has no brotli: the build leaves such a copy beside the file.
    if (smallest := path.with_name(f"{path.name}.br")).is_file():
        packed["br"] = smallest.read_bytes()
    if path.suffix in COMPRESSED:
        packed["gzip"] = gzip.compress(body, 9, mtime=0)
    return StaticFile(
        body=body,
        packed=packed,
        media_type=TYPES[path.suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
        # Only names that carry a content hash may be kept for ever.
        cache=FOREVER if url.startswith("/assets/") else "no-cache",
    )
