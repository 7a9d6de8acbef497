"""TLS by certificate files."""

import ssl
from pathlib import Path

from app.settings import Settings


def of(settings: Settings) -> ssl.SSLContext | None:
    """What speaks TLS, if the settings name a certificate. ValueError in one line."""
    if settings.tls_cert is None:
        if settings.tls_key is not None:
            raise ValueError("LINEUP_TLS_KEY is set, but LINEUP_TLS_CERT is not; set both, or none")
        return None
    return context(settings.tls_cert, settings.tls_key)


def context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """What speaks TLS 1.2 or newer with this certificate. ValueError in one line that names the wrong file."""
    for name, path in (("LINEUP_TLS_CERT", certificate), ("LINEUP_TLS_KEY", key)):
        if path is not None:
            _check(name, path)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        where = f"LINEUP_TLS_CERT is {certificate}" + (f" and LINEUP_TLS_KEY is {key}" if key else "")
        why = f"cannot be used ({error.reason or error})"
        raise ValueError(f"{where}, which {why}; wanted a certificate with its chain and its key, in PEM") from error
    return made


def _check(name: str, path: Path) -> None:
    told = f"{name} is {path}"
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise ValueError(f"{told}, which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        text = ""
    what = "certificate" if name == "LINEUP_TLS_CERT" else "private key"
    if f"{what.upper()}-----" not in text:
        raise ValueError(f"{told}, in which there is no {what} in PEM")


def _no_password() -> str:
    raise ValueError("the key of LINEUP_TLS_KEY, or of LINEUP_TLS_CERT, has a password; wanted one without")
