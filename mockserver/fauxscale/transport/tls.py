"""A throw-away certificate authority for clients that speak only https. Needs the extra [tls]."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from fauxscale.extras import needed_by
from fauxscale.temporary import TemporaryFolder


class Certificates(Struct, frozen=True):
    """`ca` is the file clients must trust; `chain` and `key` are the server's own. `folder`, which holds them, belongs
    to the process that made them; None in others."""

    folder: TemporaryFolder | None
    ca: Path
    chain: Path
    key: Path

    def remove(self) -> None:
        if self.folder is not None:
            self.folder.remove()


def names(host: str, others: Iterable[str]) -> list[str]:
    """Every name and address of a server on `host`: loopback's, its own, and `others`."""
    own = host.partition("%")[0]  # certificates do not contain the zone of an address
    asked = ["localhost", "127.0.0.1", "::1", own, *others]
    return [name for name in dict.fromkeys(asked) if name not in ("", "*", "0.0.0.0", "::")]


def issue(hosts: Iterable[str]) -> Certificates:
    """Certificates for `hosts`, in a temporary folder. Takes about 10 ms. Raises MissingExtra without trustme."""
    with needed_by("TLS"):
        import trustme
    authority = trustme.CA(organization_name="fauxscale")
    leaf = authority.issue_cert(*hosts)
    folder = TemporaryFolder()
    made = Certificates(
        folder, folder.path / "ca.pem", folder.path / "server.pem", folder.path / "server.key"
    )
    authority.cert_pem.write_to_path(str(made.ca))
    made.chain.touch()
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(made.chain), append=True)
    made.key.touch(mode=0o600)
    leaf.private_key_pem.write_to_path(str(made.key))
    return made


def trusting(ca: Path) -> ssl.SSLContext:
    """A client context that trusts this authority and no other."""
    return ssl.create_default_context(cafile=str(ca))
