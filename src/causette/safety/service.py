"""Lets requests in or refuses them, and counts what was found. What was written is kept and logged nowhere."""

from collections.abc import Sequence

from causette.errors import Forbidden
from causette.observability import Metrics
from causette.safety.screening import TOO_LONG
from causette.safety.types import Screen, Surface


class Safety:
    """What every request passes before anything is done for it."""

    def __init__(self, screen: Screen, metrics: Metrics) -> None:
        self._screen = screen
        self._found = metrics.screened

    async def admit(self, parts: Sequence[str], *, surface: Surface) -> None:
        """Return when ``parts``, the texts of one request, may be given to a model.

        Raises:
            Forbidden: the policy refuses them (``content_refused``). The message names the category, never the text.
        """
        verdict = await self._screen.screen(parts, surface=surface)
        for category in verdict.categories:
            self._found.labels(surface, verdict.action, category).inc()
        if verdict.action == "refuse":
            raise Forbidden(_refusal(verdict.categories), code="content_refused", param="messages")


def _refusal(categories: tuple[str, ...]) -> str:
    if categories == (TOO_LONG,):
        return "This is longer than what can be screened here. Send less at once."
    return (
        f"This server's policy does not allow this request ({', '.join(categories)}). "
        "Change what you ask, or speak to whoever runs the server."
    )
