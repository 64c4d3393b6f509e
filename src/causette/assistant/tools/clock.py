"""What day and what time it is: models know neither."""

from datetime import UTC
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from causette.assistant.tools.types import ToolContext, ToolFailed, ToolResult
from causette.clock import utc_now


class Clock:
    """The tool."""

    name = "clock"
    title = "Date and time"
    description = "The current date, weekday and time, in UTC or a time zone such as Europe/Paris."
    read_only = True

    @property
    def parameters(self) -> dict[str, object]:
        """See `Tool`."""
        return {
            "type": "object",
            "properties": {"timezone": {"type": "string", "description": "IANA name; UTC when left out"}},
            "additionalProperties": False,
        }

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        name = str(arguments.get("timezone") or "UTC")
        try:
            zone = UTC if name.upper() in {"UTC", "Z"} else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ToolFailed(
                f"There is no time zone {name[:64]!r}. Use an IANA name such as Europe/Paris."
            ) from None
        now = utc_now().astimezone(zone)
        return ToolResult(
            text=f"{now:%A, %d %B %Y, %H:%M:%S} ({name}); ISO week {now:%V}, day {now:%j} of the year.",
            summary=f"{now:%Y-%m-%d %H:%M} {name}",
        )
