"""MinIO: one server, with secrets of its own."""

from __future__ import annotations

import os
import secrets
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from tests.services.downloads import minio_program
from tests.services.ports import PortLease
from tests.services.sandbox import Child, Sandbox
from tests.services.waiting import wait_ready


class Minio:
    """Runs from `with` on: `endpoint` (host:port), `access_key`, `secret_key`.

    Args:
        certificates: directory with `public.crt` and `private.key`, for https; None: plain http.
    """

    def __init__(self, certificates: Path | None = None) -> None:
        self._certificates = certificates
        self._program = minio_program()
        self._sandbox = Sandbox("minio")
        self._lease = PortLease()
        self.endpoint = f"127.0.0.1:{self._lease.port}"
        self.access_key = f"local-{secrets.token_hex(4)}"
        self.secret_key = secrets.token_hex(16)
        self._server: Child | None = None

    def __enter__(self) -> Minio:
        try:
            self.restart()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def restart(self) -> None:
        """Start it (again, with the objects that it had); returns when it is ready.

        Raises:
            ServicesError: it does not start.
        """
        self.stop()
        command = [str(self._program), "server", "objects", "--address", self.endpoint, "--quiet"]
        if self._certificates is not None:
            command += ["--certs-dir", str(self._certificates)]
        self._server = self._sandbox.start("minio", command, self._environment())
        wait_ready("MinIO", self._server, self._ready)

    def kill(self) -> None:
        """SIGKILL."""
        if self._server is not None:
            self._server.kill()

    def stop(self) -> None:
        """SIGTERM."""
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        """End it, and forget its objects."""
        self._sandbox.close()
        self._lease.close()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._sandbox.directory),
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            # No web console, and no question to its makers whether there is a newer version.
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def _ready(self) -> bool:
        # /minio/health/ready says yes before the server knows its disks: it then tells clients to come in a minute.
        context, scheme = None, "http"
        if self._certificates is not None:
            context, scheme = ssl.create_default_context(cafile=str(self._certificates / "public.crt")), "https"
            # Its own certificate is enough to know it by.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        address = f"{scheme}://{self.endpoint}/minio/health/cluster"
        try:
            with urllib.request.urlopen(address, timeout=2, context=context) as answer:  # noqa: S310 - one of these two
                return bool(answer.status == 200)
        except OSError:
            return False
