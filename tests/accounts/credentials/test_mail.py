import asyncio

import pytest
from structlog.testing import capture_logs

from causette.accounts.letters import Letter, write
from causette.accounts.mail import Mail, SmtpServer
from causette.errors import ConfigurationError, Unavailable
from tests.accounts.credentials.smtp import PostOffice

LINK = "https://chat.example.org/password-reset?token=x"


def a_letter(**changes: str) -> Letter:
    return write("password_reset", "fr", changes.get("to", "ada@example.org"), link=LINK)


async def test_a_letter_arrives_as_text_and_as_html_in_its_readers_language(
    office: PostOffice, mail: Mail
) -> None:
    mail.send(a_letter())
    await mail.settled()
    (letter,) = office.letters
    assert (letter["From"], letter["To"]) == ("Causette <causette@example.org>", "ada@example.org")
    assert letter["Subject"] == "Choisissez un nouveau mot de passe"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert office.link() == LINK
    html = letter.get_body(("html",))
    assert html is not None
    assert f'<a href="{LINK}">' in html.get_content()
    assert '<html lang="fr">' in html.get_content()


async def test_what_others_have_chosen_is_no_markup_in_a_letter() -> None:
    letter = write("invitation", "en", "ada@example.org", link=LINK, by="<b>Eve</b> {link}")
    assert "<b>" not in letter.html
    assert "&lt;b&gt;Eve&lt;/b&gt; {link}" in letter.html


async def test_a_server_that_is_busy_is_asked_again(office: PostOffice, mail: Mail) -> None:
    office.answers = ["451 Try later", "421 Closing"]
    mail.send(a_letter())
    await mail.settled()
    assert len(office.letters) == 1
    assert office.attempts == 3


async def test_a_server_that_refuses_for_good_is_not_asked_again(office: PostOffice, mail: Mail) -> None:
    office.answers = ["554 No", "554 No"]
    with capture_logs() as logs:
        mail.send(a_letter())
        await mail.settled()
    assert office.attempts == 1
    assert [entry["event"] for entry in logs] == ["an e-mail could not be sent"]
    assert "ada@" not in repr(logs) and "token" not in repr(logs)


async def test_a_server_that_is_not_there_is_given_up(mail: Mail) -> None:
    nowhere = Mail(sender="a@example.org", server=SmtpServer.from_url("smtp://127.0.0.1:1"), retries=(0.0,))
    with capture_logs() as logs:
        nowhere.send(a_letter())
        await nowhere.settled()
    assert [entry["log_level"] for entry in logs] == ["warning", "error"]


async def test_a_password_is_shown_to_the_server_decoded(office: PostOffice) -> None:
    url = office.url.replace("smtp://", "smtp://post%40example.org:s%3Acret@")
    mail = Mail(sender="a@example.org", server=SmtpServer.from_url(url))
    mail.send(a_letter())
    await mail.settled()
    assert office.logins == [("post@example.org", "s:cret")]


async def test_without_a_server_the_link_is_in_the_log() -> None:
    mail = Mail(sender="a@example.org")
    with capture_logs() as logs:
        mail.send(a_letter())
        await mail.settled()
    (entry,) = logs
    assert (entry["log_level"], entry["to"], entry["link"]) == ("info", "ada@example.org", LINK)


async def test_who_asks_does_not_wait_for_the_server(office: PostOffice, mail: Mail) -> None:
    asked, free = asyncio.Event(), asyncio.Event()

    async def compose() -> Letter:
        asked.set()
        await free.wait()
        return a_letter()

    mail.post(compose)
    await asked.wait()
    assert office.letters == []
    free.set()
    await mail.settled()
    assert len(office.letters) == 1


async def test_letters_wait_in_a_bounded_number(mail: Mail) -> None:
    free = asyncio.Event()

    async def compose() -> None:
        await free.wait()

    for _ in range(256):
        mail.post(compose)
    with pytest.raises(Unavailable) as refusal:
        mail.post(compose)
    assert refusal.value.code == "mail_busy"
    free.set()
    await mail.settled()
    mail.post(compose)


@pytest.mark.parametrize(
    "url", ["http://h", "smtp://", "smtp://u:hidden@h:x", "mail.example.org", "smtp://u:hidden@[::"]
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        SmtpServer.from_url(url)
    assert "hidden" not in refusal.value.message


@pytest.mark.parametrize(
    ("url", "port", "tls", "demands_tls"),
    [
        ("smtp://mail.example.org", 587, False, False),
        ("smtp://u:p@mail.example.org", 587, False, True),
        ("smtp://u:p@127.0.0.1:25", 25, False, False),
        ("smtps://u:p@mail.example.org", 465, True, False),
    ],
)
def test_a_password_leaves_the_machine_encrypted_only(
    url: str, port: int, tls: bool, demands_tls: bool
) -> None:
    server = SmtpServer.from_url(url)
    assert (server.port, server.tls, server.demands_tls) == (port, tls, demands_tls)


@pytest.mark.parametrize("sender", ["", "Causette", "a@b\nBcc: c@d"])
def test_a_sender_without_an_address_is_refused(sender: str) -> None:
    with pytest.raises(ConfigurationError):
        Mail(sender=sender)
