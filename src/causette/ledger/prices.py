"""What things cost: a price list, and the arithmetic of a charge. Integers only."""

import hashlib
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from causette.ledger.types import Quantities

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Prices of one model. Nano-dollars: per million tokens, per image, per second of audio.

    ``cached_input`` applies to the part of the input that was found in a cache, ``reasoning`` to the part of the
    output that was thinking.
    """

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0
    image: int = 0
    audio_second: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 0:
                raise ValueError(f"The price of {item.name} is negative: {getattr(self, item.name)}.")

    @property
    def id(self) -> str:
        """A name that two prices share when they are the same, and never otherwise."""
        return _id_of(self)

    def document(self) -> str:
        """The price as JSON, as the books keep it for ever."""
        return msgspec.json.encode(asdict(self), order="sorted").decode()

    def charge(self, used: "Quantities") -> int:
        """What ``used`` costs in nano-dollars, rounded up once."""
        millionths = (
            (used.input_tokens - used.cached_tokens) * self.input
            + used.cached_tokens * self.cached_input
            + (used.output_tokens - used.reasoning_tokens) * self.output
            + used.reasoning_tokens * self.reasoning
        )
        return -(-millionths // _MILLION) + used.images * self.image + used.audio_seconds * self.audio_second

    def worst(self, input_tokens: int, output_tokens: int, images: int = 0) -> int:
        """The most that a request can cost, whatever of it turns out to be cached or thinking."""
        dearest_in, dearest_out = max(self.input, self.cached_input), max(self.output, self.reasoning)
        return -(-(input_tokens * dearest_in + output_tokens * dearest_out) // _MILLION) + images * self.image

    def affordable_output(self, nano: int, input_tokens: int, images: int = 0) -> int | None:
        """How many output tokens ``nano`` pays for after input and images; None for as many as one likes.

        Negative when it does not even pay for the input.
        """
        dearest_in, dearest_out = max(self.input, self.cached_input), max(self.output, self.reasoning)
        left = (nano - images * self.image) * _MILLION - input_tokens * dearest_in
        if left < 0:
            return -1
        return None if dearest_out == 0 else left // dearest_out


# Asked for with every request, of few prices.
@lru_cache(maxsize=1_000)
def _id_of(price: Price) -> str:
    return "price_" + hashlib.sha256(price.document().encode()).hexdigest()[:22]


FREE: Final = Price()
