"""Who may do what, route by route: as nobody, as a stranger, as the owner.

Every route of the real application must have a case here; one without a case fails. That is the test against the
commonest hole of such products: an object read or changed by its id through the one route where nobody looked.
"""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from causette.accounts import Caller, SignedIn
from causette.accounts.authentication import SESSION_COOKIE
from causette.accounts.credentials.store import insert_passkey
from causette.accounts.credentials.types import Passkey
from causette.accounts.sign_on.store import insert_identity
from causette.accounts.sign_on.types import Identity
from causette.app import openapi_document
from causette.assistant.feedback.types import CONSENT_VERSION
from causette.assistant.files.store import FileStore
from causette.assistant.files.types import FileStatus
from causette.assistant.generation.parts import Story
from causette.assistant.generation.writer import Means
from causette.assistant.knowledge.lexical import Postings
from causette.assistant.knowledge.store import KnowledgeStore, document_of
from causette.assistant.knowledge.types import IndexStatus, Passage
from causette.assistant.sharing.service import Terms
from causette.assistant.store import AssistantStore
from causette.assistant.tools.python import Python
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Tool, ToolResult
from causette.assistant.types import ReplyOptions
from causette.clock import utc_now
from causette.ids import new_id
from causette.lab.fine_tuning.service import work_key
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import FineTuningJob, Hyperparameters, Status
from causette.plans.subscriptions import Assignment
from causette.releases.types import Lineage
from tests.adder import ADDING, Adder
from tests.house import PASSWORD, OpenHouse, Person, open_house
from tests.waiting import eventually

#: ``public``: needs no credential. ``session`` and ``key``: about the caller only. ``owned``: names an object by id,
#: and needs its owner's session. ``keyed``: the same, and needs its owner's key.
Access = Literal["public", "session", "key", "owned", "keyed"]


@dataclass(frozen=True)
class Case:
    """How a route is asked, and what each may see of it. ``path`` and ``body`` may hold the names of :class:`World`."""

    access: Access
    path: str
    body: dict[str, Any] | None = None
    #: Status for those who may.
    ok: int = 200
    #: The same for her to whom what there is belongs, where that makes a difference.
    hers: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


CHAT = {"model": "default", "messages": [{"role": "user", "content": "Hello"}], "stream": False}

CASES: dict[tuple[str, str], Case] = {
    # What needs no credential, and why that is no harm.
    ("GET", "/healthz"): Case("public", "/healthz"),
    ("GET", "/readyz"): Case("public", "/readyz"),
    ("GET", "/metrics"): Case("public", "/metrics"),
    ("GET", "/api/openapi.json"): Case("public", "/api/openapi.json"),
    ("GET", "/api/bootstrap"): Case("public", "/api/bootstrap"),
    # Guarded by the one-time link's token, by the password, by having a session to end.
    ("POST", "/api/setup"): Case(
        "public",
        "/api/setup",
        {"token": "x", "name": "X", "email": "x@example.org", "password": PASSWORD},
        403,
    ),
    ("POST", "/api/session"): Case(
        "public", "/api/session", {"email": "ada@example.org", "password": "a wrong password"}, 401
    ),
    ("DELETE", "/api/session"): Case("public", "/api/session", ok=204),
    # About oneself.
    ("GET", "/api/session"): Case("session", "/api/session"),
    ("PATCH", "/api/user"): Case("session", "/api/user", {"theme": "dark"}),
    ("GET", "/api/models"): Case("session", "/api/models"),
    ("GET", "/api/conversations"): Case("session", "/api/conversations"),
    ("POST", "/api/conversations"): Case("session", "/api/conversations", {"content": "Hello"}, 201),
    ("GET", "/api/search"): Case("session", "/api/search?q=hello&role=user"),
    # Somebody's.
    ("GET", "/api/conversations/{conversation_id}"): Case("owned", "/api/conversations/{conversation}"),
    ("PATCH", "/api/conversations/{conversation_id}"): Case(
        "owned", "/api/conversations/{conversation}", {"title": "Taken"}
    ),
    ("DELETE", "/api/conversations/{conversation_id}"): Case(
        "owned", "/api/conversations/{conversation}", ok=204
    ),
    ("POST", "/api/conversations/{conversation_id}/messages"): Case(
        "owned",
        "/api/conversations/{conversation}/messages",
        {"parent_id": "{reply}", "content": "More"},
        201,
    ),
    ("GET", "/api/conversations/{conversation_id}/messages"): Case(
        "owned", "/api/conversations/{conversation}/messages?before={reply}"
    ),
    ("GET", "/api/conversations/{conversation_id}/matches"): Case(
        "owned", "/api/conversations/{conversation}/matches?q=hello"
    ),
    ("GET", "/api/messages/{message_id}/versions"): Case("owned", "/api/messages/{reply}/versions"),
    ("GET", "/api/messages/{message_id}/working-folder"): Case(
        "owned", "/api/messages/{reply}/working-folder"
    ),
    ("POST", "/api/messages/{message_id}/regenerate"): Case(
        "owned", "/api/messages/{reply}/regenerate", {}, 201
    ),
    ("PATCH", "/api/conversations"): Case(
        "session", "/api/conversations", {"ids": ["{conversation}"], "pinned": True}
    ),
    ("POST", "/api/conversations/delete"): Case(
        "session", "/api/conversations/delete", {"ids": ["{conversation}"]}, 204
    ),
    ("POST", "/api/conversations/{conversation_id}/duplicate"): Case(
        "owned", "/api/conversations/{conversation}/duplicate", {}, 201
    ),
    ("POST", "/api/messages/{message_id}/corrections"): Case(
        "owned", "/api/messages/{reply}/corrections", {"content": "Better"}, 201
    ),
    ("DELETE", "/api/messages/{message_id}"): Case("owned", "/api/messages/{reply}"),
    # What one thinks of replies. The examples are for those who run the house; neither of the two does.
    ("PUT", "/api/messages/{message_id}/rating"): Case(
        "owned", "/api/messages/{reply}/rating", {"rating": "up", "reasons": ["clear"]}
    ),
    ("PUT", "/api/messages/{message_id}/preference"): Case(
        "owned", "/api/messages/{correction}/preference", {"over": "{reply}"}
    ),
    ("GET", "/api/conversations/{conversation_id}/feedback"): Case(
        "owned", "/api/conversations/{conversation}/feedback"
    ),
    ("DELETE", "/api/feedback/{feedback_id}"): Case("owned", "/api/feedback/{feedback}", ok=204),
    ("GET", "/api/user/training-consent"): Case("session", "/api/user/training-consent"),
    ("PUT", "/api/user/training-consent"): Case(
        "session", "/api/user/training-consent", {"given": True, "version": CONSENT_VERSION}
    ),
    ("GET", "/api/admin/feedback"): Case("session", "/api/admin/feedback", ok=403),
    ("GET", "/api/admin/feedback/counts"): Case("session", "/api/admin/feedback/counts", ok=403),
    ("GET", "/api/conversations/{conversation_id}/export"): Case(
        "owned", "/api/conversations/{conversation}/export?format=markdown"
    ),
    # What is brought from elsewhere. There the archive is no archive.
    ("GET", "/api/imports"): Case("session", "/api/imports"),
    ("POST", "/api/imports"): Case("session", "/api/imports?name=x", {"no": "archive"}, 201),
    ("GET", "/api/imports/{import_id}"): Case("owned", "/api/imports/{brought}"),
    ("POST", "/api/imports/{import_id}/start"): Case(
        "owned", "/api/imports/{brought}/start", {}, ok=404, hers=409
    ),
    ("DELETE", "/api/imports/{import_id}"): Case("owned", "/api/imports/{brought}", ok=204),
    # An archive of everything; nobody has asked for one.
    ("GET", "/api/exports/everything"): Case("session", "/api/exports/everything"),
    ("POST", "/api/exports/everything"): Case("session", "/api/exports/everything", ok=202),
    ("GET", "/api/exports/everything/file"): Case("session", "/api/exports/everything/file", ok=404),
    # Links. Who has one may read what it leads to; here nobody has.
    ("GET", "/api/shares"): Case("session", "/api/shares"),
    ("DELETE", "/api/shares"): Case("session", "/api/shares", ok=204),
    ("POST", "/api/conversations/{conversation_id}/shares"): Case(
        "owned", "/api/conversations/{conversation}/shares", {"until": "{reply}"}, 201
    ),
    ("POST", "/api/shares/{share_id}/renew"): Case("owned", "/api/shares/{share}/renew"),
    ("DELETE", "/api/shares/{share_id}"): Case("owned", "/api/shares/{share}", ok=204),
    ("GET", "/api/shared/{token}"): Case("public", "/api/shared/x", ok=404),
    ("GET", "/api/shared/{token}/pictures/{number}"): Case("public", "/api/shared/x/pictures/1", ok=404),
    ("POST", "/api/shared/{token}/continue"): Case("session", "/api/shared/x/continue", ok=404),
    ("GET", "/api/tools"): Case("session", "/api/tools"),
    ("POST", "/api/generations/{generation_id}/approvals/{step_id}"): Case(
        "owned", "/api/generations/{asking}/approvals/{asked}", {"approved": True}
    ),
    ("POST", "/api/generations/{generation_id}/steps/{step_id}/claim"): Case(
        "owned", "/api/generations/{computing}/steps/{computed}/claim", {"browser": "here"}, 204
    ),
    ("POST", "/api/generations/{generation_id}/steps/{step_id}/result"): Case(
        "owned",
        "/api/generations/{computing}/steps/{computed}/result",
        {"browser": "here", "text": "5", "summary": "5"},
        204,
    ),
    ("GET", "/api/generations/{generation_id}/steps/{step_id}"): Case(
        "owned", "/api/generations/{generation}/steps/step_found"
    ),
    ("GET", "/api/instructions"): Case("session", "/api/instructions"),
    ("PATCH", "/api/instructions"): Case("session", "/api/instructions", {"about": "I cook."}),
    # Hers is shared with nobody. To recommend one is for those who run the house; she does not.
    ("GET", "/api/assistants"): Case("session", "/api/assistants?scope=recent&q=engine"),
    ("POST", "/api/assistants"): Case("session", "/api/assistants", {"name": "Sous-chef"}, 201),
    ("GET", "/api/assistants/{assistant_id}"): Case("owned", "/api/assistants/{assistant}"),
    ("PATCH", "/api/assistants/{assistant_id}"): Case(
        "owned", "/api/assistants/{assistant}", {"name": "Taken"}
    ),
    ("DELETE", "/api/assistants/{assistant_id}"): Case("owned", "/api/assistants/{assistant}", ok=204),
    ("POST", "/api/assistants/{assistant_id}/duplicate"): Case(
        "owned", "/api/assistants/{assistant}/duplicate", {}, 201
    ),
    ("GET", "/api/assistants/{assistant_id}/picture"): Case("owned", "/api/assistants/{assistant}/picture"),
    ("PUT", "/api/assistants/{assistant_id}/picture"): Case(
        "owned", "/api/assistants/{assistant}/picture", {"content": None}
    ),
    ("PUT", "/api/assistants/{assistant_id}/featured"): Case(
        "owned", "/api/assistants/{assistant}/featured", {"featured": True}, 403
    ),
    ("GET", "/api/memories"): Case("session", "/api/memories"),
    ("PATCH", "/api/memories"): Case("session", "/api/memories", {"enabled": False}),
    ("POST", "/api/memories"): Case("session", "/api/memories", {"text": "I play chess."}, 201),
    ("DELETE", "/api/memories"): Case("session", "/api/memories", ok=204),
    ("PATCH", "/api/memories/{memory_id}"): Case("owned", "/api/memories/{memory}", {"text": "Taken"}),
    ("DELETE", "/api/memories/{memory_id}"): Case("owned", "/api/memories/{memory}", ok=204),
    ("GET", "/api/conversations/{conversation_id}/memories"): Case(
        "owned", "/api/conversations/{conversation}/memories"
    ),
    ("GET", "/api/projects"): Case("session", "/api/projects"),
    ("POST", "/api/projects"): Case("session", "/api/projects", {"name": "Kitchen"}, 201),
    ("PATCH", "/api/projects/{project_id}"): Case("owned", "/api/projects/{project}", {"name": "Taken"}),
    ("DELETE", "/api/projects/{project_id}"): Case("owned", "/api/projects/{project}", ok=204),
    ("GET", "/api/files"): Case("session", "/api/files"),
    ("POST", "/api/files"): Case("session", "/api/files?name=a.txt", {"any": "bytes"}, 201),
    ("GET", "/api/files/{file_id}"): Case("owned", "/api/files/{file}"),
    ("PATCH", "/api/files/{file_id}"): Case("owned", "/api/files/{file}", {"name": "Taken"}),
    ("DELETE", "/api/files/{file_id}"): Case("owned", "/api/files/{file}", ok=204),
    ("GET", "/api/files/{file_id}/content"): Case("owned", "/api/files/{file}/content"),
    ("GET", "/api/files/{file_id}/thumbnail"): Case("owned", "/api/files/{file}/thumbnail"),
    ("POST", "/api/files/{file_id}/retry"): Case("owned", "/api/files/{file}/retry", ok=202),
    ("GET", "/api/knowledge"): Case("session", "/api/knowledge?file={file}"),
    ("GET", "/api/knowledge/{file_id}"): Case("owned", "/api/knowledge/{file}?around=0"),
    ("POST", "/api/knowledge/{file_id}/retry"): Case("owned", "/api/knowledge/{file}/retry", ok=202),
    ("GET", "/api/jobs/{job_id}"): Case("owned", "/api/jobs/{job}"),
    ("POST", "/api/jobs/{job_id}/cancel"): Case("owned", "/api/jobs/{job}/cancel"),
    ("POST", "/api/generations/{generation_id}/stop"): Case("owned", "/api/generations/{generation}/stop"),
    ("GET", "/api/generations/{generation_id}/events"): Case("owned", "/api/generations/{generation}/events"),
    # Plans. What one may not do without paying, or without a subscription, is refused to everybody alike.
    ("GET", "/api/plans"): Case("session", "/api/plans"),
    ("GET", "/api/subscription"): Case("session", "/api/subscription"),
    ("POST", "/api/subscription"): Case("session", "/api/subscription", {"plan_id": "api"}, 201),
    ("PATCH", "/api/subscription"): Case("session", "/api/subscription", {"plan_id": "free"}, 404),
    ("DELETE", "/api/subscription"): Case("session", "/api/subscription", ok=404),
    ("POST", "/api/subscription/checkout"): Case(
        "session", "/api/subscription/checkout", {"plan_id": "plus"}, 409
    ),
    ("POST", "/api/subscription/portal"): Case("session", "/api/subscription/portal", ok=409),
    ("GET", "/api/invoices"): Case("session", "/api/invoices"),
    ("GET", "/api/invoices/{invoice_id}"): Case("owned", "/api/invoices/{invoice}"),
    ("GET", "/api/invoices/{invoice_id}.html"): Case("owned", "/api/invoices/{invoice}.html"),
    ("GET", "/api/credit"): Case("session", "/api/credit"),
    ("POST", "/api/credit/checkout"): Case("session", "/api/credit/checkout", {"usd": "10.00"}, 409),
    # Let in by its signature alone; here, where nothing is sold, there is nothing to say.
    ("POST", "/api/stripe/webhook"): Case("public", "/api/stripe/webhook", {}, 409),
    ("GET", "/api/subscription/preview"): Case("session", "/api/subscription/preview?plan_id=free", ok=404),
    # What one has used and may use.
    ("GET", "/api/usage"): Case("session", "/api/usage?bucket=day&group_by=model"),
    ("GET", "/api/usage/limits"): Case("session", "/api/usage/limits"),
    ("GET", "/api/usage/requests"): Case("session", "/api/usage/requests"),
    # The console is for those who run the house; neither of the two does.
    ("GET", "/api/admin/people"): Case("session", "/api/admin/people", ok=403),
    ("PATCH", "/api/admin/people/{user_id}"): Case(
        "session", "/api/admin/people/{member}", {"disabled": True}, 403
    ),
    ("DELETE", "/api/admin/people/{user_id}/sessions"): Case(
        "session", "/api/admin/people/{member}/sessions", ok=403
    ),
    ("GET", "/api/admin/workspaces"): Case("session", "/api/admin/workspaces", ok=403),
    ("GET", "/api/admin/accounts/{account_id}"): Case("session", "/api/admin/accounts/{workspace}", ok=403),
    ("PUT", "/api/admin/accounts/{account_id}/plan"): Case(
        "session", "/api/admin/accounts/{workspace}/plan", {"plan_id": "free"}, 403
    ),
    ("DELETE", "/api/admin/accounts/{account_id}/plan"): Case(
        "session", "/api/admin/accounts/{workspace}/plan", ok=403
    ),
    ("PUT", "/api/admin/accounts/{account_id}/budgets"): Case(
        "session",
        "/api/admin/accounts/{workspace}/budgets",
        {"meter": "money", "window": "day", "amount": "1"},
        403,
    ),
    ("DELETE", "/api/admin/accounts/{account_id}/budgets"): Case(
        "session", "/api/admin/accounts/{workspace}/budgets?meter=money&window=day", ok=403
    ),
    ("POST", "/api/admin/accounts/{account_id}/credit"): Case(
        "session",
        "/api/admin/accounts/{workspace}/credit",
        {"usd": "1", "memo": "A gift", "reference": "x"},
        403,
    ),
    ("PATCH", "/api/admin/invoices/{invoice_id}"): Case(
        "session", "/api/admin/invoices/{invoice}", {"status": "paid"}, 403
    ),
    ("GET", "/api/admin/plans"): Case("session", "/api/admin/plans", ok=403),
    ("GET", "/api/admin/keys"): Case("session", "/api/admin/keys", ok=403),
    ("DELETE", "/api/admin/keys/{key_id}"): Case("session", "/api/admin/keys/{key}", ok=403),
    ("GET", "/api/admin/usage"): Case("session", "/api/admin/usage", ok=403),
    ("GET", "/api/admin/machines"): Case("session", "/api/admin/machines", ok=403),
    ("GET", "/api/admin/requests"): Case("session", "/api/admin/requests", ok=403),
    ("GET", "/api/admin/requests/{request_id}"): Case("session", "/api/admin/requests/req_x", ok=403),
    ("POST", "/api/admin/requests/{request_id}/corrections"): Case(
        "session",
        "/api/admin/requests/req_x/corrections",
        {"usd": "-1", "memo": "A gift", "reference": "x"},
        403,
    ),
    ("GET", "/api/admin/audit"): Case("session", "/api/admin/audit", ok=403),
    # The lab is for those who run the house; neither of the two does.
    ("GET", "/api/admin/lab/stages"): Case("session", "/api/admin/lab/stages", ok=403),
    ("GET", "/api/admin/lab/runs"): Case("session", "/api/admin/lab/runs", ok=403),
    ("POST", "/api/admin/lab/runs"): Case(
        "session", "/api/admin/lab/runs", {"recipe": 'stage = "data"'}, 403
    ),
    ("GET", "/api/admin/lab/runs/{name}"): Case("session", "/api/admin/lab/runs/x", ok=403),
    ("GET", "/api/admin/lab/runs/{name}/events"): Case("session", "/api/admin/lab/runs/x/events", ok=403),
    ("GET", "/api/admin/lab/runs/{name}/replies"): Case("session", "/api/admin/lab/runs/x/replies", ok=403),
    ("POST", "/api/admin/lab/runs/{name}/stop"): Case("session", "/api/admin/lab/runs/x/stop", ok=403),
    ("POST", "/api/admin/lab/runs/{name}/resume"): Case("session", "/api/admin/lab/runs/x/resume", ok=403),
    ("GET", "/api/admin/lab/compare"): Case("session", "/api/admin/lab/compare?before=x&after=y", ok=403),
    ("GET", "/api/admin/lab/compare/replies"): Case(
        "session", "/api/admin/lab/compare/replies?before=x&after=y", ok=403
    ),
    ("GET", "/api/admin/lab/artifacts"): Case("session", "/api/admin/lab/artifacts", ok=403),
    ("GET", "/api/admin/lab/artifacts/{artifact_id}"): Case(
        "session", "/api/admin/lab/artifacts/art_x", ok=403
    ),
    ("POST", "/api/admin/lab/artifacts/{artifact_id}/sign"): Case(
        "session", "/api/admin/lab/artifacts/art_x/sign", ok=403
    ),
    ("POST", "/api/admin/lab/artifacts/{artifact_id}/override"): Case(
        "session", "/api/admin/lab/artifacts/art_x/override", {"reason": "The bound is too narrow."}, 403
    ),
    ("POST", "/api/admin/lab/artifacts/{artifact_id}/release"): Case(
        "session", "/api/admin/lab/artifacts/art_x/release", {"share_percent": 5}, 403
    ),
    ("GET", "/api/admin/lab/flywheel"): Case("session", "/api/admin/lab/flywheel", ok=403),
    ("POST", "/api/admin/lab/flywheel/collect"): Case("session", "/api/admin/lab/flywheel/collect", ok=403),
    ("GET", "/api/admin/lab/flywheel/examples"): Case("session", "/api/admin/lab/flywheel/examples", ok=403),
    ("POST", "/api/admin/lab/flywheel/examples/decide"): Case(
        "session",
        "/api/admin/lab/flywheel/examples/decide",
        {"ids": ["ex_x"], "verdict": "kept"},
        403,
    ),
    ("PATCH", "/api/admin/lab/flywheel/examples/{example_id}"): Case(
        "session", "/api/admin/lab/flywheel/examples/ex_x", {"chosen": "Yes."}, 403
    ),
    ("POST", "/api/admin/lab/flywheel/turns"): Case("session", "/api/admin/lab/flywheel/turns", {}, 403),
    ("POST", "/api/admin/lab/flywheel/turns/{turn_id}/proceed"): Case(
        "session", "/api/admin/lab/flywheel/turns/turn_x/proceed", ok=403
    ),
    ("POST", "/api/admin/lab/flywheel/turns/{turn_id}/stop"): Case(
        "session", "/api/admin/lab/flywheel/turns/turn_x/stop", ok=403
    ),
    ("POST", "/api/admin/lab/flywheel/turns/{turn_id}/retry"): Case(
        "session", "/api/admin/lab/flywheel/turns/turn_x/retry", ok=403
    ),
    ("GET", "/api/admin/lab/releases"): Case("session", "/api/admin/lab/releases", ok=403),
    ("GET", "/api/admin/lab/releases/{release_id}"): Case("session", "/api/admin/lab/releases/rel_x", ok=403),
    ("POST", "/api/admin/lab/releases/{release_id}/share"): Case(
        "session", "/api/admin/lab/releases/rel_x/share", {"share_percent": 5}, 403
    ),
    ("POST", "/api/admin/lab/releases/{release_id}/promote"): Case(
        "session", "/api/admin/lab/releases/rel_x/promote", ok=403
    ),
    ("POST", "/api/admin/lab/releases/{release_id}/roll-back"): Case(
        "session", "/api/admin/lab/releases/rel_x/roll-back", {"reason": "It is rude."}, 403
    ),
    ("POST", "/api/admin/lab/releases/{release_id}/undo"): Case(
        "session", "/api/admin/lab/releases/rel_x/undo", {"reason": "It is rude."}, 403
    ),
    # Workspaces and keys.
    ("GET", "/api/workspaces"): Case("session", "/api/workspaces"),
    ("POST", "/api/workspaces"): Case("session", "/api/workspaces", {"name": "Analytical engines"}, 201),
    ("GET", "/api/workspaces/{workspace_id}"): Case("owned", "/api/workspaces/{workspace}"),
    ("PATCH", "/api/workspaces/{workspace_id}"): Case(
        "owned", "/api/workspaces/{workspace}", {"name": "Taken"}
    ),
    ("DELETE", "/api/workspaces/{workspace_id}"): Case("owned", "/api/workspaces/{workspace}", ok=204),
    ("GET", "/api/workspaces/{workspace_id}/members"): Case("owned", "/api/workspaces/{workspace}/members"),
    ("PATCH", "/api/workspaces/{workspace_id}/members/{user_id}"): Case(
        "owned", "/api/workspaces/{workspace}/members/{member}", {"role": "admin"}
    ),
    ("DELETE", "/api/workspaces/{workspace_id}/members/{user_id}"): Case(
        "owned", "/api/workspaces/{workspace}/members/{member}", ok=204
    ),
    ("GET", "/api/workspaces/{workspace_id}/invitations"): Case(
        "owned", "/api/workspaces/{workspace}/invitations"
    ),
    ("POST", "/api/workspaces/{workspace_id}/invitations"): Case(
        "owned", "/api/workspaces/{workspace}/invitations", {"email": "dan@example.org"}, 201
    ),
    ("DELETE", "/api/workspaces/{workspace_id}/invitations/{invitation_id}"): Case(
        "owned", "/api/workspaces/{workspace}/invitations/{invitation}", ok=204
    ),
    # Whoever holds an invitation's token may answer it; without one there is nothing to find.
    ("POST", "/api/workspace-invitations/read"): Case(
        "session", "/api/workspace-invitations/read", {"token": "x"}, 404
    ),
    ("POST", "/api/workspace-invitations/accept"): Case(
        "session", "/api/workspace-invitations/accept", {"token": "x"}, 404
    ),
    ("POST", "/api/workspace-invitations/decline"): Case(
        "session", "/api/workspace-invitations/decline", {"token": "x"}, 404
    ),
    ("GET", "/api/keys"): Case("session", "/api/keys"),
    ("POST", "/api/keys"): Case("session", "/api/keys", {"name": "laptop"}, 201),
    ("PATCH", "/api/keys/{key_id}"): Case("owned", "/api/keys/{key}", {"name": "Taken"}),
    ("DELETE", "/api/keys/{key_id}"): Case("owned", "/api/keys/{key}"),
    # Ways in and back in. Here nobody may sign up, no provider is known, and browsers offer no passkeys.
    ("GET", "/api/sign-up"): Case("public", "/api/sign-up"),
    ("POST", "/api/sign-up"): Case(
        "public", "/api/sign-up", {"name": "X", "email": "x@example.org", "password": PASSWORD}, 403
    ),
    ("POST", "/api/sign-up/confirm"): Case(
        "public", "/api/sign-up/confirm", {"token": "x", "password": PASSWORD}, 403
    ),
    ("POST", "/api/sign-up/invitation"): Case("public", "/api/sign-up/invitation", {"token": "x"}, 403),
    ("POST", "/api/password-reset"): Case("public", "/api/password-reset", {"email": "x@example.org"}, 202),
    ("POST", "/api/password-reset/confirm"): Case(
        "public", "/api/password-reset/confirm", {"token": "x", "password": PASSWORD}, 403
    ),
    ("POST", "/api/email-change/confirm"): Case("session", "/api/email-change/confirm", {"token": "x"}, 403),
    ("POST", "/api/session/code"): Case(
        "public", "/api/session/code", {"challenge": "x", "code": "000000"}, 401
    ),
    ("POST", "/api/session/passkey/options"): Case("public", "/api/session/passkey/options", ok=409),
    ("POST", "/api/session/passkey"): Case("public", "/api/session/passkey", {"credential": {}}, 409),
    ("GET", "/api/sign-on/{provider}"): Case("public", "/api/sign-on/nobody", ok=303),
    ("GET", "/api/sign-on/{provider}/callback"): Case("public", "/api/sign-on/nobody/callback", ok=303),
    ("POST", "/api/sign-on/{provider}/link"): Case("session", "/api/sign-on/nobody/link", {}, 404),
    # Owners'; neither of the two is one.
    ("GET", "/api/invitations"): Case("session", "/api/invitations", ok=403),
    ("POST", "/api/invitations"): Case("session", "/api/invitations", {"email": "x@example.org"}, 403),
    ("DELETE", "/api/invitations/{invitation_id}"): Case(
        "session", f"/api/invitations/{new_id('inv')}", ok=403
    ),
    # What one signs in with, and where one has.
    ("PUT", "/api/user/password"): Case(
        "session",
        "/api/user/password",
        {"present_password": PASSWORD, "new_password": "eleven loud herons"},
        204,
    ),
    ("POST", "/api/user/email"): Case(
        "session", "/api/user/email", {"email": "x@example.org", "password": PASSWORD}, 202
    ),
    ("GET", "/api/user/factors"): Case("session", "/api/user/factors"),
    ("POST", "/api/user/totp"): Case("session", "/api/user/totp", {"password": PASSWORD}, 201),
    ("POST", "/api/user/totp/confirm"): Case("session", "/api/user/totp/confirm", {"code": "000000"}, 409),
    ("POST", "/api/user/totp/recovery-codes"): Case(
        "session", "/api/user/totp/recovery-codes", {"password": PASSWORD}, 409
    ),
    ("POST", "/api/user/totp/disable"): Case(
        "session", "/api/user/totp/disable", {"password": PASSWORD}, 204
    ),
    ("POST", "/api/passkeys/options"): Case("session", "/api/passkeys/options", {}, 409),
    ("POST", "/api/passkeys"): Case("session", "/api/passkeys", {"name": "x", "credential": {}}, 409),
    ("GET", "/api/passkeys"): Case("session", "/api/passkeys"),
    ("PATCH", "/api/passkeys/{passkey_id}"): Case("owned", "/api/passkeys/{passkey}", {"name": "Taken"}),
    ("DELETE", "/api/passkeys/{passkey_id}"): Case("owned", "/api/passkeys/{passkey}", ok=204),
    ("GET", "/api/user/identities"): Case("session", "/api/user/identities"),
    ("DELETE", "/api/user/identities/{identity_id}"): Case(
        "owned", "/api/user/identities/{identity}", ok=204
    ),
    ("GET", "/api/sessions"): Case("session", "/api/sessions"),
    ("DELETE", "/api/sessions"): Case("session", "/api/sessions", ok=204),
    ("DELETE", "/api/sessions/{session_id}"): Case("owned", "/api/sessions/{other_session}", ok=204),
    # Somebody else is in a workspace that only she owns.
    ("DELETE", "/api/user"): Case("session", "/api/user", {"password": PASSWORD}, 204, hers=409),
    # Developers'.
    ("GET", "/v1/models"): Case("key", "/v1/models"),
    ("GET", "/v1/models/{model:path}"): Case("key", "/v1/models/default"),
    ("DELETE", "/v1/models/{model:path}"): Case("keyed", "/v1/models/{tuned}"),
    ("POST", "/v1/chat/completions"): Case("key", "/v1/chat/completions", CHAT),
    ("POST", "/v1/completions"): Case("key", "/v1/completions", {"model": "default", "prompt": "Hello"}),
    ("POST", "/v1/embeddings"): Case("key", "/v1/embeddings", {"model": "embedding", "input": "Hello"}),
    # No form.
    ("POST", "/v1/files"): Case("key", "/v1/files", {}, 415),
    ("GET", "/v1/files"): Case("key", "/v1/files"),
    ("GET", "/v1/files/{file_id}"): Case("keyed", "/v1/files/{rows}"),
    ("DELETE", "/v1/files/{file_id}"): Case("keyed", "/v1/files/{rows}"),
    ("GET", "/v1/files/{file_id}/content"): Case("keyed", "/v1/files/{rows}/content"),
    # No such model.
    ("POST", "/v1/fine_tuning/jobs"): Case(
        "key", "/v1/fine_tuning/jobs", {"model": "none", "training_file": "x"}, 400
    ),
    ("GET", "/v1/fine_tuning/jobs"): Case("key", "/v1/fine_tuning/jobs"),
    ("GET", "/v1/fine_tuning/jobs/{job_id}"): Case("keyed", "/v1/fine_tuning/jobs/{tuning}"),
    ("POST", "/v1/fine_tuning/jobs/{job_id}/cancel"): Case("keyed", "/v1/fine_tuning/jobs/{tuning}/cancel"),
    # Its files are still to be read.
    ("POST", "/v1/fine_tuning/jobs/{job_id}/pause"): Case(
        "keyed", "/v1/fine_tuning/jobs/{tuning}/pause", ok=409
    ),
    ("POST", "/v1/fine_tuning/jobs/{job_id}/resume"): Case(
        "keyed", "/v1/fine_tuning/jobs/{tuning}/resume", ok=409
    ),
    ("GET", "/v1/fine_tuning/jobs/{job_id}/events"): Case("keyed", "/v1/fine_tuning/jobs/{tuning}/events"),
    ("GET", "/v1/fine_tuning/jobs/{job_id}/checkpoints"): Case(
        "keyed", "/v1/fine_tuning/jobs/{tuning}/checkpoints"
    ),
}


@dataclass(frozen=True)
class World:
    """An open house with two people, and a conversation of the first one's."""

    open: OpenHouse
    ada: Person
    bob: Person
    conversation: str
    question: str
    reply: str
    generation: str
    asking: str
    asked: str
    computing: str
    computed: str
    project: str
    invoice: str
    workspace: str
    member: str
    invitation: str
    key: str
    passkey: str
    identity: str
    other_session: str
    correction: str
    feedback: str
    job: str
    file: str
    assistant: str
    share: str
    brought: str
    memory: str
    rows: str
    tuning: str
    tuned: str

    async def ask(self, method: str, case: Case, headers: dict[str, str]) -> httpx2.Response:
        ids = {
            name: getattr(self, name)
            for name in (
                *("conversation", "question", "reply", "generation", "project", "invoice"),
                *("asking", "asked", "computing", "computed"),
                *("workspace", "member", "invitation", "key"),
                *("passkey", "identity", "other_session"),
                *("correction", "feedback", "job", "file", "assistant", "share", "brought", "memory"),
                *("rows", "tuning", "tuned"),
            )
        }
        body = None
        if case.body is not None:
            text = json.dumps(case.body)
            for name, value in ids.items():
                text = text.replace(f"{{{name}}}", value)
            body = json.loads(text)
        return await self.open.client.request(
            method, case.path.format_map(ids), json=body, headers=case.headers | headers
        )

    async def what_ada_has(self) -> object:
        """All that she sees of her conversation, her workspace and her keys."""
        seen: list[object] = []
        for path in (
            f"/api/conversations/{self.conversation}",
            f"/api/conversations/{self.conversation}/feedback",
            f"/api/workspaces/{self.workspace}",
            f"/api/workspaces/{self.workspace}/members",
            f"/api/workspaces/{self.workspace}/invitations",
            "/api/shares",
            "/api/projects",
            "/api/instructions",
            "/api/assistants",
            "/api/memories",
            f"/api/assistants/{self.assistant}",
            "/api/keys",
            "/api/user/factors",
            "/api/user/identities",
            "/api/sessions",
        ):
            answer = await self.open.client.get(path, headers=self.ada.cookie)
            assert answer.status_code == 200
            found = answer.json()
            if path == "/api/keys":
                # She uses one herself, below.
                for key in found["items"]:
                    del key["last_used_at"]
            seen.append(found)
        for path in (
            "/v1/files",
            f"/v1/files/{self.rows}/content",
            f"/v1/fine_tuning/jobs/{self.tuning}",
            f"/v1/fine_tuning/jobs/{self.tuning}/events",
        ):
            answer = await self.open.client.get(path, headers=self.ada.bearer)
            assert answer.status_code == 200
            seen.append(answer.text)
        return seen


async def an_invoice(opened: OpenHouse, person: Person) -> str:
    """Of a subscription that is over."""
    subscriptions, payer_id = opened.house.plans.subscriptions, person.caller.payer_id
    await subscriptions.assign(payer_id, Assignment(plan_id="plus", collection="invoice"))
    await subscriptions.cancel(payer_id, at_once=True)
    return (await opened.house.plans.invoices.of(payer_id))[-1].id


async def no_archive() -> AsyncGenerator[bytes]:
    yield b"no archive"


async def an_assistant(opened: OpenHouse, person: Person) -> str:
    """With a picture."""
    made = await opened.house.custom_assistants.create(person.caller, name="Engineer")
    await opened.house.custom_assistants.set_picture(
        person.caller, made.id, b64encode(b"\xff\xd8\xff").decode()
    )
    return made.id


async def a_workspace(opened: OpenHouse, person: Person) -> dict[str, str]:
    """With another member, and somebody who is invited."""
    accounts = opened.house.accounts
    workspace = (await accounts.workspaces.create(person.caller, name="Difference engines")).workspace.id
    carol = await accounts.create_user(name="Carol", email="carol@example.org", password=PASSWORD)
    invited = await accounts.workspaces.invite(
        person.caller, workspace, email="carol@example.org", role="member"
    )
    await accounts.workspaces.accept(Caller(user=carol), invited.token)
    waiting = await accounts.workspaces.invite(
        person.caller, workspace, email="dora@example.org", role="member"
    )
    return {"workspace": workspace, "member": carol.id, "invitation": waiting.invitation.id}


async def a_picture(opened: OpenHouse, person: Person) -> str:
    """That was uploaded, and could not be looked at."""

    async def pixel() -> AsyncGenerator[bytes]:
        yield b"\x89PNG\r\n\x1a\n and so on"

    file = await opened.house.files.upload(person.caller, pixel(), name="a.png")
    await FileStore(opened.house.database).change(file.id, status=FileStatus.FAILED)
    return file.id


async def a_tuning(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A file for training, a job whose files nobody has read yet, and a model that another one has made."""

    async def row() -> AsyncGenerator[bytes]:
        yield b'{"prompt": "Hello", "completion": "Hello yourself."}'

    files, database = opened.house.api_files, opened.house.database
    async with files.receive(person.caller, row()) as received:
        rows = await files.keep(person.caller, received, name="rows.jsonl", purpose="fine-tune")
    reading = FineTuningJob(
        id=new_id("ftjob"),
        user_id=person.caller.user.id,
        workspace_id=None,
        model="default",
        base="default",
        training_file=rows.id,
        validation_file=None,
        suffix=None,
        seed=0,
        method="supervised",
        hyperparameters=Hyperparameters(),
        metadata=None,
        status=Status.VALIDATING_FILES,
        turn=0,
        planned=None,
        error=None,
        trained_tokens=None,
        fine_tuned_model=None,
        artifact_id=None,
        result_file=None,
        request_id=new_id("req"),
        settled_at=None,
        created_at=utc_now(),
        estimated_finish=None,
        finished_at=None,
    )
    made, store = new_id("ftjob"), FineTuningStore(database)
    weights = opened.house.settings.data / f"{made}.gguf"
    weights.write_bytes(b"GGUF")
    artifact = await opened.house.releases.register_for(
        person.caller,
        weights,
        name=f"ft:default:{person.caller.payer_id}::{made.removeprefix('ftjob_')}",
        base="default",
        lineage=Lineage(parent="default", run_id=made),
    )
    done = replace(
        reading,
        id=made,
        status=Status.SUCCEEDED,
        fine_tuned_model=artifact.name,
        artifact_id=artifact.id,
        settled_at=utc_now(),
    )
    async with database.write() as connection:
        assert await store.add(connection, reading, most=1)
        await opened.house.jobs.ask(
            reading.user_id, "nothing", {}, key=work_key(reading), connection=connection
        )
        assert await store.add(connection, done, most=2)
    return {"rows": rows.id, "tuning": reading.id, "tuned": artifact.name}


async def ways_in(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A passkey, an account elsewhere, and a second browser."""
    owner_id, now = person.caller.user.id, utc_now()
    passkey = Passkey(
        id=new_id("pk"),
        owner_id=owner_id,
        credential_id=b"credential",
        public_key=b"key",
        sign_count=0,
        name="Laptop",
        synced=False,
        created_at=now,
        last_used_at=None,
    )
    identity = Identity(
        id=new_id("ident"),
        owner_id=owner_id,
        provider="example",
        subject="1",
        email=None,
        created_at=now,
        last_used_at=None,
    )
    async with opened.house.database.write() as connection:
        await insert_passkey(connection, passkey)
        await insert_identity(connection, identity)
    other = await opened.house.accounts.sign_in(person.email, PASSWORD, address="elsewhere")
    assert isinstance(other, SignedIn)
    return {"passkey": passkey.id, "identity": identity.id, "other_session": other.session.id}


async def a_waiting_step(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A reply that waits for its reader's yes, and the step that it waits with."""
    generation, step = await _a_step(opened, person, Adder(read_only=False), ADDING)
    return {"asking": generation, "asked": step}


async def a_browsers_step(opened: OpenHouse, person: Person) -> dict[str, str]:
    """A reply that waits for what a browser computes, and the step that the browser "here" has claimed."""
    store = AssistantStore(opened.house.database)
    calling = '{"tool": "python", "arguments": {"code": "2 + 3"}}'
    generation, step = await _a_step(opened, person, Python(store, unclaimed_seconds=600), calling)
    await store.steps.claim(step, generation, "here", timedelta(minutes=10))
    return {"computing": generation, "computed": step}


async def _a_step(opened: OpenHouse, person: Person, tool: Tool, calling: str) -> tuple[str, str]:
    assistant, store = opened.house.assistant, AssistantStore(opened.house.database)
    assistant.means = Means(toolbox=Toolbox([tool]))
    before, opened.engine.answer = opened.engine.answer, calling
    turn = await assistant.start(
        person.caller, content="2 + 3?", model=None, options=ReplyOptions(tools=(tool.name,))
    )

    async def asked() -> str | None:
        steps = Story(await store.events(turn.generation.id, 0)).steps
        return steps[0].id if steps else None

    step = await eventually(asked, "a step that waits")
    opened.engine.answer = before
    assert step is not None
    return turn.generation.id, step


async def let_it_be_searched(opened: OpenHouse, person: Person, file_id: str) -> None:
    """A document that could not be made searchable, as far as a test can tell it from others: it can be tried again."""
    store = KnowledgeStore(opened.house.database)
    document = document_of(
        file_id=file_id,
        owner_id=person.caller.user.id,
        title="a.png",
        version="1",
        passages=1,
        at=utc_now(),
    )
    passage = (Passage(start=0, end=5), "Hello")
    assert await store.replace(document, Postings.of(["Hello"]).packed(), [passage])
    await store.change(file_id, "1", IndexStatus.FAILED, error_code="unreadable", error_message="No.")


@asynccontextmanager
async def open_world(folder: Path) -> AsyncGenerator[World]:
    """A world whose house is in ``folder``."""
    async with open_house(folder) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        opened.engine.answer = "Hello yourself."
        assistant = opened.house.assistant
        turn = await assistant.start(ada.caller, content="Hello", model=None)
        async for _ in assistant.events(turn.generation, 0):
            pass
        found = ToolResult(text="5", summary="5")
        await AssistantStore(opened.house.database).steps.keep_result("step_found", turn.generation.id, found)
        _, correction = await opened.house.tree.correct(ada.caller, turn.messages[1].id, "Hello, Ada.")
        said = await opened.house.feedback.rate(ada.caller, turn.messages[1].id, "down")
        brought = await opened.house.importing.receive(ada.caller, "x", no_archive())
        shared = await opened.house.sharing.create(
            ada.caller, turn.conversation.id, Terms(until=turn.messages[1].id)
        )
        file = await a_picture(opened, ada)
        await let_it_be_searched(opened, ada, file)
        yield World(
            opened,
            ada,
            bob,
            conversation=turn.conversation.id,
            question=turn.messages[0].id,
            reply=turn.messages[1].id,
            generation=turn.generation.id,
            correction=correction.id,
            feedback=said.id,
            file=file,
            job=(await opened.house.jobs.ask(ada.caller.user.id, "nothing", {})).id,
            assistant=await an_assistant(opened, ada),
            share=shared.id,
            brought=brought.id,
            memory=(await opened.house.memories.write(ada.caller, "I build engines.")).id,
            project=(await opened.house.projects.create(ada.caller, name="Difference engines")).id,
            invoice=await an_invoice(opened, ada),
            **await a_browsers_step(opened, ada),
            **await a_waiting_step(opened, ada),
            **await a_workspace(opened, ada),
            **await a_tuning(opened, ada),
            **await ways_in(opened, ada),
            key=(await opened.house.accounts.keys.list(ada.caller))[0].id,
        )


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with open_world(tmp_path) as world:
        yield world


#: Furnishing a world takes longer than most questions to it: those that change nothing are asked of one.
in_one_world = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """Where everybody is refused, whatever they ask for."""
    async with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that the application answers, HEAD aside: it goes with GET."""
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(app.routes):
        assert route.path is not None and route.methods, (
            f"{route} is no plain route: give it a case of its own"
        )
        found |= {(method, route.path) for method in route.methods if method != "HEAD"}
    return found


def of(*access: Access) -> Any:
    """The cases of these kinds, as parameters."""
    chosen = [(key, case) for key, case in CASES.items() if case.access in access]
    return pytest.mark.parametrize(
        ("method", "case"),
        [(key[0], case) for key, case in chosen],
        ids=[f"{method} {path}" for (method, path), _ in chosen],
    )


async def test_every_route_has_a_case_and_every_case_a_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        assert routes_of(opened.app) == set(CASES)


def test_a_route_that_names_an_object_is_a_case_of_ownership() -> None:
    naming = {key for key in CASES if "{" in key[1]}
    names_nobodys = {
        ("GET", "/v1/models/{model:path}"),
        ("GET", "/api/sign-on/{provider}"),
        ("GET", "/api/sign-on/{provider}/callback"),
        ("POST", "/api/sign-on/{provider}/link"),
        # Whoever has the token of a link may read what it leads to.
        ("GET", "/api/shared/{token}"),
        ("GET", "/api/shared/{token}/pictures/{number}"),
        ("POST", "/api/shared/{token}/continue"),
        # All of the house's owners' alike.
        ("DELETE", "/api/invitations/{invitation_id}"),
    }
    names_nobodys |= {key for key in naming if key[1].startswith("/api/admin/")}
    assert {key for key in naming if CASES[key].access not in {"owned", "keyed"}} == names_nobodys
    assert {key for key, case in CASES.items() if case.access in {"owned", "keyed"}} <= naming


def test_every_route_but_the_owners_instruments_is_described() -> None:
    described = {
        (method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    hidden = {("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json")}
    assert described == {(method, path.replace(":path", "")) for method, path in CASES} - hidden


@of("public")
async def test_what_is_public_answers_nobody(world: World, method: str, case: Case) -> None:
    answer = await world.ask(method, case, {})
    assert answer.status_code == case.ok
    assert "ada@" not in answer.text
    assert world.conversation not in answer.text


@in_one_world
@of("session", "key", "owned", "keyed")
async def test_nobody_is_told_to_sign_in(one_world: World, method: str, case: Case) -> None:
    before = await one_world.what_ada_has()
    answer = await one_world.ask(method, case, {})
    assert answer.status_code == 401
    assert await one_world.what_ada_has() == before


@in_one_world
@of("session", "owned")
async def test_a_key_opens_nothing_that_is_a_sessions(one_world: World, method: str, case: Case) -> None:
    assert (await one_world.ask(method, case, one_world.ada.bearer)).status_code == 401


@in_one_world
@of("key", "keyed")
async def test_a_session_opens_nothing_that_is_a_keys(one_world: World, method: str, case: Case) -> None:
    assert (await one_world.ask(method, case, one_world.ada.cookie)).status_code == 401


@in_one_world
@of("owned", "keyed")
async def test_a_stranger_finds_nothing_and_changes_nothing(
    one_world: World, method: str, case: Case
) -> None:
    before = await one_world.what_ada_has()
    bobs = one_world.bob.bearer if case.access == "keyed" else one_world.bob.cookie
    theirs = await one_world.ask(method, case, bobs)
    assert theirs.status_code == 404
    made_up = replace(
        one_world,
        conversation=new_id("conv"),
        question=new_id("msg"),
        reply=new_id("msg"),
        generation=new_id("gen"),
        project=new_id("proj"),
        invoice=new_id("inv"),
        workspace=new_id("ws"),
        member=new_id("user"),
        invitation=new_id("winv"),
        key=new_id("key"),
        passkey=new_id("pk"),
        identity=new_id("ident"),
        other_session=new_id("sess"),
        correction=new_id("msg"),
        feedback=new_id("fb"),
        job=new_id("job"),
        file=new_id("file"),
        assistant=new_id("asst"),
        share=new_id("share"),
        brought=new_id("imp"),
        memory=new_id("mem"),
        rows=new_id("file"),
        tuning=new_id("ftjob"),
        tuned=f"ft:default:nobody::{new_id('ftjob').removeprefix('ftjob_')}",
    )
    nothing = await made_up.ask(method, case, bobs)
    # What is somebody else's and what does not exist are told apart by nothing.
    assert (nothing.status_code, nothing.json()) == (theirs.status_code, theirs.json())
    assert await one_world.what_ada_has() == before


@of("session")
async def test_a_stranger_sees_only_their_own(world: World, method: str, case: Case) -> None:
    before = await world.what_ada_has()
    answer = await world.ask(method, case, world.bob.cookie)
    assert answer.status_code == case.ok
    for known in (world.conversation, world.reply, "ada@example.org"):
        assert known not in answer.text
    assert await world.what_ada_has() == before


@of("session", "owned")
async def test_the_owner_may(world: World, method: str, case: Case) -> None:
    expected = case.ok if case.hers is None else case.hers
    assert (await world.ask(method, case, world.ada.cookie)).status_code == expected


@of("key", "keyed")
async def test_the_holder_of_a_key_may(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.bearer)).status_code == case.ok


@in_one_world
@of("keyed")
async def test_neither_a_members_workspace_nor_a_revoked_key_finds_it(
    one_world: World, method: str, case: Case
) -> None:
    accounts, before = one_world.open.house.accounts, await one_world.what_ada_has()
    # Her own key, made for her workspace, reaches the workspace's alone.
    acting = await accounts.workspaces.acting(one_world.ada.caller, one_world.workspace)
    theirs = await accounts.keys.create(acting, name="theirs")
    bearer = {"authorization": f"Bearer {theirs.secret}"}
    assert (await one_world.ask(method, case, bearer)).status_code == 404
    await accounts.keys.revoke(acting, theirs.key.id)
    assert (await one_world.ask(method, case, bearer)).status_code == 401
    assert await one_world.what_ada_has() == before


@in_one_world
@of("session", "owned")
async def test_who_has_signed_out_is_nobody_from_then_on(one_world: World, method: str, case: Case) -> None:
    accounts = one_world.open.house.accounts
    left = await accounts.sign_in(one_world.ada.email, PASSWORD, address="elsewhere")
    assert isinstance(left, SignedIn)
    await accounts.sign_out(left.token)
    answer = await one_world.ask(method, case, {"cookie": f"{SESSION_COOKIE}={left.token}"})
    assert answer.status_code == 401


async def test_a_parent_or_shown_message_of_somebody_elses_is_not_found(world: World) -> None:
    started = await world.open.client.post(
        "/api/conversations", json={"content": "Mine"}, headers=world.bob.cookie
    )
    bobs = started.json()["conversation"]["id"]
    for method, path, body in (
        ("POST", f"/api/conversations/{bobs}/messages", {"parent_id": world.reply, "content": "x"}),
        ("PATCH", f"/api/conversations/{bobs}", {"current_message_id": world.reply}),
    ):
        answer = await world.open.client.request(method, path, json=body, headers=world.bob.cookie)
        assert answer.status_code == 404
