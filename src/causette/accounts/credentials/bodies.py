"""What is sent to and answered by the routes of this package, as pydantic models."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.credentials.browsers import browser_of, system_of
from causette.accounts.credentials.sign_up import Mode
from causette.accounts.credentials.types import Factors, Invitation, Passkey
from causette.accounts.routes import UserOut
from causette.accounts.types import Role, Session

# Bounds on what is read at all; what makes a good name, address or password is the services' to say.
_LONGEST_FIELD: Final = 1024
Text = Annotated[str, Field(max_length=_LONGEST_FIELD)]


class Body(BaseModel):
    """A body in which nothing may stand that is not read."""

    model_config = ConfigDict(extra="forbid")


# Sign-up


class ProviderOut(BaseModel):
    """Somewhere else to sign in with: send the browser to ``/api/sign-on/{name}``."""

    model_config = ConfigDict(title="SignOnProvider")

    name: str
    title: str


class SignUpOptions(BaseModel):
    """How a stranger can come in."""

    mode: Mode
    providers: list[ProviderOut]
    passkeys: Annotated[bool, Field(description="Whether browsers offer passkeys at this address")]


class SignUpBody(Body):
    """Who wants an account. With an ``invitation`` (a link's token), ``email`` may be left out."""

    name: Text
    email: Text = ""
    password: Text
    invitation: Text | None = None


class SignUpOut(BaseModel):
    """``user`` is who is signed in now; null when there is a letter to be read first."""

    user: UserOut | None


class ConfirmSignUpBody(Body):
    """The token of the letter's link, and the password chosen at sign-up."""

    token: Text
    password: Text


class TokenBody(Body):
    """The token of a letter's link."""

    token: Text


class SignUpInvitation(BaseModel):
    """What a link invites to."""

    email: str
    role: Role


class InvitationBody(Body):
    """Whom to invite, as what."""

    email: Text
    role: Role = "member"


class InvitationOut(BaseModel):
    """An invitation that has not been accepted yet."""

    model_config = ConfigDict(from_attributes=True, title="Invitation")

    id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationOut":
        """The public form of ``invitation``."""
        return cls.model_validate(invitation)


class NewInvitationOut(InvitationOut):
    """A fresh invitation. Its ``link`` is shown once, for handing over where no mail is sent."""

    model_config = ConfigDict(from_attributes=True, title="NewInvitation")

    link: str


class InvitationList(BaseModel):
    """The invitations that have not been accepted yet, the newest first."""

    items: list[InvitationOut]


# Ways back


class EmailBody(Body):
    """Whose password has been forgotten."""

    email: Text


class NewPasswordBody(Body):
    """The token of the letter's link, and the password to be."""

    token: Text
    password: Text


class PasswordBody(Body):
    """The password to be; ``present_password`` is left out by who has none yet."""

    present_password: Text | None = None
    new_password: Text


class NewEmailBody(Body):
    """The address to be. ``password`` may be left out within 15 minutes of signing in."""

    email: Text
    password: Text | None = None


class ProofBody(Body):
    """That it is still you. ``password`` may be left out within 15 minutes of signing in."""

    password: Text | None = None


# Factors


class CodeProofBody(ProofBody):
    """That it is still you: by password, or by a code of the authenticator app's."""

    code: Text | None = None


class CodeBody(Body):
    """A code that the authenticator app shows."""

    code: Text


class SecondStepBody(Body):
    """What ``POST /api/session`` answered with, and a code or a recovery code."""

    challenge: Text
    code: Text


class EnrolmentOut(BaseModel):
    """A secret for an authenticator app, shown once. ``qr`` is an SVG in a ``data:`` URI, of ``uri``."""

    model_config = ConfigDict(from_attributes=True, title="TotpEnrolment")

    secret: str
    uri: str
    qr: str


class RecoveryCodes(BaseModel):
    """Codes for when the app is lost, each good once. They are shown once."""

    recovery_codes: list[str]


class PasskeyOut(BaseModel):
    """A passkey. ``synced`` says that its maker keeps copies on several devices."""

    model_config = ConfigDict(from_attributes=True, title="Passkey")

    id: str
    name: str
    synced: bool
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> "PasskeyOut":
        """The public form of ``passkey``."""
        return cls.model_validate(passkey)


class PasskeyList(BaseModel):
    """Somebody's passkeys, the newest first."""

    items: list[PasskeyOut]


class PasskeyBody(Body):
    """What ``navigator.credentials.create()`` gave, as ``toJSON()`` writes it, and what to call it."""

    name: Text
    credential: dict[str, Any]


class PasskeySignInBody(Body):
    """What ``navigator.credentials.get()`` gave, as ``toJSON()`` writes it."""

    credential: dict[str, Any]


class PasskeyQuestion(BaseModel):
    """What to give to ``navigator.credentials``, after ``PublicKeyCredential.parse…OptionsFromJSON()``."""

    public_key: dict[str, Any]


class NameBody(Body):
    """What to call it."""

    name: Text


class FactorsOut(BaseModel):
    """What somebody can sign in with."""

    model_config = ConfigDict(title="Factors")

    password: bool
    totp: bool
    recovery_codes_left: int
    passkeys: list[PasskeyOut]

    @classmethod
    def of(cls, factors: Factors) -> "FactorsOut":
        """The public form of ``factors``."""
        return cls(
            password=factors.password,
            totp=factors.totp,
            recovery_codes_left=factors.recovery_codes_left,
            passkeys=[PasskeyOut.of(passkey) for passkey in factors.passkeys],
        )


class SessionOut(BaseModel):
    """A browser in which somebody is signed in; ``current`` is the one that asks."""

    model_config = ConfigDict(title="Session")

    id: str
    browser: str | None
    system: str | None
    network: Annotated[str | None, Field(description="Where it signed in from, without the address's end")]
    created_at: datetime
    last_seen_at: datetime
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: bool) -> "SessionOut":
        """The public form of ``session``."""
        return cls(
            id=session.id,
            browser=browser_of(session.user_agent),
            system=system_of(session.user_agent),
            network=session.network,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            current=current,
        )


class SessionList(BaseModel):
    """Somebody's sessions, the newest first."""

    items: list[SessionOut]
