"""Which requests are the same one sent again: by a key, by what they ask, or as the next piece of one reply.

A repetition and what it repeats have one root, and together pay what the dearest of them costs. So taking a request for
a repetition gives away at most one answer, and not taking it for one can charge a person twice for what they never got.
Two things are known about an earlier request: that it was not answered to its end, and then it may be repeated; or that
it was, and then only its receiver knows whether the answer came through. Their word is taken so many times an hour.
"""

import os
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from causette.errors import Conflict
from causette.ledger import reservations, store
from causette.ledger.reservations import Counter
from causette.ledger.store import Earlier
from causette.ledger.types import Hold, Limit, Meter, Window

#: How long a client's idempotency key is remembered.
KEY_LIFETIME: Final = timedelta(hours=24)
#: How long a request without a key is known again by what it is.
REPEATED_WITHIN: Final = timedelta(seconds=60)
# Clients repeat a request twice by default.
_REPETITIONS: Final = 2
# So many answers an hour may be lost on their way to one payer and are given again.
_LOST_ANSWERS: Final = 10
# What the sender of a keyless request never got whole.
_UNDELIVERED: Final = frozenset({"disconnected", "failed", "orphaned", "stopped"})


def names(holds: Iterable[Hold]) -> set[str]:
    """What nobody else may decide about while it is decided whether ``holds`` are repetitions."""
    return {f"{hold.payer_id} {hold.idempotency_key}" for hold in holds if hold.idempotency_key is not None}


def counters(holds: Iterable[Hold]) -> set[str]:
    """The counters that `Repetitions.root` may ask for."""
    return {_lost_answers(hold.payer_id).counter for hold in holds if _claims(hold)}


class Repetitions:
    """What the requests of one batch may be repetitions of.

    Args:
        connection: the batch's transaction.
        holder: the process that reserves.
        silence: how long a process shows no life until it counts as dead.
    """

    def __init__(self, connection: Connection, holder: str, silence: timedelta) -> None:
        self._connection = connection
        self._holder = holder
        self._silence = silence
        self._by_key: dict[tuple[str, str], list[Earlier]] = {}
        self._by_print: dict[bytes, dict[str, Earlier]] = {}
        self._by_reply: dict[str, Earlier] = {}
        self._chains: dict[str, int] = {}
        self._alive: set[str] | None = None

    def load(self, holds: Sequence[Hold], now: datetime) -> None:
        """Read what ``holds`` may repeat; `names` of them are locked."""
        connection, since = self._connection, now - REPEATED_WITHIN
        if keys := {hold.idempotency_key for hold in holds if hold.idempotency_key is not None}:
            for earlier in store.earlier_by_key(connection, keys, now - KEY_LIFETIME):
                self._by_key.setdefault((earlier.payer_id, earlier.idempotency_key or ""), []).append(earlier)
        found: list[Earlier] = []
        keyless = [hold for hold in holds if hold.repetition is not None and hold.idempotency_key is None]
        if prints := _prints(keyless):
            found += store.earlier_undelivered(connection, prints, since)
        if claimed := [hold for hold in keyless if _claims(hold)]:
            payers = {hold.payer_id for hold in claimed}
            found += store.earlier_of_payers(connection, payers, _prints(claimed), since)
        for earlier in sorted(found, key=_by_age):
            if earlier.idempotency_key is None and earlier.state != "released":
                self._by_print.setdefault(earlier.fingerprint or b"", {})[earlier.id] = earlier
        if continued := {hold.engine_request_id for hold in holds if hold.continues}:
            for earlier in store.earlier_of_replies(connection, continued):
                self._by_reply.setdefault(earlier.engine_request_id, earlier)
        if roots := {earlier.root_id for earlier in found}:
            self._chains = store.chain_lengths(connection, roots)

    def root(self, hold: Hold, counters: Mapping[str, Counter], now: datetime) -> tuple[str, Limit | None]:
        """The request that ``hold`` repeats, its own id when it repeats none; and the limit of lost answers, if its
        sender's word is taken for that.

        Raises:
            Conflict: what it repeats is still being worked on; or its idempotency key was used for something else, or
                too often.
        """
        if hold.idempotency_key is not None:
            known = self._by_key.get((hold.payer_id, hold.idempotency_key), [])
            return self._root_by_key(hold, known, counters, now) if known else (hold.id, None)
        if hold.continues:
            earlier = self._by_reply.get(hold.engine_request_id)
            mine = earlier is not None and earlier.payer_id == hold.payer_id
            return (earlier.root_id if earlier is not None and mine else hold.id), None
        return self._root_by_print(hold, counters, now)

    def remember(self, hold: Hold, root: str, now: datetime) -> None:
        """Let what comes later in the same batch find this request."""
        this = Earlier(
            id=hold.id,
            root_id=root,
            payer_id=hold.payer_id,
            engine_request_id=hold.engine_request_id,
            idempotency_key=hold.idempotency_key,
            fingerprint=hold.repetition.fingerprint if hold.repetition else None,
            state="held",
            outcome=None,
            holder=self._holder,
            created_at=now,
        )
        if hold.idempotency_key is not None:
            self._by_key.setdefault((hold.payer_id, hold.idempotency_key), []).append(this)
        elif this.fingerprint is not None:
            self._by_print.setdefault(this.fingerprint, {})[this.id] = this
        if hold.continues:
            self._by_reply.setdefault(hold.engine_request_id, this)
        self._chains[root] = self._chains.get(root, 0) + 1

    def _root_by_print(
        self, hold: Hold, counters: Mapping[str, Counter], now: datetime
    ) -> tuple[str, Limit | None]:
        known = hold.repetition
        same = [
            item
            for item in (self._by_print.get(known.fingerprint, {}).values() if known is not None else ())
            if item.payer_id == hold.payer_id and (_claims(hold) or item.outcome in _UNDELIVERED)
        ]
        if not same or self._chains.get(same[-1].root_id, 1) > _REPETITIONS:
            return hold.id, None
        if self._all_undelivered(same, now):
            return same[-1].root_id, None
        allowance = _lost_answers(hold.payer_id)
        if reservations.standing(allowance, counters, now).remaining > 0:
            return same[-1].root_id, allowance
        if any(self._runs(item, now) for item in same):
            raise Conflict(
                "A request like this one is still being answered, and too many were sent again in the last hour. "
                "Wait for the first, or send an Idempotency-Key.",
                code="repetition_in_flight",
                retry_after=1.0,
            )
        return hold.id, None

    def _root_by_key(
        self, hold: Hold, earlier: Sequence[Earlier], counters: Mapping[str, Counter], now: datetime
    ) -> tuple[str, Limit | None]:
        if hold.repetition is not None and any(
            item.fingerprint != hold.repetition.fingerprint for item in earlier
        ):
            raise Conflict(
                "This Idempotency-Key was used for another request. Use a new key for a new request.",
                code="idempotency_key_reused",
                param="Idempotency-Key",
            )
        if any(self._runs(item, now) for item in earlier):
            raise Conflict(
                "The first request with this Idempotency-Key is still being answered. Wait for it, or try again.",
                code="idempotency_in_flight",
                param="Idempotency-Key",
                retry_after=1.0,
            )
        counted = [item for item in earlier if item.state != "released"]
        if len(counted) > _REPETITIONS:
            raise Conflict(
                f"This Idempotency-Key has been used {len(earlier)} times. Use a new key for a new request.",
                code="idempotency_key_spent",
                param="Idempotency-Key",
            )
        if self._all_undelivered(counted, now):
            return earlier[0].root_id, None
        allowance = _lost_answers(hold.payer_id)
        if reservations.standing(allowance, counters, now).remaining > 0:
            return earlier[0].root_id, allowance
        raise Conflict(
            f"More than {_LOST_ANSWERS} requests that were answered have been sent again in an hour. "
            "Use a new key to ask again.",
            code="idempotency_key_spent",
            param="Idempotency-Key",
        )

    def _all_undelivered(self, earlier: Iterable[Earlier], now: datetime) -> bool:
        return all(
            item.outcome in _UNDELIVERED or (item.state == "held" and not self._runs(item, now))
            for item in earlier
        )

    def _runs(self, earlier: Earlier, now: datetime) -> bool:
        if earlier.state != "held":
            return False
        if self._alive is None:
            found = store.living_holders(self._connection, now - self._silence)
            self._alive = {self._holder} | {
                holder for holder, host, pid in found if host != socket.gethostname() or _exists(pid)
            }
        return earlier.holder in self._alive


def _exists(pid: int) -> bool:
    """Whether this machine has a process ``pid``: who was killed a second ago need not be waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _claims(hold: Hold) -> bool:
    """Whether the sender says that this may be a repetition of what was answered."""
    return hold.idempotency_key is not None or (hold.repetition is not None and hold.repetition.claimed)


def _prints(holds: Iterable[Hold]) -> Collection[bytes]:
    return {hold.repetition.fingerprint for hold in holds if hold.repetition is not None}


def _by_age(earlier: Earlier) -> tuple[datetime, str]:
    return earlier.created_at, earlier.id


def _lost_answers(payer_id: str) -> Limit:
    return Limit(f"payer:{payer_id}/lost-answers", Meter.REQUESTS, Window("rolling", 3600), _LOST_ANSWERS)
