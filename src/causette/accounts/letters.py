"""What the house writes to people by e-mail, in their language."""

from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from causette.accounts.types import Locale

Kind = Literal[
    "confirm_sign_up",
    "has_account",
    "invitation",
    "workspace_invitation",
    "password_reset",
    "password_changed",
    "confirm_email",
    "email_changed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that is ready to be sent. ``link`` is what it asks its reader to open, if anything."""

    to: str
    subject: str
    text: str
    html: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class _Wording:
    subject: str
    #: What comes before the link.
    before: str
    #: What the link does; empty where there is none.
    action: str
    after: str


_EN: Final[dict[Kind, _Wording]] = {
    "confirm_sign_up": _Wording(
        "Confirm your account",
        "Somebody, hopefully you, asked for an account with this e-mail address. To get it, open this link within "
        "24 hours and type the password that you chose.",
        "Confirm the account",
        "If it was not you, do nothing: without your confirmation there is no account.",
    ),
    "has_account": _Wording(
        "You have an account already",
        "Somebody, hopefully you, asked for an account with this e-mail address. There is one already, so nothing "
        "was changed. Sign in as usual; if you have forgotten your password, the page helps you to a new one.",
        "Sign in",
        "If it was not you, you need not do anything.",
    ),
    "invitation": _Wording(
        "{by} invites you to Causette",
        "{by} has kept a place for you. Open this link within 7 days to choose a name and a password.",
        "Accept the invitation",
        "If you do not know who invites you, do nothing.",
    ),
    "workspace_invitation": _Wording(
        "{by} invites you to the workspace {workspace}",
        "{by} invites you to join the workspace {workspace} on Causette. Open this link within 7 days and sign in "
        "to answer.",
        "Answer the invitation",
        "If you do not know who invites you, do nothing.",
    ),
    "password_reset": _Wording(
        "Choose a new password",
        "Somebody, hopefully you, wants a new password for your account. Open this link within an hour to choose "
        "one; it works once.",
        "Choose a new password",
        "If it was not you, do nothing: your password stays as it is.",
    ),
    "password_changed": _Wording(
        "Your password has been changed",
        "The password of your account has just been changed, and other browsers were signed out.",
        "",
        "If it was not you, ask for a new password on the sign-in page at once, and tell whoever runs your Causette.",
    ),
    "confirm_email": _Wording(
        "Confirm your new e-mail address",
        "This address is to become that of an account. Open this link within 24 hours to confirm it.",
        "Confirm this address",
        "If you know nothing of it, do nothing.",
    ),
    "email_changed": _Wording(
        "Your e-mail address has been changed",
        "Your account now has the address {email}. Mail about it goes there from now on.",
        "",
        "If it was not you, tell whoever runs your Causette at once.",
    ),
}

_FR: Final[dict[Kind, _Wording]] = {
    "confirm_sign_up": _Wording(
        "Confirmez votre compte",
        "Quelqu’un, vous sans doute, a demandé un compte avec cette adresse. Pour l’obtenir, ouvrez ce lien dans les "
        "24 heures et saisissez le mot de passe que vous avez choisi.",
        "Confirmer le compte",
        "Si ce n’était pas vous, ne faites rien : sans votre confirmation, aucun compte n’est créé.",
    ),
    "has_account": _Wording(
        "Vous avez déjà un compte",
        "Quelqu’un, vous sans doute, a demandé un compte avec cette adresse. Il en existe déjà un et rien n’a changé. "
        "Connectez-vous comme d’habitude ; si vous avez oublié votre mot de passe, la page vous aide à en choisir un "
        "autre.",
        "Se connecter",
        "Si ce n’était pas vous, vous n’avez rien à faire.",
    ),
    "invitation": _Wording(
        "{by} vous invite sur Causette",
        "{by} vous a gardé une place. Ouvrez ce lien dans les 7 jours pour choisir un nom et un mot de passe.",
        "Accepter l’invitation",
        "Si vous ne connaissez pas la personne qui vous invite, ne faites rien.",
    ),
    "workspace_invitation": _Wording(
        "{by} vous invite dans l’espace de travail {workspace}",
        "{by} vous invite à rejoindre l’espace de travail {workspace} sur Causette. Ouvrez ce lien dans les 7 jours "
        "et connectez-vous pour répondre.",
        "Répondre à l’invitation",
        "Si vous ne connaissez pas la personne qui vous invite, ne faites rien.",
    ),
    "password_reset": _Wording(
        "Choisissez un nouveau mot de passe",
        "Quelqu’un, vous sans doute, souhaite un nouveau mot de passe pour votre compte. Ouvrez ce lien dans l’heure "
        "pour en choisir un ; il ne sert qu’une fois.",
        "Choisir un nouveau mot de passe",
        "Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même.",
    ),
    "password_changed": _Wording(
        "Votre mot de passe a changé",
        "Le mot de passe de votre compte vient d’être changé et les autres navigateurs ont été déconnectés.",
        "",
        "Si ce n’était pas vous, demandez tout de suite un nouveau mot de passe sur la page de connexion et prévenez "
        "la personne qui gère votre Causette.",
    ),
    "confirm_email": _Wording(
        "Confirmez votre nouvelle adresse",
        "Cette adresse doit devenir celle d’un compte. Ouvrez ce lien dans les 24 heures pour la confirmer.",
        "Confirmer cette adresse",
        "Si cela ne vous dit rien, ne faites rien.",
    ),
    "email_changed": _Wording(
        "Votre adresse a changé",
        "Votre compte a maintenant l’adresse {email}. C’est là que nous vous écrirons désormais.",
        "",
        "Si ce n’était pas vous, prévenez tout de suite la personne qui gère votre Causette.",
    ),
}

_WORDINGS: Final[dict[Locale, dict[Kind, _Wording]]] = {"en": _EN, "fr": _FR}


def write(
    kind: Kind,
    locale: Locale | None,
    to: str,
    *,
    link: str | None = None,
    by: str = "",
    email: str = "",
    workspace: str = "",
) -> Letter:
    """The letter of a ``kind`` to the address ``to``, in English where ``locale`` is None.

    Args:
        kind: What it is about.
        locale: The reader's language.
        to: The reader's address.
        link: What to open, in the letters that ask for it.
        by: Who invites, in an invitation.
        email: The new address, where it has been changed.
        workspace: The name of the workspace that an invitation is to.
    """
    wording = _WORDINGS[locale or "en"][kind]
    before, after = wording.before.format(by=by, email=email, workspace=workspace), wording.after
    paragraphs = [before, *([link] if link else []), after]
    anchor = (
        f'<p><a href="{escape(link)}">{escape(wording.action)}</a></p><p>{escape(link)}</p>' if link else ""
    )
    return Letter(
        to=to,
        subject=wording.subject.format(by=by, email=email, workspace=workspace),
        text="\n\n".join(paragraphs) + "\n",
        html=(
            f'<!doctype html><html lang="{locale or "en"}"><body>'
            f"<p>{escape(before)}</p>{anchor}<p>{escape(after)}</p></body></html>"
        ),
        link=link,
    )
