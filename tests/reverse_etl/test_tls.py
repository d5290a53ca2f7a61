"""A channel that cannot prove who it is gets nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.reverse_etl.recorder import recording
from tests.reverse_etl.world import World, people


def certificate(path: Path, address: str, days: int = 1) -> Path:
    """Write a certificate for an address, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "channel.example.com")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("address", "days", "complaint"),
    [
        ("127.0.0.1", 1, "self-signed certificate"),
        ("127.0.0.2", 1, "IP address mismatch"),
        ("127.0.0.1", -1, "certificate has expired"),
        ("127.0.0.1", 1, ""),
    ],
)
def test_nothing_is_sent_to_who_has_the_wrong_certificate(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    days: int,
    complaint: str,
) -> None:
    path = certificate(world.folder / "channel.pem", address, days)
    if "self-signed" not in complaint:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    world.declare()
    world.contacts(people(30))
    with recording(path) as channel:
        monkeypatch.setenv("TESTER_URL", channel.url)
        result = world.run()
    if complaint:
        assert complaint in result.error and "its certificate is not valid" in result.error
        assert (result.status, result.pending, len(channel.times)) == ("failed", 30, 0)
        assert world.ledger("select count(*) from sync_snapshot") == [(0,)]
    else:
        assert (result.status, len(channel.held)) == ("done", 30)
