"""TLS as the safe client checks it: against the name that was asked for, over the address that was looked at."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moderation import safe_http
from moderation.safe_http import Unreachable, post
from tests.moderation.receiver import Receiver, Resolver, receiving

NAME = "hooks.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for hooks.example that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls_receiver(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    safe_http._tls.cache_clear()
    with receiving(context) as receiver:
        yield receiver
    safe_http._tls.cache_clear()


def test_tls_is_checked_against_the_name_and_not_the_address(
    tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, hooks_example=["127.0.0.1"], other_example=["127.0.0.1"])
    port = tls_receiver.port
    answer = post(f"https://{NAME}:{port}/hook", b"{}", {}, [f"{NAME}:{port}"])
    assert (answer.status, tls_receiver.requests[0].headers["host"]) == (200, f"{NAME}:{port}")
    with pytest.raises(Unreachable, match="certificate"):
        post(f"https://other.example:{port}/hook", b"{}", {}, [f"other.example:{port}"])
    assert len(tls_receiver.requests) == 1


def test_it_does_not_speak_to_an_unknown_authority(tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    safe_http._tls.cache_clear()
    Resolver(monkeypatch, hooks_example=["127.0.0.1"])
    with pytest.raises(Unreachable, match="certificate"):
        post(f"https://{NAME}:{tls_receiver.port}/", b"{}", {}, [f"{NAME}:{tls_receiver.port}"])
    assert tls_receiver.requests == []
