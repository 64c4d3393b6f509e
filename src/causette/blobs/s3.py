"""Bytes in a store that speaks S3: AWS's own, MinIO, Ceph, Garage, R2, …

Four calls are all that is needed, so they are signed here (AWS Signature Version 4) and sent with the HTTP client that
engines are reached with, rather than with an SDK of thirty megabytes.
"""

import asyncio
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from causette.clock import utc_now
from causette.errors import NotFound, Unavailable

_PORTION: Final = 1 << 18
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=60.0)
_RETRY_SECONDS: Final = 5.0


class S3Bucket:
    """A `causette.blobs.Bucket` in a bucket of an S3-compatible store.

    Args:
        endpoint: the store's URL; the bucket is named in the path, as every store understands.
        bucket: the bucket's name.
        prefix: what all keys begin with there.
        region: the region that requests are signed for.
        access_key_id: who we are to the store.
        secret_access_key: what requests are signed with.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key_id: str,
        secret_access_key: str,
        region: str = "us-east-1",
        prefix: str = "",
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._region = region
        self._key_id = access_key_id
        self._secret = secret_access_key
        self._session: aiohttp.ClientSession | None = None

    async def put(self, key: str, source: Path) -> None:
        """See `causette.blobs.Bucket`. An object is there when the store has said so, and not before."""
        digest, size = await asyncio.to_thread(_measured, source)
        file = await asyncio.to_thread(source.open, "rb")
        headers = {"content-length": str(size)}
        with file:
            async with self._send("PUT", key, digest=digest, headers=headers, data=file):
                pass

    async def read(self, key: str, start: int = 0) -> AsyncGenerator[bytes]:
        """See `causette.blobs.Bucket`."""
        headers = {"range": f"bytes={start}-"} if start else {}
        async with self._send("GET", key, headers=headers) as answer:
            async for portion in answer.content.iter_chunked(_PORTION):
                yield portion

    async def delete(self, key: str) -> None:
        """See `causette.blobs.Bucket`."""
        async with self._send("DELETE", key):
            pass

    async def keys(self) -> AsyncGenerator[tuple[str, datetime]]:
        """See `causette.blobs.Bucket`."""
        query = {"list-type": "2", "prefix": self._prefix}
        while True:
            async with self._send("GET", None, query=query) as answer:
                # From the owner's own store; entities in it would be refused by its parser all the same.
                listing = ET.fromstring(await answer.text())  # noqa: S314
            space = listing.tag.partition("}")[0] + "}" if listing.tag.startswith("{") else ""
            for entry in listing.iter(f"{space}Contents"):
                name, changed = entry.findtext(f"{space}Key", ""), entry.findtext(f"{space}LastModified", "")
                yield name.removeprefix(self._prefix), datetime.fromisoformat(changed)
            token = listing.findtext(f"{space}NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    async def close(self) -> None:
        """See `causette.blobs.Bucket`."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        key: str | None,
        *,
        query: Mapping[str, str] | None = None,
        digest: str = _EMPTY,
        headers: Mapping[str, str] | None = None,
        data: object = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        path = f"/{self._bucket}" if key is None else f"/{self._bucket}/{quote(self._prefix + key)}"
        encoded = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted((query or {}).items())
        )
        url = URL(f"{self._endpoint}{path}{f'?{encoded}' if encoded else ''}", encoded=True)
        signed = signature_headers(
            method,
            url,
            digest=digest,
            key_id=self._key_id,
            secret=self._secret,
            region=self._region,
            at=utc_now(),
        )
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False)
        try:
            async with self._session.request(
                method, url, headers={**(headers or {}), **signed}, data=data, allow_redirects=False
            ) as answer:
                if answer.status == 404 and key is not None and method != "PUT":
                    if method == "GET":
                        raise NotFound("These bytes are no longer there.")
                elif answer.status >= 300:
                    raise self._unavailable(f"it answers with {answer.status}: {(await answer.text())[:200]}")
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unavailable(str(error) or type(error).__name__) from error

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(
            f"The store for files at {self._endpoint} cannot be used: {why}. Check [s3] in causette.toml.",
            code="storage_unavailable",
            retry_after=_RETRY_SECONDS,
        )


def _measured(source: Path) -> tuple[str, int]:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), source.stat().st_size


def signature_headers(
    method: str, url: URL, *, digest: str, key_id: str, secret: str, region: str, at: datetime
) -> dict[str, str]:
    """The headers that sign a request (AWS Signature Version 4, service ``s3``).

    Args:
        method: the HTTP method.
        url: where it goes, encoded, with its query in order.
        digest: the SHA-256 of the body, in hexadecimal digits.
        key_id: the access key's id.
        secret: the secret access key.
        region: the store's region.
        at: when it is sent.
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    day = stamp[:8]
    host = url.raw_host or ""
    if not url.is_default_port():
        host = f"{host}:{url.port}"
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join(
        (
            method,
            url.raw_path,
            url.raw_query_string,
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            names,
            digest,
        )
    )
    scope = f"{day}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    credential = f"Credential={key_id}/{scope}"
    return headers | {
        "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    }
