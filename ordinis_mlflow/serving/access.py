"""Access: who may ask, and over what."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from ordinis_mlflow.errors import InvalidConfig


@dataclass(frozen=True)
class Access:
    """Keys of clients. Without any, whoever reaches the server may ask.

    Attributes:
        keys_file: one ``name:key`` a line, or ``name:sha256:<hexadecimal digest of the key>``;
            ``#`` begins a comment. Read again when it changes. Keys in the environment variable
            ``ORDINIS_API_KEYS``, separated by white space, are valid besides.
        open_metrics: let ``/metrics`` be read without a key.
    """

    keys_file: Path | None = None
    open_metrics: bool = False


@dataclass(frozen=True)
class Certificates:
    """TLS, 1.2 or newer. Without a certificate the server speaks plain HTTP.

    Attributes:
        certificate: PEM file of the server's certificate, with its chain.
        private_key: PEM file of its key, without a password; None if it is in the same file.
        client_authorities: PEM file of who may certify clients; then only certified ones are heard.

    Raises:
        InvalidConfig: there is a key, or authorities, but no certificate.
    """

    certificate: Path | None = None
    private_key: Path | None = None
    client_authorities: Path | None = None

    def __post_init__(self) -> None:
        if self.certificate is None and (self.private_key or self.client_authorities):
            raise InvalidConfig("private_key and client_authorities need a certificate as well")

    @property
    def scheme(self) -> str:
        """Of the server's URL."""
        return "http" if self.certificate is None else "https"

    def context(self) -> ssl.SSLContext | None:
        """What uvicorn is given; None for plain HTTP.

        Raises:
            InvalidConfig: a file cannot be read, or the key is not the certificate's.
        """
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # A password is never asked for: nobody sits before a server.
            context.load_cert_chain(self.certificate, self.private_key, password="")
            if self.client_authorities is not None:
                context.load_verify_locations(self.client_authorities)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            files = [self.certificate, self.private_key, self.client_authorities]
            named = ", ".join(str(each) for each in files if each is not None)
            raise InvalidConfig(f"TLS cannot be offered with {named}: {error}") from error
        return context
