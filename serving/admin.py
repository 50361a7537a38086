"""``python -m serving.admin``: tenants, API keys and users, for whoever runs the server."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import IntegrityError

from serving import accounts
from serving.services import Services, open_services
from serving.settings import Settings
from serving.storage import database as db

DEFAULT_TENANT = "default"
_DAY_SECONDS = 24 * 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    given: dict[str, Any] = {} if options.data is None else {"data": options.data}
    services = open_services(Settings(**given))
    try:
        return _run(services, options)
    except (ValueError, LookupError) as error:
        sys.stderr.write(f"talkreel admin: {error}\n")
        return 2
    finally:
        services.database.close()


def ensure_default(services: Services) -> str | None:
    """Make a tenant and a key where there is nobody yet, so that a new server can be used.

    The key is written to ``<data>/api-key``, readable by its owner only.

    Returns:
        The new key; None where there is a tenant already.
    """
    with services.database.write() as connection:
        if connection.execute(select(func.count()).select_from(db.tenants)).scalar_one():
            return None
        tenant_id = accounts.create_tenant(connection, DEFAULT_TENANT, services.settings)
        key = accounts.create_key(connection, tenant_id, "default")
        # Before the commit: a key that nobody can read must not be the only one.
        _write_secret(services.settings.data / "api-key", key)
    return key


def _run(services: Services, options: argparse.Namespace) -> int:
    match (options.what, options.action):
        case ("tenant", "create"):
            _create_tenant(services, options)
        case ("tenant", "list"):
            _list_tenants(services)
        case ("key", "create"):
            _create_key(services, options)
        case ("key", "list"):
            _list_keys(services, options.tenant)
        case ("key", "revoke"):
            _revoke_key(services, options.key)
        case _:
            _create_user(services, options)
    return 0


def _create_tenant(services: Services, options: argparse.Namespace) -> None:
    limits = {
        "max_concurrent": options.max_concurrent,
        "max_queued": options.max_queued,
        "max_minutes_per_month": options.max_minutes,
        "max_stored_bytes": options.max_bytes,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    try:
        with services.database.write() as connection:
            tenant_id = accounts.create_tenant(connection, options.name, services.settings)
            if given:
                connection.execute(
                    update(db.tenants).where(db.tenants.c.id == tenant_id).values(**given)
                )
    except IntegrityError as error:
        raise ValueError(f"there is a tenant {options.name!r} already") from error
    _say(tenant_id)


def _list_tenants(services: Services) -> None:
    with services.database.read() as connection:
        for row in connection.execute(select(db.tenants).order_by(db.tenants.c.id)):
            _say(
                f"{row.id}  {row.name}  running {row.max_concurrent}, queued {row.max_queued}, "
                f"{row.max_minutes_per_month:g} minutes a month, "
                f"{row.max_stored_bytes / 1e9:g} GB"
            )


def _create_key(services: Services, options: argparse.Namespace) -> None:
    expires_at = None if options.days is None else time.time() + options.days * _DAY_SECONDS
    with services.database.write() as connection:
        tenant_id = _tenant(connection, options.tenant)
        key = accounts.create_key(
            connection, tenant_id, options.name, options.scopes or accounts.SCOPES, expires_at
        )
    _say(key)


def _list_keys(services: Services, tenant: str | None) -> None:
    keys = db.api_keys
    query = select(keys, db.tenants.c.name.label("tenant")).join(db.tenants).order_by(keys.c.id)
    with services.database.read() as connection:
        if tenant is not None:
            query = query.where(keys.c.tenant_id == _tenant(connection, tenant))
        for row in connection.execute(query):
            state = "revoked" if row.revoked_at else _until(row.expires_at)
            _say(f"{row.id}  {row.tenant}  {row.name}  {state}  {' '.join(row.scopes)}")


def _revoke_key(services: Services, key: str) -> None:
    # The id alone, or the whole key, of which the middle is the id.
    key_id = key.split(".")[1] if key.startswith("tk.") else key
    with services.database.write() as connection:
        if not accounts.revoke_key(connection, key_id):
            raise LookupError(f"there is no key {key_id!r} that could be revoked")
    _say(f"{key_id} is revoked")


def _create_user(services: Services, options: argparse.Namespace) -> None:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        with services.database.write() as connection:
            tenant_id = _tenant(connection, options.tenant)
            user_id = accounts.create_user(
                connection, tenant_id, options.email, password, options.scopes or accounts.SCOPES
            )
    except IntegrityError as error:
        raise ValueError(f"there is a user {options.email!r} already") from error
    _say(user_id)


def _tenant(connection: Connection, tenant: str) -> str:
    tenants = db.tenants.c
    found = connection.execute(
        select(tenants.id).where((tenants.id == tenant) | (tenants.name == tenant))
    ).scalar_one_or_none()
    if found is None:
        raise LookupError(f"there is no tenant {tenant!r}: see `tenant list`")
    return str(found)


def _until(expires_at: float | None) -> str:
    if expires_at is None:
        return "for good"
    return f"until {datetime.fromtimestamp(expires_at, UTC):%Y-%m-%d}"


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.admin", description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder (else TALKREEL_SERVE_DATA)")
    things = parser.add_subparsers(dest="what", required=True)

    tenant = things.add_parser("tenant").add_subparsers(dest="action", required=True)
    create = tenant.add_parser("create", help="add a tenant")
    create.add_argument("name")
    create.add_argument("--max-concurrent", type=int, help="projects that run at once")
    create.add_argument("--max-queued", type=int, help="projects that wait")
    create.add_argument("--max-minutes", type=float, help="minutes of video a month")
    create.add_argument("--max-bytes", type=int, help="bytes stored")
    tenant.add_parser("list", help="show all tenants")

    key = things.add_parser("key").add_subparsers(dest="action", required=True)
    create = key.add_parser("create", help="make a key; it is shown this once")
    create.add_argument("tenant", help="name or id")
    create.add_argument("--name", default="key")
    create.add_argument("--scopes", nargs="+", choices=accounts.SCOPES)
    create.add_argument("--days", type=float, help="until it expires")
    listed = key.add_parser("list", help="show keys, not their secrets")
    listed.add_argument("tenant", nargs="?", help="name or id")
    key.add_parser("revoke", help="end a key at once").add_argument("key")

    user = things.add_parser("user").add_subparsers(dest="action", required=True)
    create = user.add_parser("create", help="add a user; the password is asked for")
    create.add_argument("tenant", help="name or id")
    create.add_argument("email")
    create.add_argument("--scopes", nargs="+", choices=accounts.SCOPES)
    return parser


if __name__ == "__main__":
    sys.exit(main())
