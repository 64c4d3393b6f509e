"""Sharing a conversation, taking it back, and reading what is shared."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from causette.accounts.credentials.sealing import CannotUnseal, Sealing
from causette.accounts.ownership import owned
from causette.accounts.service import Accounts
from causette.accounts.tokens import digest, is_token, new_token
from causette.accounts.types import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.files.service import Files
from causette.assistant.files.types import File
from causette.assistant.service import Assistant
from causette.assistant.sharing.store import ShareStore
from causette.assistant.sharing.types import Share, SharedMessage, SharingMode
from causette.assistant.tree.store import TreeStore
from causette.assistant.types import Conversation, Message, Status
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.gateway import Deployments
from causette.ids import new_id
from causette.plans import Plans
from causette.plans.features import Feature

_MOST_SHARES: Final = 1_000
_LONGEST_LIFE: Final = timedelta(days=3_660)
# Messages copied in one transaction, and how long a copy that is not whole is kept: as for other copies.
_COPIED_AT_ONCE: Final = 200
_COPYING_FOR: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a conversation is shared.

    Args:
        until: the last message of it; the end of the branch that is shown when None.
        workspace_id: who may read it; everybody with the link when None.
        with_steps: whether thinking and tools' runs are told as well.
        with_name: whether the owner's name is told.
        expires_at: when the link ends; never when None.
    """

    until: str | None = None
    workspace_id: str | None = None
    with_steps: bool = False
    with_name: bool = False
    expires_at: datetime | None = None


class Sharing:
    """Links to conversations, kept in ``database``, as far as ``mode`` and a person's plan allow them."""

    def __init__(
        self,
        database: Database,
        assistant: Assistant,
        *,
        accounts: Accounts,
        assistants: CustomAssistants,
        files: Files,
        plans: Plans,
        deployments: Deployments,
        sealing: Sealing,
        mode: SharingMode,
    ) -> None:
        self._store = ShareStore(database)
        self._tree = TreeStore(database)
        self._assistant = assistant
        self._accounts = accounts
        self._assistants = assistants
        self._files = files
        self._plans = plans
        self._deployments = deployments
        self._sealing = sealing
        #: Whom people may share with here.
        self.mode: SharingMode = mode

    async def may_share(self, caller: Caller) -> bool:
        """Whether the caller's plan lets them make links."""
        return Feature.SHARING in (await self._plans.entitlements(caller)).features

    async def list(self, caller: Caller) -> list[Share]:
        """The caller's links, the newest first."""
        return await self._store.shares(caller.user.id)

    def token(self, share: Share) -> str | None:
        """The secret of a link, for its owner; None when the house's key is not the one it was sealed with."""
        try:
            return self._sealing.unseal(
                share.sealed_token, key_id=share.key_id, owner_id=share.owner_id
            ).decode()
        except CannotUnseal:
            return None

    async def create(self, caller: Caller, conversation_id: str, terms: Terms) -> Share:
        """Share a branch of one of the caller's conversations as it is now.

        Raises:
            NotFound: the conversation, the message or the workspace is not there, or not the caller's.
            Forbidden: the house has sharing off, or for workspaces only (``sharing_off``); or the plan lacks it.
            Conflict: it is a temporary conversation, it says nothing yet, its last reply is still being written, or
                the caller has too many links.
            InvalidRequest: the time is past or too far off, or the message is in another conversation.
        """
        if self.mode == "off" or (self.mode == "workspace" and terms.workspace_id is None):
            where = "" if self.mode == "off" else " outside a workspace"
            raise Forbidden(
                f"Whoever runs this house has conversations shared by link{where} switched off.",
                code="sharing_off",
            )
        (await self._plans.entitlements(caller)).require(Feature.SHARING)
        conversation = await self._assistant.find(caller, conversation_id)
        last = await self._last(caller, conversation, terms.until)
        if terms.workspace_id is not None:
            await self._accounts.workspaces.acting(caller, terms.workspace_id)
        now = utc_now()
        if terms.expires_at is not None and not now < terms.expires_at <= now + _LONGEST_LIFE:
            raise InvalidRequest(
                "A link ends at an instant to come, within ten years. Choose another one.", param="expires_at"
            )
        token = new_token()
        share = Share(
            id=new_id("share"),
            owner_id=caller.user.id,
            conversation_id=conversation.id,
            title=conversation.title,
            workspace_id=terms.workspace_id,
            with_steps=terms.with_steps,
            author=caller.user.name if terms.with_name else None,
            sealed_token=self._sealing.seal(token.encode(), owner_id=caller.user.id),
            key_id=self._sealing.key_id,
            created_at=now,
            updated_at=now,
            expires_at=terms.expires_at,
        )
        if not await self._store.add(share, digest(token), last.id, most=_MOST_SHARES):
            raise Conflict(
                f"You have {_MOST_SHARES} links, and more are not kept. End one first.",
                code="too_many_shares",
            )
        return share

    async def renew(self, caller: Caller, share_id: str) -> Share:
        """Have a link lead to the conversation as it is now: the branch that is shown, under its present title.

        Raises:
            NotFound: there is no such link, or it is somebody else's.
            Conflict: the last reply is still being written, or there is no message left.
        """
        share = await self._find(caller, share_id)
        conversation = await self._assistant.find(caller, share.conversation_id)
        last = await self._last(caller, conversation, None)
        changes: dict[str, object] = {"title": conversation.title, "updated_at": utc_now()}
        if share.author is not None:
            changes["author"] = caller.user.name
        renewed = await self._store.renew(share, last.id, changes)
        if renewed is None:
            raise NotFound("This link has been ended.")
        return renewed

    async def revoke(self, caller: Caller, share_id: str) -> None:
        """End a link: from now on it leads nowhere.

        Raises:
            NotFound: there is no such link, or it is somebody else's.
        """
        share = await self._find(caller, share_id)
        await self._store.revoke(share.owner_id, share.id)

    async def revoke_all(self, caller: Caller) -> None:
        """End all of the caller's links."""
        await self._store.revoke(caller.user.id)

    async def read(self, reader: Caller | None, token: str) -> tuple[Share, Sequence[SharedMessage]]:
        """What a link leads to.

        Raises:
            NotFound: it leads nowhere: no such link, ended, expired, of a workspace that the reader is not in, or
                sharing is off. They cannot be told apart.
        """
        share = None
        if is_token(token):
            share = await self._store.opened(
                digest(token), None if reader is None else reader.user.id, utc_now()
            )
        if share is None or self.mode == "off" or (self.mode == "workspace" and share.workspace_id is None):
            raise NotFound("This link leads nowhere: it is mistyped, or has been ended, or is not for you.")
        return share, await self._store.snapshot(share.id)

    async def picture(self, reader: Caller | None, token: str, number: int) -> File:
        """The picture with this number in what a link leads to. One that its owner deletes is gone here as well.

        Raises:
            NotFound: the link leads nowhere, or there is no such picture behind it.
        """
        share, snapshot = await self.read(reader, token)
        wanted = [
            file.file_id
            for message in snapshot
            for file in message.attachments
            if file.number == number and file.kind == "image"
        ]
        owner = await self._accounts.caller_of(share.owner_id, None)
        if owner is None or not wanted:
            raise NotFound("There is no such picture in what is shared.")
        return await self._files.find(owner, wanted[0])

    async def continue_chat(self, caller: Caller, token: str) -> Conversation:
        """Make what a link leads to a conversation of the caller's, to go on with.

        Messages that are by or said to a custom assistant keep it where the caller may use it.

        Raises:
            NotFound: the link leads nowhere.
        """
        share, snapshot = await self.read(caller, token)
        now = utc_now()
        conversation_id = new_id("conv")
        await self._store.begin_conversation(
            {
                "id": conversation_id,
                "owner_id": caller.user.id,
                "title": share.title,
                "title_is_given": True,
                "model": self._model_for(snapshot),
                "created_at": now,
                "updated_at": now,
                # Should the process die before it is whole, it goes by itself.
                "expires_at": now + _COPYING_FOR,
            }
        )
        ids = {message.assistant_id for message in snapshot}
        usable = {each for each in ids if await self._assistants.answering(caller, each)}
        parent_id: str | None = None
        rows: list[dict[str, Any]] = []
        for message in snapshot:
            row: dict[str, Any] = {
                "role": message.role,
                "content": message.content,
                "model": message.model,
                "parts": message.parts,
                "assistant_id": message.assistant_id if message.assistant_id in usable else None,
                "created_at": message.created_at,
                "id": new_id("msg"),
                "conversation_id": conversation_id,
                "parent_id": parent_id,
                "status": Status.COMPLETE,
            }
            rows.append(row)
            parent_id = row["id"]
        for start in range(0, len(rows), _COPIED_AT_ONCE):
            await self._tree.add_copies(rows[start : start + _COPIED_AT_ONCE])
        await self._tree.finish_copy(conversation_id, parent_id)
        return await self._assistant.find(caller, conversation_id)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's links without their secrets, under the key ``shares``: for an export."""
        kept = [asdict(share) for share in await self.list(caller)]
        return {
            "shares": [
                {name: value for name, value in share.items() if name not in {"sealed_token", "key_id"}}
                for share in kept
            ]
        }

    async def _find(self, caller: Caller, share_id: str) -> Share:
        return await owned(caller, share_id, self._store.share, what="shared link")

    async def _last(self, caller: Caller, conversation: Conversation, until: str | None) -> Message:
        """The message that a snapshot ends with."""
        if conversation.temporary:
            raise Conflict(
                "A temporary conversation leaves nothing behind, so it has no link.", code="temporary"
            )
        message_id = until or conversation.current_message_id
        if message_id is None:
            raise Conflict("There is nothing in this conversation yet.", code="empty_conversation")
        message = await self._assistant.message(caller, message_id)
        if message.conversation_id != conversation.id:
            raise InvalidRequest("This message is in another conversation.", param="until")
        if message.status is Status.STREAMING:
            raise Conflict("The reply is still being written. Wait for it, or stop it.", code="still_writing")
        return message

    def _model_for(self, snapshot: Sequence[SharedMessage]) -> str:
        """The model that wrote the last reply where it is deployed here, else the default one."""
        last = next((message.model for message in reversed(snapshot) if message.model), None)
        known = {deployment.name for deployment in self._deployments if deployment.kind == "text"}
        return last if last in known else self._deployments.find("default", "text").name
