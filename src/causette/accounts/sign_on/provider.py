"""One OpenID Connect provider: discovery, the authorization code flow with PKCE, and the verified ID token.

Sources: OpenID Connect Core 1.0 §3.1, OpenID Connect Discovery 1.0 §4, RFC 7636 (PKCE), RFC 9700 (best practice).
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType]
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from causette.accounts.sign_on.types import Person
from causette.accounts.visitors import is_loopback
from causette.errors import NotAuthenticated, Unavailable
from causette.settings import SignOnProvider

# Only those with a public key: with a shared secret, who knows the client's could make anybody's token.
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
_KEPT_SECONDS: Final = 3600.0
# An unknown key's name may be a new one; but not every forged token shall make us ask again.
_KEYS_ASKED_AGAIN_AFTER: Final = 10.0
_SECONDS: Final = 10.0
_LONGEST_ANSWER: Final = 1 << 20
_LEEWAY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class _Endpoints:
    #: As the provider itself writes it, with or without a slash at the end.
    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str | None
    #: Whether the client's secret goes into the body, because the provider does not take it in a header.
    secret_in_body: bool


class Provider:
    """What is said to one provider, and believed of it."""

    def __init__(self, config: SignOnProvider) -> None:
        self.config = config
        self._endpoints: _Endpoints | None = None
        self._endpoints_until = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def authorization_url(
        self, *, state: str, nonce: str, code_verifier: str, redirect_uri: str
    ) -> str:
        """Where to send a browser.

        Raises:
            Unavailable: the provider does not say where (``sign_on_unavailable``).
        """
        endpoints = await self._discovered()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.config.client_id,
                "redirect_uri": redirect_uri,
                "scope": " ".join(self.config.scopes),
                "state": state,
                "nonce": nonce,
                "code_challenge": str(cast("object", create_s256_code_challenge(code_verifier))),
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{query}"

    async def person(self, code: str, *, nonce: str, code_verifier: str, redirect_uri: str) -> Person:
        """Who came back with ``code``.

        Raises:
            NotAuthenticated: the provider does not take the code, or its ID token does not hold (``sign_on_failed``).
            Unavailable: the provider does not answer (``sign_on_unavailable``).
        """
        endpoints = await self._discovered()
        tokens = await self._exchange(endpoints, code, code_verifier, redirect_uri)
        access_token = str(tokens.get("access_token") or "")
        claims = await self._verified(endpoints, str(tokens.get("id_token") or ""), nonce, access_token)
        subject = str(claims["sub"])
        if "email" not in claims and endpoints.userinfo is not None and access_token:
            more = await self._get(endpoints.userinfo, headers={"authorization": f"Bearer {access_token}"})
            # Core §5.3.2: an answer about somebody else must not be used.
            if more.get("sub") == subject:
                claims = {**more, **claims}
        email, name = claims.get("email"), claims.get("name")
        return Person(
            subject=subject,
            email=email if isinstance(email, str) and claims.get("email_verified") is True else None,
            name=name if isinstance(name, str) else None,
        )

    async def _discovered(self) -> _Endpoints:
        async with self._one_at_a_time:
            if self._endpoints is None or time.monotonic() > self._endpoints_until:
                issuer = self.config.issuer.rstrip("/")
                found = await self._get(f"{issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != issuer:
                    raise self._unavailable(f"it calls itself {found.get('issuer')!r}")
                self._endpoints = self._endpoints_in(found)
                self._endpoints_until = time.monotonic() + _KEPT_SECONDS
            return self._endpoints

    def _endpoints_in(self, found: Mapping[str, Any]) -> _Endpoints:
        urls = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        userinfo = found.get("userinfo_endpoint")
        for url in [*urls, *([userinfo] if userinfo else [])]:
            self._check(url)
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return _Endpoints(
            issuer=str(found.get("issuer")),
            authorization=str(urls[0]),
            token=str(urls[1]),
            keys=str(urls[2]),
            userinfo=str(userinfo) if userinfo else None,
            secret_in_body="client_secret_basic" not in methods,
        )

    async def _exchange(
        self, endpoints: _Endpoints, code: str, code_verifier: str, redirect_uri: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        }
        secret = self.config.client_secret
        headers: dict[str, str] = {}
        if secret is None or endpoints.secret_in_body:
            form["client_id"] = self.config.client_id
            if secret is not None:
                form["client_secret"] = secret.get_secret_value()
        else:
            # RFC 6749 §2.3.1: both are form-encoded first.
            headers["authorization"] = aiohttp.BasicAuth(
                quote_plus(self.config.client_id), quote_plus(secret.get_secret_value())
            ).encode()
        status, answer = await self._ask("POST", endpoints.token, headers=headers, form=form)
        if status >= 500:
            raise self._unavailable(f"its token endpoint answers {status}")
        if status != 200:
            raise self._failed(f"it refuses the code: {answer.get('error', status)}")
        return answer

    async def _verified(
        self, endpoints: _Endpoints, id_token: str, nonce: str, access_token: str
    ) -> dict[str, Any]:
        """The claims of an ID token whose signature, issuer, audience, time and nonce are right (Core §3.1.3.7)."""
        keys = await self._known_keys(endpoints)
        try:
            try:
                token = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            except InvalidKeyIdError:
                token = jwt.decode(
                    id_token, await self._known_keys(endpoints, anew=True), algorithms=_ALGORITHMS
                )
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": endpoints.issuer},
                    "aud": {"essential": True, "value": self.config.client_id},
                },
                params={"nonce": nonce, "client_id": self.config.client_id, "access_token": access_token},
            )
            claims.validate(int(time.time()), _LEEWAY_SECONDS)
        except (JoseError, ValueError) as error:
            raise self._failed(f"its ID token does not hold: {error}") from None
        return dict(token.claims)

    async def _known_keys(self, endpoints: _Endpoints, *, anew: bool = False) -> KeySet:
        async with self._one_at_a_time:
            age = time.monotonic() - self._keys_at
            wanted = age > _KEPT_SECONDS or (anew and age > _KEYS_ASKED_AGAIN_AFTER)
            if self._keys is None or wanted:
                found = await self._get(endpoints.keys)
                try:
                    self._keys = KeySet.import_key_set(cast("Any", found))
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise self._unavailable(f"its keys cannot be read: {error}") from None
                self._keys_at = time.monotonic()
            return self._keys

    async def _get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        status, answer = await self._ask("GET", url, headers=headers)
        if status != 200:
            raise self._unavailable(f"{url} answers {status}")
        return answer

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, Any]]:
        self._check(url)
        sent = {"accept": "application/json", **(headers or {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
                session.request(method, url, headers=sent, data=form, allow_redirects=False) as response,
            ):
                content = await response.content.read(_LONGEST_ANSWER + 1)
                while len(content) <= _LONGEST_ANSWER and not response.content.at_eof():
                    content += await response.content.read(_LONGEST_ANSWER + 1 - len(content))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unavailable(f"{url} cannot be reached ({type(error).__name__})") from None
        try:
            answer: object = json.loads(content) if len(content) <= _LONGEST_ANSWER else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            if response.status == 200:
                raise self._unavailable(f"{url} answers with something else than a JSON object")
            answer = {}
        return response.status, cast("dict[str, Any]", answer)

    def _check(self, url: object) -> None:
        """Speak over HTTPS only, except to this machine."""
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
            return
        raise self._unavailable(f"{url!r} is not reached over HTTPS")

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"{self.config.title} cannot be used to sign in now: {reason}. Try again, or sign in otherwise.",
            code="sign_on_unavailable",
        )

    def _failed(self, reason: str) -> NotAuthenticated:
        return NotAuthenticated(
            f"Signing in with {self.config.title} failed: {reason}. Try again.", code="sign_on_failed"
        )
