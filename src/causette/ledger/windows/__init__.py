"""Rolling windows that many processes share through Valkey, where one is configured."""

from causette.ledger.windows.mending import mend, mend_for_ever
from causette.ledger.windows.taking import Ended, Full, Taken, Windows, is_window, rounds

__all__ = ["Ended", "Full", "Taken", "Windows", "is_window", "mend", "mend_for_ever", "rounds"]
