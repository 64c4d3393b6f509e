"""An OpenID Connect provider in a process of its own: ``python -m tests.accounts.sign_on.provider_process``.

It prints its issuer, lets everybody in as the person that ``POST /control`` says, and misbehaves as that says.
"""

import base64
import hashlib
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "causette", "a secret: 100% of it"


@dataclass
class Provider:
    issuer: str
    #: What ``POST /control`` set: ``claims`` of the person, and faults by name.
    said: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access_tokens: dict[str, str] = field(default_factory=dict)
    key: RSAKey | ECKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "alg": "RS256"})
    )

    async def control(self, request: Request) -> Response:
        self.said = await request.json()
        if self.said.get("new_key"):
            self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "alg": "ES256"})
        return JSONResponse({})

    async def configuration(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.said.get("issuer", self.issuer),
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302
        )

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or (scheme, unquote_plus(client), unquote_plus(secret)) != ("Basic", CLIENT_ID, CLIENT_SECRET)
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = dict(self.said["claims"])
        access_token = secrets.token_urlsafe()
        self.access_tokens[access_token] = claims["sub"]
        if self.said.get("email_in_userinfo"):
            claims = {"sub": claims["sub"]}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **claims,
            **self.said.get("token_claims", {}),
        }
        for name in self.said.get("without", []):
            del claims[name]
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self._signed(claims),
            }
        )

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.key.alg, "kid": self.key.kid}
        match self.said.get("signature"):
            case "another key":
                return jwt.encode(header, claims, RSAKey.generate_key(2048), algorithms=["RS256"])
            case "the client's secret":
                key = OctKey.import_key(CLIENT_SECRET.ljust(32))
                return jwt.encode({"alg": "HS256", "kid": self.key.kid}, claims, key, algorithms=["HS256"])
            case "none":
                payload = jwt.encode(header, claims, self.key).split(".")[1]
                unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
                return f"{unsigned}.{payload}."
            case _:
                return jwt.encode(header, claims, self.key)

    async def userinfo(self, request: Request) -> Response:
        subject = self.access_tokens[request.headers["authorization"].removeprefix("Bearer ")]
        return JSONResponse(self.said["claims"] | {"sub": self.said.get("userinfo_subject", subject)})


def main() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    app = Starlette(
        routes=[
            Route("/control", provider.control, methods=["POST"]),
            Route("/.well-known/openid-configuration", provider.configuration),
            Route("/jwks", provider.jwks),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/userinfo", provider.userinfo),
        ]
    )
    print(provider.issuer, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run(sockets=[listener])


if __name__ == "__main__":
    main()
