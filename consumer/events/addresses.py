"""What `video_url` may look like, told without asking any server (pure)."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("s3", "http", "https")


def address_problem(url: str) -> str | None:
    """Why no consumer can fetch from this address, as a part of a sentence; None: it is an address.

    Neither user name and password nor the query are shown: they may be secret.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return "it is no address; use s3://BUCKET/KEY or http(s)://HOST/..."
    kind = scheme.lower()
    if kind not in SCHEMES:
        return f"{scheme[:40]}:// is no address that can be fetched; use s3:// or http(s)://"
    rest = url.partition("://")[2]
    if kind == "s3":
        # A key is taken as it stands: `?` and `#` are characters like others.
        bucket, _, key = rest.partition("/")
        complete, shape = bool(bucket and key.strip("/")), "s3://BUCKET/KEY"
    else:
        try:
            complete, shape = bool(urlsplit(url).hostname), f"{kind}://HOST/..."
        except ValueError as error:
            return f"it is no address ({error})"
    if complete:
        return None
    shown = rest.partition("?")[0].rpartition("@")[2]
    return f"the address {scheme}://{shown} is incomplete; it must look like {shape}"
