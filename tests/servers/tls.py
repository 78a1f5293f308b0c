"""A throw-away authority, and what it certifies: a server on 127.0.0.1 and localhost, and a client."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """Files, all PEM. `server_pem` holds the key and the certificate, as ZooKeeper wants them."""

    ca_file: Path
    server_cert: Path
    server_key: Path
    server_pem: Path
    client_cert: Path
    client_key: Path
    clients_show_theirs: bool = False  # a server refuses a client without a certificate of this authority

    def options(self) -> dict[str, str]:
        """What a URL of a store or a bus says after its `?`."""
        files = {"ca_file": str(self.ca_file)}
        if self.clients_show_theirs:
            files |= {"cert_file": str(self.client_cert), "key_file": str(self.client_key)}
        return files


def make_certificates(
    folder: Path, *, clients_show_theirs: bool = False, host: str = "localhost", address: str = "127.0.0.1"
) -> Certificates:
    """A new authority each time: one's servers are strangers to the other's clients."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(
        ca_file=folder / "ca.pem",
        server_cert=folder / "server.crt",
        server_key=folder / "server.key",
        server_pem=folder / "server.pem",
        client_cert=folder / "client.crt",
        client_key=folder / "client.key",
        clients_show_theirs=clients_show_theirs,
    )
    ca_key, ca_name = ec.generate_private_key(ec.SECP256R1()), _name("elastic test authority")
    authority = _builder(ca_name, ca_name, ca_key).add_extension(x509.BasicConstraints(True, 0), critical=True)
    made.ca_file.write_bytes(_pem(authority.sign(ca_key, hashes.SHA256())))

    names = x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(address))])
    as_server, as_client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    for subject, usages, cert_file, key_file in (
        (host, [as_server, as_client], made.server_cert, made.server_key),  # ZooKeepers are clients of one another
        ("client", [as_client], made.client_cert, made.client_key),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject), ca_name, key).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if cert_file == made.server_cert:
            builder = builder.add_extension(names, critical=False)
        cert_file.write_bytes(_pem(builder.sign(ca_key, hashes.SHA256())))
        _write_secret(key_file, _key_pem(key))
    _write_secret(made.server_pem, made.server_key.read_bytes() + made.server_cert.read_bytes())
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
