"""Making, changing, sharing and deleting custom assistants, and what they tell a model."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, TypedDict, Unpack

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.names import checked_name
from causette.accounts.ownership import owned, owned_or_shared
from causette.accounts.types import Caller
from causette.assistant.assistants.pictures import checked_picture
from causette.assistant.assistants.store import CustomAssistantStore
from causette.assistant.assistants.types import AssistantScope, CustomAssistant, Picture, Sharing
from causette.assistant.emoji import checked_emoji
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.projects.types import Colour
from causette.clock import utc_now
from causette.db import Database
from causette.engines.types import Effort
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.ids import new_id
from causette.plans.features import Feature
from causette.plans.types import Entitlements

_MOST_ASSISTANTS: Final = 200
_LONGEST_DESCRIPTION: Final = 300
_LONGEST_INSTRUCTIONS: Final = 8_000
_MOST_STARTERS: Final = 6
_LONGEST_STARTER: Final = 500
_MOST_TOOLS: Final = 64


class AssistantFields(TypedDict, total=False):
    """What an assistant is made of. ``workspace_id`` goes with ``sharing``, where that is ``workspace``."""

    name: str
    description: str
    emoji: str | None
    colour: Colour
    instructions: str
    starters: Sequence[str]
    tools: Sequence[str]
    model: str | None
    effort: Effort | None
    sharing: Sharing
    workspace_id: str | None


#: Told of an assistant that is about to be deleted, by its id.
Parting = Callable[[AsyncConnection, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AssistantPage:
    """Some assistants, and the id that continues after them; None at the end."""

    items: list[CustomAssistant]
    next: str | None


class CustomAssistants:
    """Custom assistants, kept in ``database``.

    Args:
        entitlements: what a caller's plan lets them do.
        model_called: the name of the caller's model that is called so, for people who type another of its names.

    Reading one takes that it is the caller's, or shared with them now; changing it, that it is theirs. A workspace's
    assistants are no more its members' when they leave it.
    """

    def __init__(
        self,
        database: Database,
        entitlements: Callable[[Caller], Awaitable[Entitlements]],
        model_called: Callable[[Caller, str], Awaitable[str]],
    ) -> None:
        self._database = database
        self._store = CustomAssistantStore(database)
        #: What else an assistant's end takes along, in the same transaction and before it: who holds things for it.
        self.partings: list[Parting] = []
        self._entitlements = entitlements
        self._model_called = model_called

    async def list(
        self,
        caller: Caller,
        *,
        scope: AssistantScope,
        containing: str = "",
        before: str | None = None,
        limit: int = 50,
    ) -> AssistantPage:
        """Those in ``scope`` whose name or description hold ``containing``, the newest first."""
        if before is not None and not before.removeprefix("asst_").isalnum():
            raise InvalidRequest("This is not a cursor that the list gave out.", param="before")
        items = await self._store.assistants(
            caller.user.id,
            scope=scope,
            containing=containing.replace("\0", "").strip(),
            before=before,
            limit=limit + 1,
        )
        more = len(items) > limit and scope != "recent"
        items = items[:limit]
        return AssistantPage(items, items[-1].id if more else None)

    async def used_at(self, caller: Caller) -> dict[str, datetime]:
        """When the caller talked last with which assistant."""
        return await self._store.used_at(caller.user.id)

    async def find(self, caller: Caller, assistant_id: str) -> CustomAssistant:
        """One that is the caller's, or shared with them.

        Raises:
            NotFound: there is none with this id, or it is not for the caller.
        """

        async def shared(assistant: CustomAssistant) -> bool:
            return await self._is_shared(assistant, caller)

        return await owned_or_shared(caller, assistant_id, self._store.assistant, shared, what="assistant")

    async def own(self, caller: Caller, assistant_id: str) -> CustomAssistant:
        """One that is the caller's.

        Raises:
            NotFound: there is none with this id, or it is somebody else's, however shared.
        """
        return await owned(caller, assistant_id, self._store.assistant, what="assistant")

    async def answering(self, caller: Caller, assistant_id: str | None) -> CustomAssistant | None:
        """Who answers in a conversation that was begun with this one; None when it is gone, or not shared any more."""
        if assistant_id is None:
            return None
        try:
            return await self.find(caller, assistant_id)
        except NotFound:
            return None

    async def create(self, caller: Caller, **fields: Unpack[AssistantFields]) -> CustomAssistant:
        """Make one.

        Raises:
            InvalidRequest: a field is refused.
            NotFound: there is no such model, or the caller is not in the workspace.
            Forbidden: the caller's plan has no assistants of one's own (``not_in_plan``).
            Conflict: the caller has as many as one may have (``too_many_assistants``).
        """
        await self._require(caller)
        if "name" not in fields:
            raise InvalidRequest("Give the assistant a name.", param="name")
        row = await self._checked(caller, fields)
        return await self._add(caller, row)

    async def duplicate(
        self, caller: Caller, assistant_id: str, *, name: str | None = None
    ) -> CustomAssistant:
        """A copy that is the caller's own and shared with nobody, of one that is theirs or shared with them.

        Raises:
            NotFound, Forbidden, Conflict: as for `find` and `create`.
        """
        await self._require(caller)
        source = await self.find(caller, assistant_id)
        copied = ("description", "emoji", "colour", "instructions", "starters", "tools", "model", "effort")
        row: dict[str, object] = {field: getattr(source, field) for field in copied}
        return await self._add(caller, row | {"name": checked_name(name or source.name)})

    async def change(
        self, caller: Caller, assistant_id: str, **changes: Unpack[AssistantFields]
    ) -> CustomAssistant:
        """Change what is named; what is left out stays. Replies that are begun from now on read it.

        Raises:
            NotFound: there is none with this id, or it is somebody else's, however shared.
            InvalidRequest, Forbidden: as for `create`.
        """
        assistant = await self.own(caller, assistant_id)
        row = await self._checked(caller, changes)
        if not row:
            return assistant
        if changes.get("sharing", "private") != "private":
            await self._require(caller)
        changed = await self._store.change(assistant.id, row | {"updated_at": utc_now()})
        if changed is None:
            raise NotFound("This assistant has been deleted.")
        return changed

    async def picture(self, caller: Caller, assistant_id: str) -> Picture:
        """The picture of one that is the caller's, or shared with them.

        Raises:
            NotFound: there is no such assistant for the caller, or it has no picture.
        """
        found = await self._store.picture((await self.find(caller, assistant_id)).id)
        if found is None:
            raise NotFound("This assistant has no picture.")
        return found

    async def set_picture(self, caller: Caller, assistant_id: str, content: str | None) -> CustomAssistant:
        """Give one of the caller's a picture, which comes in base64, or take it away with None.

        Raises:
            NotFound: there is none with this id, or it is somebody else's, however shared.
            InvalidRequest: see `checked_picture`.
        """
        assistant = await self.own(caller, assistant_id)
        picture = None if content is None else checked_picture(content)
        changed = await self._store.set_picture(assistant.id, picture, utc_now())
        if changed is None:
            raise NotFound("This assistant has been deleted.")
        return changed

    async def feature(self, caller: Caller, assistant_id: str, *, featured: bool) -> CustomAssistant:
        """Recommend one to everybody, or do so no more: for those who run the house.

        Raises:
            NotFound: there is none with this id, or it is not for the caller.
            Forbidden: the caller does not run the house (``owners_only``).
            Conflict: it is not shared with everybody (``not_shared``).
        """
        assistant = await self.find(caller, assistant_id)
        if caller.user.role != "owner":
            raise Forbidden(
                "Only those who run this house recommend assistants. Ask one of them.", code="owners_only"
            )
        if featured and not assistant.everybody:
            raise Conflict(
                "Only what everybody here may use can be recommended to them. Its owner has to share it first.",
                code="not_shared",
            )
        changed = await self._store.change(assistant.id, {"featured_at": utc_now() if featured else None})
        return changed or assistant

    async def delete(self, caller: Caller, assistant_id: str) -> None:
        """Delete one. Conversations begun with it stay, and go on without it.

        Raises:
            NotFound: there is none with this id, or it is somebody else's, however shared.
        """
        assistant = await self.own(caller, assistant_id)
        async with self._database.write() as connection:
            for part in self.partings:
                await part(connection, assistant.id)
            await self._store.delete(connection, assistant.id)

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """What the assistant that answers tells the model: as it was when the reply was begun."""
        told = await self._store.told_to(asking.generation_id)
        if told is None:
            return ()
        name, instructions = told
        return (Piece("assistant", f"You are {name}.\n\n{instructions}".strip()),)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's own, under the key ``assistants``: for an export."""
        return {"assistants": [asdict(assistant) for assistant in await self._store.of(caller.user.id)]}

    async def _is_shared(self, assistant: CustomAssistant, caller: Caller) -> bool:
        if assistant.everybody:
            return True
        if assistant.workspace_id is None:
            return False
        # Who leaves a workspace takes along what they shared with it.
        return await self._store.are_members(assistant.workspace_id, caller.user.id, assistant.owner_id)

    async def _require(self, caller: Caller) -> None:
        (await self._entitlements(caller)).require(Feature.CUSTOM_ASSISTANTS)

    async def _add(self, caller: Caller, row: dict[str, object]) -> CustomAssistant:
        now = utc_now()
        fields: dict[str, object] = {
            "id": new_id("asst"),
            "owner_id": caller.user.id,
            "owner_name": caller.user.name,
            "description": "",
            "emoji": None,
            "colour": "terracotta",
            "picture_id": None,
            "instructions": "",
            "starters": (),
            "tools": (),
            "model": None,
            "effort": None,
            "workspace_id": None,
            "everybody": False,
            "featured_at": None,
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
        assistant = CustomAssistant(**fields | row)  # pyright: ignore[reportArgumentType] - checked above
        if not await self._store.add(assistant, most=_MOST_ASSISTANTS):
            raise Conflict(
                f"You have {_MOST_ASSISTANTS} assistants, and more are not kept. Delete one first.",
                code="too_many_assistants",
            )
        return assistant

    async def _checked(self, caller: Caller, fields: AssistantFields) -> dict[str, object]:
        """The columns that ``fields`` name, as they are kept."""
        row: dict[str, object] = dict(fields)
        if "name" in fields:
            row["name"] = checked_name(fields["name"])
        if "description" in fields:
            row["description"] = _text(fields["description"], _LONGEST_DESCRIPTION, "description")
        if "instructions" in fields:
            row["instructions"] = _text(fields["instructions"], _LONGEST_INSTRUCTIONS, "instructions")
        if "emoji" in fields:
            row["emoji"] = checked_emoji(fields["emoji"])
        if "starters" in fields:
            row["starters"] = _starters(fields["starters"])
        if "tools" in fields:
            row["tools"] = _tools(fields["tools"])
        if (model := fields.get("model")) is not None:
            row["model"] = await self._model_called(caller, model)
        if "sharing" in fields or "workspace_id" in fields:
            row |= await self._shared_with(caller, row.pop("sharing", None), row.pop("workspace_id", None))
        return row

    async def _shared_with(self, caller: Caller, sharing: object, workspace_id: object) -> dict[str, object]:
        if sharing == "workspace":
            known = isinstance(workspace_id, str) and "\0" not in workspace_id
            if not known or not await self._store.are_members(str(workspace_id), caller.user.id):
                raise NotFound("There is no such workspace, or you are not in it.", param="workspace_id")
        elif workspace_id is not None:
            raise InvalidRequest(
                "A workspace goes with the sharing 'workspace'. Leave one of the two out.",
                param="workspace_id",
            )
        columns: dict[str, object] = {"workspace_id": workspace_id, "everybody": sharing == "everybody"}
        # Whoever shares it anew asks anew to be recommended.
        return columns if sharing == "everybody" else columns | {"featured_at": None}


def _text(text: str, longest: int, field: str) -> str:
    # PostgreSQL's text cannot hold a NUL, and no one means it.
    text = text.replace("\0", "").strip()
    if len(text) > longest:
        raise InvalidRequest(
            f"The {field} has {len(text):,} characters; at most {longest:,} are taken. Shorten it.",
            param=field,
        )
    return text


def _starters(starters: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(filter(None, (_text(each, _LONGEST_STARTER, "starters") for each in starters)))
    if len(kept) > _MOST_STARTERS:
        raise InvalidRequest(
            f"There are {len(kept)} starters; at most {_MOST_STARTERS} are taken.", param="starters"
        )
    return kept


def _tools(tools: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(tools))
    if len(kept) > _MOST_TOOLS or any(len(name) > _MOST_TOOLS or "\0" in name for name in kept):
        raise InvalidRequest("These are not names of tools.", param="tools")
    return kept
