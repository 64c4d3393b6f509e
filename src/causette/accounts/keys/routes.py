"""``/api/keys``: the keys of whom one acts for, oneself or a workspace."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request, status
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller, accounts_of
from causette.accounts.keys.scopes import Scope
from causette.accounts.keys.service import KeyChanges, Keys, LimitChanges
from causette.accounts.types import ApiKey, KeyLimits
from causette.amounts import dollars_of, nano_of

_LONGEST_FIELD: Final = 1024
# What JavaScript can count to.
_LARGEST_COUNT: Final = 2**53 - 1


def _checked_dollars(written: str) -> str:
    nano_of(written)
    return written


LimitName = Literal["rpm", "tpm", "day_usd", "month_usd", "total_usd"]

_Name = Annotated[str, Field(max_length=_LONGEST_FIELD)]
_Count = Annotated[int | None, Field(ge=0, le=_LARGEST_COUNT)]
_Dollars = Annotated[str, Field(max_length=32), AfterValidator(_checked_dollars)]


class KeyLimitsBody(BaseModel):
    """The most that a key may be used; null for no limit of its own. Amounts are in US dollars, as ``"20.00"``."""

    model_config = ConfigDict(extra="forbid", title="KeyLimits")

    rpm: Annotated[_Count, Field(description="Requests per minute")] = None
    tpm: Annotated[_Count, Field(description="Tokens per minute")] = None
    day_usd: _Dollars | None = None
    month_usd: _Dollars | None = None
    total_usd: _Dollars | None = None

    def limits(self) -> KeyLimits:
        """The same, in nano-dollars."""
        return KeyLimits(
            rpm=self.rpm,
            tpm=self.tpm,
            day_nano=_nano(self.day_usd),
            month_nano=_nano(self.month_usd),
            total_nano=_nano(self.total_usd),
        )

    def changes(self) -> LimitChanges:
        """Those that the body names, and no others."""
        changes = LimitChanges()
        if "rpm" in self.model_fields_set:
            changes["rpm"] = self.rpm
        if "tpm" in self.model_fields_set:
            changes["tpm"] = self.tpm
        if "day_usd" in self.model_fields_set:
            changes["day_nano"] = _nano(self.day_usd)
        if "month_usd" in self.model_fields_set:
            changes["month_nano"] = _nano(self.month_usd)
        if "total_usd" in self.model_fields_set:
            changes["total_nano"] = _nano(self.total_usd)
        return changes

    @classmethod
    def of(cls, limits: KeyLimits) -> "KeyLimitsBody":
        """The public form of ``limits``."""
        return cls(
            rpm=limits.rpm,
            tpm=limits.tpm,
            day_usd=_usd(limits.day_nano),
            month_usd=_usd(limits.month_nano),
            total_usd=_usd(limits.total_nano),
        )


class KeyBody(BaseModel):
    """A key to make. Without ``expires_at`` it never ends."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    scopes: Annotated[list[Scope], Field(max_length=16)] = ["all"]
    limits: KeyLimitsBody = KeyLimitsBody()
    expires_at: AwareDatetime | None = None


class KeyPatch(BaseModel):
    """What to change of a key; what is left out stays, within ``limits`` too, where null lifts one."""

    model_config = ConfigDict(extra="forbid")

    name: _Name = ""
    scopes: Annotated[list[Scope], Field(max_length=16)] = []
    limits: KeyLimitsBody = KeyLimitsBody()
    expires_at: AwareDatetime | None = None

    def changes(self) -> KeyChanges:
        """What the body names, and nothing else."""
        changes = KeyChanges()
        if "name" in self.model_fields_set:
            changes["name"] = self.name
        if "scopes" in self.model_fields_set:
            changes["scopes"] = self.scopes
        if "limits" in self.model_fields_set:
            changes["limits"] = self.limits.changes()
        if "expires_at" in self.model_fields_set:
            changes["expires_at"] = self.expires_at
        return changes


class KeyOut(BaseModel):
    """A key without its secret, of which ``hint`` is the last four characters."""

    model_config = ConfigDict(title="ApiKey")

    id: str
    name: str
    hint: str
    maker_id: Annotated[str, Field(description="The user who made it")]
    workspace_id: Annotated[
        str | None, Field(description="The workspace that it acts for; null for its maker")
    ]
    scopes: list[Scope]
    limits: KeyLimitsBody
    imposed: Annotated[
        list[LimitName],
        Field(
            description="The limits that an admin has set, which its maker may lower and not raise or lift"
        ),
    ]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyOut":
        """The public form of ``key``."""
        return cls.model_validate(_shown(key))


class NewKeyOut(KeyOut):
    """A fresh key with its secret, which is shown this once."""

    model_config = ConfigDict(title="NewApiKey")

    secret: str


class KeyList(BaseModel):
    """Keys, ended ones included, the newest first."""

    model_config = ConfigDict(title="ApiKeyList")

    items: list[KeyOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/keys", tags=["keys"])

    def keys_of(request: Request) -> Keys:
        return accounts_of(request).keys

    @routes.get("")
    async def list_keys(caller: SignedInCaller, request: Request) -> KeyList:
        """One's keys; with `x-causette-workspace`, those for the workspace: one's own, or as its admin everybody's."""
        found = await keys_of(request).list(caller)
        return KeyList(items=[KeyOut.of(key) for key in found])

    @routes.post("", status_code=status.HTTP_201_CREATED)
    async def create_key(body: KeyBody, caller: SignedInCaller, request: Request) -> NewKeyOut:
        """Make a key that acts as oneself, or with `x-causette-workspace` for the workspace."""
        made = await keys_of(request).create(
            caller,
            name=body.name,
            scopes=body.scopes,
            limits=body.limits.limits(),
            expires_at=body.expires_at,
        )
        return NewKeyOut.model_validate({**_shown(made.key), "secret": made.secret})

    @routes.patch("/{key_id}")
    async def change_key(key_id: str, body: KeyPatch, caller: SignedInCaller, request: Request) -> KeyOut:
        """Change its name, scopes, limits or end, from the next request on."""
        return KeyOut.of(await keys_of(request).update(caller, key_id, **body.changes()))

    @routes.delete("/{key_id}")
    async def revoke_key(key_id: str, caller: SignedInCaller, request: Request) -> KeyOut:
        """End it at once. There is no way back."""
        return KeyOut.of(await keys_of(request).revoke(caller, key_id))

    return routes


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "maker_id": key.maker_id,
        "workspace_id": key.workspace_id,
        "scopes": sorted(key.scopes),
        "limits": KeyLimitsBody.of(key.limits),
        "imposed": sorted(name.replace("_nano", "_usd") for name in key.imposed),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _nano(usd: str | None) -> int | None:
    return None if usd is None else nano_of(usd)


def _usd(nano: int | None) -> str | None:
    return None if nano is None else dollars_of(nano)
