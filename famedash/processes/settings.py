"""The one reader of the environment: `FAMEDASH_*`, from the process or from a `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from famedash.briefs.settings import Calling, Shape
from famedash.webhooks.addresses import Forbidden, parse_networks, place_of


def home() -> Path:
    """The folder of the nearest `.env` or Makefile, from here upwards; else where we stand."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".env").is_file() or (folder / "Makefile").is_file():
            return folder
    return here


class Settings(BaseSettings):
    """Every setting, with its default. `.env.example` lists them; a test keeps the two in step."""

    model_config = SettingsConfigDict(env_prefix="FAMEDASH_", extra="ignore", env_ignore_empty=True)

    database_url: str = ""
    redis_url: str = ""
    data_dir: Path = Path(".famedash")
    embedded: bool = False

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    practice_host: str = "127.0.0.1"
    practice_port: int = Field(8081, ge=0, le=65535)
    metrics_port: int | None = Field(None, ge=1, le=65535)

    jwt_secret: SecretStr = SecretStr("")
    jwt_secret_file: Path | None = None
    jwt_jwks_url: str = ""
    jwt_audience: str = "famedash"
    jwt_issuer: str = "famedash"

    webhook_url: str = ""
    webhook_secret: SecretStr = SecretStr("")
    webhook_secret_file: Path | None = None
    webhook_attempts: int = Field(3, ge=1, le=20)
    webhook_backoff_seconds: float = Field(1.0, gt=0, le=3600)
    webhook_timeout_seconds: float = Field(10.0, gt=0, le=300)
    webhook_max_in_flight: int = Field(8, ge=1, le=1000)
    webhook_allow_private: str = ""
    encryption_key: SecretStr = SecretStr("")
    encryption_key_file: Path | None = None

    metrics_flush_seconds: float = Field(0.1, ge=0.01, le=10)
    metrics_most_events: int = Field(100_000, ge=1, le=1_000_000)
    metrics_most_fingerprints: int = Field(8_000_000, ge=1)
    metrics_creators: bool = True
    metrics_hashtags: bool = True
    dedupe_days: int = Field(7, ge=1, le=3650)

    llm: Literal["", "local"] = ""
    llm_base_url: str = ""
    llm_api_key: SecretStr = SecretStr("")
    llm_model: str = "gpt-4.1-mini"
    llm_tools: Calling = Calling.NATIVE
    llm_output: Shape = Shape.JSON_SCHEMA
    llm_timeout_seconds: float = Field(20.0, gt=0, le=600)
    llm_budget_seconds: float = Field(60.0, gt=0, le=3600)
    llm_attempts: int = Field(3, ge=1, le=10)
    llm_max_in_flight: int = Field(8, ge=1, le=1000)
    llm_input_usd: float | None = Field(None, ge=0)
    llm_output_usd: float | None = Field(None, ge=0)
    llm_port: int = Field(8082, ge=0, le=65535)
    embeddings_base_url: str = ""
    embeddings_api_key: SecretStr = SecretStr("")
    embeddings_model: str = "text-embedding-3-small"
    brief_ttl_seconds: int = Field(86_400, ge=1, le=2_592_000)

    rate_per_second: float = Field(1000.0, ge=0, le=1_000_000)
    rate_burst: int = Field(2000, ge=1, le=1_000_000)
    max_body_bytes: int = Field(1_048_576, ge=1024)
    events_max_body_bytes: int = Field(8_388_608, ge=1024)
    imports_max_body_bytes: int = Field(2_147_483_648, ge=1024)
    events_backlog: int = Field(1_000_000, ge=1)
    log_format: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("webhook_url", "llm_base_url", "embeddings_base_url")
    @classmethod
    def _leads_somewhere(cls, url: str) -> str:
        try:
            if url:
                place_of(url)
        except Forbidden:
            raise PydanticCustomError(
                "address", "must be empty, or an http:// or https:// address with a host"
            ) from None
        return url

    @field_validator("webhook_allow_private")
    @classmethod
    def _names_networks(cls, networks: str) -> str:
        try:
            parse_networks(networks)
        except ValueError as reason:
            raise PydanticCustomError("networks", "{reason}", {"reason": str(reason)}) from None
        return networks

    @property
    def data_path(self) -> Path:
        """The data dir, absolute: a relative one stands beside the Makefile or the `.env`."""
        return self.data_dir if self.data_dir.is_absolute() else home() / self.data_dir


def load() -> Settings:
    """Read the process's environment and the `.env` at home."""
    return Settings(_env_file=home() / ".env")
