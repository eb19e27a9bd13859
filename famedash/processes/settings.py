"""The one reader of the environment: `FAMEDASH_*`, from the process or from a `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    max_body_bytes: int = Field(1_048_576, ge=1024)
    log_format: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def data_path(self) -> Path:
        """The data dir, absolute: a relative one stands beside the Makefile or the `.env`."""
        return self.data_dir if self.data_dir.is_absolute() else home() / self.data_dir


def load() -> Settings:
    """Read the process's environment and the `.env` at home."""
    return Settings(_env_file=home() / ".env")
