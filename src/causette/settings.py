"""What the owner can set, where it comes from, and what it is when nothing is said.

Order of precedence: command-line flags, ``CAUSETTE_*`` environment variables, ``causette.toml`` in the data folder,
the defaults below. ``causette config`` prints the effective values with secrets masked.
"""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
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
    """An OpenAI-compatible server that answers for one deployment (``[[engines]]`` in ``causette.toml``)."""

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
    kv_cache_gb: Annotated[int, Field(ge=1, description="Memory for the embedded engine's KV cache, GiB")] = 2
    max_running: Annotated[int, Field(ge=1, description="Sequences the embedded engine decodes at once")] = 64
    max_queued: Annotated[
        int, Field(ge=0, description="Requests that may wait; more are refused with 429")
    ] = 256
    shutdown_grace: Annotated[float, Field(ge=0, description="Seconds running replies get at shutdown")] = (
        20.0
    )
    public_url: Annotated[str | None, Field(description="How the outside reaches this server")] = None
    secure_cookies: Annotated[bool, Field(description="Send cookies over HTTPS only")] = False
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
