"""The push key: made once, private, never replaced by itself; signatures are made rarely and end in time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from leadline.errors import UsageError
from leadline.push.keys import Signer, load_key, public_text
from tests.fakes.push_service import from_base64url
from tests.server.push.conftest import CONTACT


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "vapid.pem"
    made = public_text(load_key(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_text(load_key(path)) == made
    raw = from_base64url(made)
    assert (len(raw), raw[0]) == (65, 4)
    path.chmod(0o644)
    load_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_servers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(public_text(load_key(tmp_path / "vapid.pem"))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "junk", "other kind", "other curve"],
)
def test_a_wrong_key_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vapid.pem"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="expected a P-256 private key"):
        load_key(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_none_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the push key cannot be kept here"):
        load_key(tmp_path / "file" / "vapid.pem")


def claims(authorization: str) -> dict[str, object]:
    token = authorization.removeprefix("vapid t=").split(",")[0]
    content: dict[str, object] = json.loads(from_base64url(token.split(".")[1]))
    return content


def test_a_signature_serves_one_origin_for_twelve_hours() -> None:
    now_s = 1_800_000_000.0
    signer = Signer(ec.generate_private_key(ec.SECP256R1()), CONTACT, lambda: now_s)
    apple, google = signer.authorization("https://web.push.apple.com"), signer.authorization("https://x.dev")
    assert claims(apple) == {"aud": "https://web.push.apple.com", "exp": now_s + 64_800, "sub": CONTACT}
    assert claims(google)["aud"] == "https://x.dev"
    now_s += 12 * 3600 - 1
    assert signer.authorization("https://web.push.apple.com") == apple
    now_s += 1
    renewed = claims(signer.authorization("https://web.push.apple.com"))
    assert renewed["exp"] == now_s + 64_800
    # A clock that was set back two days: the old signature would end too far in the future.
    now_s -= 172_800
    assert claims(signer.authorization("https://web.push.apple.com"))["exp"] == now_s + 64_800
