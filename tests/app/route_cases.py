"""How each route is asked, and who may."""

from dataclasses import dataclass, field
from typing import Any, Literal

from causette.assistant.feedback.types import CONSENT_VERSION
from causette.ids import new_id
from tests.house import PASSWORD

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
