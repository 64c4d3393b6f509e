"""What the owner can set, where it comes from, and what it is when nothing is said.

Order of precedence: command-line flags, ``CAUSETTE_*`` environment variables, ``causette.toml`` in the data folder,
the defaults below. ``causette config`` prints the effective values with secrets masked.
"""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from causette.errors import ConfigurationError


def default_data_folder() -> Path:
    """Where Causette keeps everything when no data folder is named: the user's own data directory."""
    return user_data_path("causette")


class RemoteEngine(BaseModel):
    """An OpenAI-compatible server that answers for one deployment (``[[engines]]`` in ``causette.toml``).

    Entries of the same name are replicas of one deployment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, description="Deployment name, as clients say it in `model`")]
    url: Annotated[str, Field(pattern=r"^https?://", description="Base URL, up to and including /v1")]
    api_key: SecretStr | None = None
    model: Annotated[str | None, Field(description="The server's own model name; `name` when not given")] = (
        None
    )
    kind: Literal["text", "embedding"] = "text"
    aliases: Annotated[
        tuple[str, ...], Field(description="Other names; `default` takes the default's place")
    ] = ()
    context: Annotated[int, Field(gt=0, description="Context length in tokens")] = 8192
    usage: Annotated[
        Literal["final", "continuous"],
        Field(description="Whether it counts tokens in each chunk when asked as vLLM is, or at the end only"),
    ] = "final"
    thinking: Annotated[
        Literal["none", "effort", "template", "always"],
        Field(
            description="How it is told how long to think: not at all, by `reasoning_effort`, by its template's "
            "switch, or it always thinks and its template opens the block"
        ),
    ] = "none"
    vision: Annotated[bool, Field(description="Whether it takes pictures in messages")] = False
    tools: Annotated[bool, Field(description="Whether it takes `tools` and answers with `tool_calls`")] = (
        False
    )
    slots: Annotated[int, Field(gt=0, description="Requests it works on at once")] = 32
    machine: Annotated[
        str | None, Field(min_length=1, description="Its machine's name in the books; the URL's host")
    ] = None
    timeout_first_token: Annotated[float, Field(gt=0, description="Seconds until a reply begins")] = 300.0
    timeout_total: Annotated[float, Field(gt=0, description="Seconds until a reply ends")] = 3600.0


class MachineRate(BaseModel):
    """What an hour of a machine costs, and what it draws (``[machine]`` and ``[[machines]]``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200, description="Its name in the books")]
    usd_per_hour: Annotated[
        Decimal, Field(ge=0, le=1_000_000, decimal_places=9, description="US dollars for each hour it is on")
    ]
    watts_idle: Annotated[Decimal | None, Field(ge=0, le=1_000_000, decimal_places=3)] = None
    watts_busy: Annotated[Decimal | None, Field(ge=0, le=1_000_000, decimal_places=3)] = None


class OwnMachine(MachineRate):
    """The machine that this process runs on. Its rate is an assumption until the owner sets it."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = "this machine"
    usd_per_hour: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=9)] = Decimal("0.10")


class SignOnProvider(BaseModel):
    """An OpenID Connect provider that people may sign in with (``[[sign_on]]`` in ``causette.toml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="How paths and the database call it; keep it"),
    ]
    title: Annotated[str, Field(min_length=1, description="What people read on its button")]
    issuer: Annotated[
        str, Field(pattern=r"^https?://", description="Its URL; discovery is read from /.well-known below it")
    ]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    allowed_domains: Annotated[
        tuple[str, ...],
        Field(description="Domains whose verified e-mail addresses may come in; all when empty"),
    ] = ()
    trusts_second_factor: Annotated[
        bool, Field(description="Ask who comes from there for no code of ours: it asks for one of its own")
    ] = False
    create_accounts: Annotated[
        bool, Field(description="Make an account for who has none yet, whatever `sign_up` says")
    ] = False


class WebSearch(BaseModel):
    """A search engine for the assistant (``[web_search]`` in ``causette.toml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[
        Literal["searxng", "brave", "json"],
        Field(description="SearXNG, Brave's API, or any server that answers with JSON"),
    ]
    url: Annotated[
        str | None,
        Field(pattern=r"^https?://", description="Its base URL; for `json` with {query} where the words go"),
    ] = None
    api_key: Annotated[SecretStr | None, Field(description="Brave's key, or a bearer token")] = None
    results: Annotated[str, Field(description="`json`: where the list is, as keys with dots between")] = (
        "results"
    )
    title: Annotated[str, Field(description="`json`: the key of a result's title")] = "title"
    link: Annotated[str, Field(description="`json`: the key of a result's URL")] = "url"
    snippet: Annotated[str, Field(description="`json`: the key of a result's text")] = "content"
    usd_per_search: Annotated[
        Decimal, Field(ge=0, le=10, decimal_places=9, description="What its provider charges")
    ] = Decimal(0)


class NightlyTurns(BaseModel):
    """When a turn of the flywheel begins by itself (``[flywheel]`` in ``causette.toml``), and what it is to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[time, Field(description="The time of day, in UTC: 02:30")]
    least: Annotated[
        int, Field(ge=1, le=1_000_000, description="Examples since the last turn without which none begins")
    ] = 50
    share_percent: Annotated[
        float,
        Field(
            gt=0, le=100, allow_inf_nan=False, description="Of a hundred people, who are served the canary"
        ),
    ] = 10.0
    promotes: Annotated[
        bool, Field(description="Whether the canary is promoted by itself once nothing is against it")
    ] = False

    @field_validator("at")
    @classmethod
    def _in_utc(cls, at: time) -> time:
        if at.tzinfo is not None:
            raise ValueError("write the time in UTC and without a zone, such as 02:30")
        return at


class McpServer(BaseModel):
    """An MCP server for everybody (``[[mcp]]`` in ``causette.toml``): a command to run, or a URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$", description="Comes before its tools' names")
    ]
    command: Annotated[tuple[str, ...], Field(description="The program and its arguments, for stdio")] = ()
    env: Annotated[dict[str, SecretStr], Field(description="Variables that the program gets")] = {}
    url: Annotated[str | None, Field(pattern=r"^https?://", description="For streamable HTTP")] = None
    token: Annotated[SecretStr | None, Field(description="Bearer token for the URL")] = None


class S3Store(BaseModel):
    """An S3-compatible store for people's files (``[s3]`` in ``causette.toml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: Annotated[str, Field(pattern=r"^https?://", description="Its URL, without the bucket")]
    bucket: Annotated[str, Field(min_length=1)]
    access_key_id: Annotated[str, Field(min_length=1)]
    secret_access_key: SecretStr
    region: str = "us-east-1"
    prefix: Annotated[str, Field(description="What all keys begin with")] = ""


class Settings(BaseSettings):
    """The effective configuration of one process."""

    model_config = SettingsConfigDict(env_prefix="CAUSETTE_", extra="forbid", frozen=True)

    data: Annotated[Path, Field(description="The data folder: database and models")] = Field(
        default_factory=default_data_folder
    )
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    database_url: Annotated[
        SecretStr | None,
        Field(description="sqlite:///… or postgresql://…; an SQLite file in the data folder when not given"),
    ] = None
    valkey_url: Annotated[
        SecretStr | None,
        Field(description="valkey://…, for rolling request and token limits; in the database when not given"),
    ] = None
    models: Annotated[
        Path | None, Field(description="Where weights are kept; `models` in the data folder")
    ] = None
    model: Annotated[str, Field(description="The catalogue model deployed as `default`")] = (
        "smollm2-135m-instruct"
    )
    embedding_model: Annotated[str, Field(description="The catalogue model deployed as `embedding`")] = (
        "all-minilm-l6-v2"
    )
    engines: Annotated[tuple[RemoteEngine, ...], Field(description="OpenAI-compatible servers to use")] = ()
    machine: Annotated[
        OwnMachine, Field(description="This machine's name, rate and watts, for the books")
    ] = OwnMachine()
    machines: Annotated[
        tuple[MachineRate, ...], Field(description="The same of remote engines' machines")
    ] = ()
    kv_cache_gb: Annotated[int, Field(ge=1, description="Memory for the embedded engine's KV cache, GiB")] = 2
    max_running: Annotated[int, Field(ge=1, description="Sequences the embedded engine decodes at once")] = 64
    max_queued: Annotated[
        int, Field(ge=0, description="Requests that may wait; more are refused with 429")
    ] = 256
    jobs_at_once: Annotated[
        int,
        Field(
            ge=0,
            le=64,
            description="Background jobs that a process works on; 0 leaves them to `causette worker`",
        ),
    ] = 2
    lab_at_once: Annotated[
        int,
        Field(
            ge=0,
            le=16,
            description="Runs of the lab that a process carries out at once; 0 leaves them to others",
        ),
    ] = 1
    lab_threads: Annotated[
        int | None,
        Field(ge=1, description="Threads of each of those runs; half the processors when not given"),
    ] = None
    lab_nice: Annotated[
        int,
        Field(ge=0, le=19, description="How much those runs give way to all else: 0 not at all, 19 the most"),
    ] = 10
    fine_tuned_at_once: Annotated[
        int,
        Field(ge=1, le=64, description="Engines of fine-tuned models that a server process runs at once"),
    ] = 2
    fine_tuned_idle_minutes: Annotated[
        float, Field(gt=0, description="Minutes after which the engine of one that nobody asks is ended")
    ] = 10.0
    flywheel: Annotated[
        NightlyTurns | None,
        Field(description="When a turn of the flywheel begins by itself each night; never when not given"),
    ] = None
    shutdown_grace: Annotated[float, Field(ge=0, description="Seconds running replies get at shutdown")] = (
        20.0
    )
    public_url: Annotated[str | None, Field(description="How the outside reaches this server")] = None
    sign_up: Annotated[
        Literal["closed", "invitation", "open"], Field(description="Who may make an account of their own")
    ] = "closed"
    smtp_url: Annotated[
        SecretStr | None,
        Field(
            description="smtp://user:password@host:587 or smtps://…:465; mail goes to the log when not given"
        ),
    ] = None
    mail_from: Annotated[str, Field(description="Who mail comes from: 'Causette <causette@example.org>'")] = (
        "Causette <causette@localhost>"
    )
    sign_on: Annotated[
        tuple[SignOnProvider, ...], Field(description="OpenID Connect providers to sign in with")
    ] = ()
    secret_key: Annotated[
        SecretStr | None,
        Field(
            min_length=32,
            description="Seals secrets for codes in the database; `secret.key` in the data folder when not given",
        ),
    ] = None
    secure_cookies: Annotated[bool, Field(description="Send cookies over HTTPS only")] = False
    sharing: Annotated[
        Literal["on", "workspace", "off"],
        Field(
            description="Whether people may share conversations by link: with anybody, in a workspace only, no"
        ),
    ] = "on"
    most_samples: Annotated[
        int,
        Field(ge=1, le=16, description="Answers that people may have written to one question, for a vote"),
    ] = 1
    tool_seconds: Annotated[float, Field(gt=0, description="How long all tools of one reply may run")] = 180.0
    tool_rounds: Annotated[int, Field(ge=1, le=100, description="How often a reply may ask for tools")] = 8
    reply_usd: Annotated[
        Decimal,
        Field(
            gt=0, le=1000, decimal_places=9, description="What a reply may cost until it uses no more tools"
        ),
    ] = Decimal("0.50")
    web_search: Annotated[
        WebSearch | None, Field(description="The search engine that models may use; none when not given")
    ] = None
    mcp: Annotated[tuple[McpServer, ...], Field(description="MCP servers whose tools everybody may use")] = ()
    s3: Annotated[
        S3Store | None, Field(description="Where files are kept; `blobs` in the data folder when not given")
    ] = None
    largest_file_mb: Annotated[int, Field(ge=1, le=4096, description="The largest file that is taken")] = 64
    files_gb: Annotated[
        Decimal,
        Field(ge=0, le=1_000_000, decimal_places=3, description="What one person's files may take together"),
    ] = Decimal(2)
    stripe_secret_key: Annotated[SecretStr | None, Field(description="Takes payments through Stripe")] = None
    stripe_webhook_secret: Annotated[
        SecretStr | None, Field(description="Signing secret of Stripe's webhook for /api/stripe/webhook")
    ] = None
    stripe_meter: Annotated[
        str | None,
        Field(description="Event name of the billing meter at Stripe that use on trust is told to"),
    ] = None
    stripe_api_base: Annotated[
        str | None, Field(pattern=r"^https?://", description="Another server that speaks Stripe's API")
    ] = None
    metrics_token: Annotated[
        SecretStr | None,
        Field(
            min_length=16, description="Bearer token that opens /metrics from other machines than this one"
        ),
    ] = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = Path(
            init_settings().get("data") or env_settings().get("data") or default_data_folder()
        ).expanduser()
        toml = TomlConfigSettingsSource(settings_cls, folder / "causette.toml")
        return init_settings, env_settings, toml

    @property
    def models_folder(self) -> Path:
        """Where weights are kept."""
        return self.models or self.data / "models"

    @property
    def catalogue_file(self) -> Path:
        """The owner's additions to the catalogue of models."""
        return self.data / "catalogue.toml"

    @property
    def resolved_database_url(self) -> str:
        """The database's URL as the owner wrote it, or the data folder's SQLite file."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data / 'causette.sqlite3').resolve()}"


def load_settings(**flags: object) -> Settings:
    """The effective settings. ``flags`` that are None were not given on the command line.

    Raises:
        ConfigurationError: a value is wrong; the message names each field, the value's problem and where to set it.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Settings.model_validate({}) if not given else Settings(**given)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(
                filter(None, (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")))
            )
            for item in error.errors(include_url=False)
        )
        raise ConfigurationError(
            f"The configuration cannot be used: {problems}. "
            "Set values by flag, CAUSETTE_* variable or causette.toml in the data folder."
        ) from None
    except (ValueError, OSError) as error:
        # A file that is no TOML or cannot be read, a variable that is no JSON where a list is meant.
        raise ConfigurationError(
            f"The configuration cannot be read: {error}. Correct causette.toml in the data folder, or the variable."
        ) from None
    return settings.model_copy(update={"data": settings.data.expanduser().resolve()})
