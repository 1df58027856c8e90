"""What is set on the socket of a driver that leaves it to its user, and the TLS context that it is given."""

from __future__ import annotations

import socket
import ssl

from muniment.databases.options import ConnectionOptions, TlsMode
from muniment.errors import DatabaseUrlError

VERIFYING = (TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL)

IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
"""Seconds before the first sign of life; macOS calls it otherwise."""


def keep_alive(connected: socket.socket | None, options: ConnectionOptions) -> None:
    """Let the system notice when the other end of a TCP connection is gone.

    Without this a connection whose other end vanished, with nothing left to send, waits for hours.

    Args:
        connected: the driver's socket; nothing is done to a local one, or where there is none.
        options: how often, and for how long.
    """
    if connected is None or connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {
        IDLE: options.keepalives_idle,
        getattr(socket, "TCP_KEEPINTVL", None): options.keepalives_interval,
        getattr(socket, "TCP_KEEPCNT", None): options.keepalives_count,
        getattr(socket, "TCP_USER_TIMEOUT", None): options.tcp_user_timeout,  # Linux alone has it
    }
    for name, value in wanted.items():
        if name is not None:
            connected.setsockopt(socket.IPPROTO_TCP, name, value)


def tls_context(options: ConnectionOptions, label: str) -> ssl.SSLContext | None:
    """The context for a driver other than libpq; None where nobody asked for TLS.

    `require` encrypts and verifies nothing, as with libpq; `verify-ca` verifies the certificate, and
    `verify-full` that it is this host's. Without `sslrootcert` the system's authorities are believed.

    Raises:
        DatabaseUrlError: a mode that only libpq has, or a file that cannot be read.
    """
    mode = options.sslmode
    if mode is None or mode is TlsMode.DISABLE:
        return None
    if mode not in (TlsMode.REQUIRE, *VERIFYING):
        raise DatabaseUrlError(
            f"sslmode={mode} encrypts or does not, as it happens, and this driver does not guess",
            hint="Write require, verify-ca, verify-full or disable",
            where=label,
        )
    try:
        context = ssl.create_default_context(cafile=options.sslrootcert)
        if options.sslcert:
            context.load_cert_chain(options.sslcert, options.sslkey)
    except (OSError, ssl.SSLError) as error:
        raise DatabaseUrlError(
            "a certificate or key that this URL names cannot be read",
            hint="Check sslrootcert, sslcert and sslkey: files in PEM format",
            where=label,
        ) from error
    context.check_hostname = mode is TlsMode.VERIFY_FULL
    context.verify_mode = ssl.CERT_REQUIRED if mode in VERIFYING else ssl.CERT_NONE
    return context
