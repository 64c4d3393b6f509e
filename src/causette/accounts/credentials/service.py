"""Everything that people come in, come back in and leave with, wired together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from causette.accounts.credentials.leaving import Leaving
from causette.accounts.credentials.passkeys import Passkeys
from causette.accounts.credentials.sealing import Sealing
from causette.accounts.credentials.second_factors import SecondFactors
from causette.accounts.credentials.sign_up import Mode, SignUps
from causette.accounts.credentials.ways_back import WaysBack
from causette.accounts.mail import Mail
from causette.accounts.service import Accounts
from causette.clock import utc_now
from causette.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The parts, and the mail that they share; call `close` when done."""

    mail: Mail
    sign_ups: SignUps
    ways_back: WaysBack
    second_factors: SecondFactors
    passkeys: Passkeys
    leaving: Leaving

    @classmethod
    def on(
        cls,
        database: Database,
        accounts: Accounts,
        mail: Mail,
        *,
        sign_up: Mode,
        sealing: Sealing,
        now: Callable[[], datetime] = utc_now,
    ) -> Self:
        """The parts around ``accounts``, kept in the same ``database``; ``sign_up`` says who may make an account.

        Secrets for codes are kept sealed by ``sealing``.
        """
        return cls(
            mail=mail,
            sign_ups=SignUps(database, accounts, mail, mode=sign_up, now=now),
            ways_back=WaysBack(database, accounts, mail, now=now),
            second_factors=SecondFactors(database, accounts, sealing, now=now),
            passkeys=Passkeys(database, accounts, now=now),
            leaving=Leaving(database, accounts, now=now),
        )

    async def open(self) -> None:
        """Put in order what an earlier release has kept; the database is up to date."""
        await self.second_factors.open()

    async def close(self) -> None:
        """Send the letters that are waiting."""
        await self.mail.close()
