"""What the console's requests and answers are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.amounts import NANO_DECIMALS, whole_units
from causette.errors import InvalidRequest

Amount = Annotated[str, Field(max_length=32)]
Memo = Annotated[str, Field(min_length=3, max_length=400, description="Why; kept with it for good")]
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[\w.:-]+$",
        description="Chosen by whoever asks: the same one does it once",
    ),
]
WindowName = Literal["day", "month", "total"]
MeterName = Literal["requests", "tokens", "money"]


class Body(BaseModel):
    """A request; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """An answer, made from what has the same attributes."""

    model_config = ConfigDict(from_attributes=True)


def nano_of(usd: str, *, param: str) -> int:
    """US dollars as people write them, as nano-dollars; a minus is taken.

    Raises:
        InvalidRequest: it is no amount.
    """
    sign = -1 if usd.startswith("-") else 1
    try:
        return sign * whole_units(usd.removeprefix("-"), NANO_DECIMALS)
    except ValueError as error:
        raise InvalidRequest(f"{error}.", param=param) from None


def count_of(text: str, *, param: str) -> int:
    """A whole number as people write it.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return whole_units(text, 0)
    except ValueError as error:
        raise InvalidRequest(f"{error}.", param=param) from None
