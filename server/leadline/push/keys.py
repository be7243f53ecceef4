"""The server's push key: made once, kept in a file for its owner alone, never changed by itself.

Phones subscribe for this key; another key ends every subscription.  So a file that cannot be read is
an error, never a reason to make a new one.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leadline.errors import UsageError

log = logging.getLogger("leadline.push")

FILE_NAME = "vapid.pem"
SIGNED_FOR_S = 18 * 3600  # push services allow 24 h; the rest is for clocks that differ
SIGNATURE_KEPT_S = 12 * 3600


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read the key of ``path``, made there (mode 0600) if there is no such file.

    Raises UsageError when the file cannot be read or written, or is no P-256 private key in PEM.
    """
    try:
        content = _read(path)
        if content is None:
            content = _create(path)
    except OSError as error:
        raise UsageError(f"{path}: the push key cannot be kept here: {error.strerror or error}") from None
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(
            f"{path}: expected a P-256 private key in PEM without a password; put the right file back"
            " (or remove it: a new key is made, and every phone has to turn alerts on again)"
        )
    return key


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public key as phones want it: 65 bytes in base64url without padding."""
    raw = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """Makes the Authorization header for a push service, one signature an origin for 12 hours.

    contact: the checked subject; now_s: Unix time.
    """

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, contact: str, now_s: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._contact = contact
        self._now_s = now_s
        self._made: dict[str, tuple[float, str]] = {}

    def authorization(self, origin: str) -> str:
        """Return the header for the service at ``origin`` ("https://host")."""
        now_s = self._now_s()
        made = self._made.get(origin)
        # A clock that was set back makes an old signature look young; its end would then be too far off.
        if made is None or not 0 <= now_s - made[0] < SIGNATURE_KEPT_S:
            made = self._made[origin] = (now_s, self._sign(origin, int(now_s)))
        return made[1]

    def _sign(self, origin: str, now_s: int) -> str:
        from py_vapid import Vapid02  # loaded beside the event loop, see sender.load_libraries

        # Its own check of the subject is looser than ours and refuses addresses with a path.
        signer: Any = Vapid02(self._key, conf={"no-strict": True})
        claims = {"aud": origin, "exp": now_s + SIGNED_FOR_S, "sub": self._contact}
        return str(signer.sign(claims)["Authorization"])


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                log.warning("%s was readable by others; it is now its owner's alone", path)
                with contextlib.suppress(OSError):  # a secret mounted read-only stays as it is
                    path.chmod(0o600)
            return file.read(16_384)
    except FileNotFoundError:
        return None


def _create(path: Path) -> bytes:
    """Write a new key beside ``path`` and link it there: never half a file, never over another one."""
    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:  # another server of this folder was faster
            return path.read_bytes()
    finally:
        beside.unlink()
    log.info("made a push key in %s; keep it, phones are bound to it", path)
    return content
