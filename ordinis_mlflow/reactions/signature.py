"""Signature: how whoever is told of a decision knows that it was this server that told it.

The receiver computes the HMAC-SHA256 of ``<delivery>.<timestamp>.<body>`` (the two headers and the
bytes of the body, with full stops between them) by the secret that both know, and compares it in
constant time with what follows ``v1=``. It refuses timestamps that are minutes old, and drops a
delivery that it has had before.
"""

import hashlib
import hmac

DELIVERY = "Ordinis-Delivery"
TIMESTAMP = "Ordinis-Timestamp"
SIGNATURE = "Ordinis-Signature"


def signed(secret: str, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a signed request.

    Args:
        secret: that sender and receiver know.
        key: of the delivery: the same whenever it is repeated.
        timestamp: seconds since 1970, of this attempt.
        body: as it is sent.

    >>> signed("secret", "webhook:ab", 1700000000, b"{}")["Ordinis-Signature"]
    'v1=a28ced622abdac099ae9c7c20b242a23e358c11b16daf9a1fe0c6c8f49c6421c'
    """
    message = f"{key}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {DELIVERY: key, TIMESTAMP: str(timestamp), SIGNATURE: f"v1={digest}"}
