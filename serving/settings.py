"""What a server is told when it starts, checked at the door."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

GIB = 1024**3


class Settings(BaseSettings):
    """Settings of one server; each can be given as ``TALKREEL_SERVE_<NAME>``.

    The defaults need nothing but a folder: SQLite, objects on disk, one worker.
    """

    model_config = SettingsConfigDict(env_prefix="TALKREEL_SERVE_", frozen=True, extra="forbid")

    data: Path = Field(Path("talkreel-data"), description="folder of everything that is kept")
    database_url: str = Field("", description="SQLAlchemy URL; SQLite in ``data`` when empty")
    objects_url: str = Field("", description="s3://, gs://, az:// or file://; in ``data`` if empty")
    redis_url: str = Field("", description="shared rate limits; in memory if empty")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    public_url: str = Field("", description="how clients reach this server; from host if empty")

    topology: Literal["fused", "distributed"] = "fused"
    workers: int = Field(1, ge=0, description="render workers on this machine")
    bundles: dict[str, str] = Field(default_factory=dict, description="role to bundle URI")
    tenant_bundles: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="tenant id to role to bundle URI, where they differ"
    )
    registry_url: str = Field("", description="MLflow's; MLFLOW_TRACKING_URI if empty")

    lease_seconds: float = Field(15.0, gt=0, description="a worker silent this long lost its job")
    max_attempts: int = Field(3, ge=1)
    retry_seconds: float = Field(2.0, ge=0, description="first wait; doubles with each attempt")
    stall_seconds: float = Field(300.0, gt=0, description="no progress and no CPU time: killed")
    timeout_floor_seconds: float = Field(1800.0, gt=0)
    timeout_per_media_second: float = Field(20.0, gt=0)
    min_free_bytes: int = Field(2 * GIB, ge=0, description="less on disk admits no job")
    cache_limit_gb: float = Field(20.0, gt=0)

    max_upload_bytes: int = Field(20 * GIB, gt=0)
    max_media_seconds: float = Field(6 * 3600.0, gt=0)
    upload_hours: float = Field(48.0, gt=0)
    import_seconds: float = Field(1800.0, gt=0, description="longest import by URL")
    idempotency_hours: float = Field(48.0, ge=24)
    requests_per_minute: int = Field(1200, ge=1, description="per key")
    token_seconds: int = Field(900, ge=60, description="life of an access token")

    max_concurrent_projects: int = Field(2, ge=1, description="of a new tenant, running at once")
    max_queued_projects: int = Field(2000, ge=1, description="of a new tenant")
    max_minutes_per_month: float = Field(100_000.0, gt=0, description="of a new tenant")
    max_stored_bytes: int = Field(500 * GIB, gt=0, description="of a new tenant")

    allow_private_urls: bool = Field(False, description="imports and webhooks to this network")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.data.absolute() / 'talkreel.db'}"

    @property
    def objects(self) -> str:
        """The object store's URL in use."""
        return self.objects_url or f"file://{self.data.absolute() / 'objects'}"

    @property
    def url(self) -> str:
        """How clients reach this server."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
