"""Keys and certificates at a real server: who is heard, and over what."""

import datetime
import http.client
import json
import ssl
import time

import pytest
from command_server import command_server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.serving.access import Certificates

KEY, NEXT = "a-key-of-the-desk-2026", "the-key-that-follows-it"


def signed(folder, name, issuer=None):
    """(certificate, key) files; by an issuer, given by its files, or itself an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    by, by_key = subject, key
    if issuer:
        by = x509.load_pem_x509_certificate(issuer[0].read_bytes()).subject
        by_key = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    builder = x509.CertificateBuilder(by, subject, key.public_key(), 1 + len(name))
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(not issuer, None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = builder.add_extension(names, critical=False).sign(by_key, hashes.SHA256())
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    files[1].write_bytes(secret)
    return files


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    authority = signed(folder, "authority")
    others = {name: signed(folder, name, authority) for name in ("server", "client")}
    return {"authority": authority, "stranger": signed(folder, "stranger"), **others}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"desk:{KEY}\n")
    return path


@pytest.fixture(scope="module")
def server(saved_package, certificates, keys_file):
    """With keys, and for certified clients alone."""
    certificate, key = certificates["server"]
    arguments = ("--certificate", certificate, "--private_key", key)
    arguments += ("--client_authorities", certificates["authority"][0], "--keys_file", keys_file)
    with command_server(saved_package, *arguments) as running:
        assert running.scheme == "https"
        yield running


@pytest.fixture
def client(certificates):
    return context_of(certificates, "client")


def context_of(certificates, who):
    context = ssl.create_default_context(cafile=certificates["authority"][0])
    if who:
        context.load_cert_chain(*certificates[who])
    return context


def ask(server, context, method="GET", path="/version", **headers):
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    status, body = answer.status, answer.read()
    connection.close()
    return status, body, answer.headers


@pytest.mark.parametrize(
    ("path", "method"),
    [("/version", "GET"), ("/metrics", "GET"), ("/invocations", "POST")],
)
def test_without_a_key(server, client, path, method):
    for headers in ({}, {"X-API-Key": "x" * 20}, {"Authorization": f"Basic {KEY}"}):
        status, body, answered = ask(server, client, method, path, **headers)
        assert status == 401
        assert json.loads(body)["error_code"] == "UNAUTHENTICATED"
        assert answered["www-authenticate"].startswith("Bearer")
        assert b"x" * 20 not in body


def test_with_a_key(server, client):
    assert ask(server, client, Authorization=f"Bearer {KEY}")[0] == 200
    assert ask(server, client, **{"X-API-Key": KEY})[0] == 200


def test_probes_need_no_key(server, client):
    assert ask(server, client, path="/ping")[0] == 200
    assert ask(server, client, path="/health")[0] == 200


def test_a_key_is_changed_without_a_restart(server, client, keys_file):
    bearer, following = f"Bearer {KEY}", f"Bearer {NEXT}"
    keys_file.write_text(f"desk:{KEY}\nnext:{NEXT}\n")
    while ask(server, client, Authorization=following)[0] == 401:
        time.sleep(0.1)
    assert ask(server, client, Authorization=bearer)[0] == 200
    keys_file.write_text(f"next:{NEXT}\n")
    while ask(server, client, Authorization=bearer)[0] == 200:
        time.sleep(0.1)
    assert ask(server, client, Authorization=following)[0] == 200
    keys_file.write_text(f"desk:{KEY}\n")
    while ask(server, client, Authorization=bearer)[0] == 401:
        time.sleep(0.1)


def test_no_key_is_in_the_log(server):
    said = server.log.read_text()
    assert KEY not in said
    assert NEXT not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("who", [None, "stranger"])
def test_clients_that_nobody_certified_are_not_heard(server, certificates, who):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(server, context_of(certificates, who), path="/ping")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_below_1_2_is_not_spoken(server, client):
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(server, client, path="/ping")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_that_is_spoken(server, client, version):
    client.minimum_version = client.maximum_version = version
    assert ask(server, client, path="/ping")[0] == 200


def test_plain_http_is_not_spoken(server):
    connection = http.client.HTTPConnection("localhost", server.port, timeout=60)
    connection.request("GET", "/ping")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_files_that_do_not_fit(certificates, tmp_path):
    certificate, key = certificates["server"]
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    for files in (
        (certificate, certificates["client"][1]),
        (certificate, None),
        (damaged, key),
        (certificate, key, damaged),
        (certificate, tmp_path / "missing"),
    ):
        with pytest.raises(InvalidConfig, match=r"TLS cannot be offered with .*\.pem"):
            Certificates(*files).context()


def test_a_private_key_with_a_password_is_refused_and_nobody_is_asked_for_it(
    certificates, tmp_path
):
    certificate, key = certificates["server"]
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    with pytest.raises(InvalidConfig, match="TLS cannot be offered"):
        Certificates(certificate, locked).context()
