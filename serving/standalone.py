"""The API under uvicorn in this process: alone with its workers, or in front of Ray Serve."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import uvicorn

from serving.admin import ensure_default
from serving.api.app import create_app
from serving.housekeeping import Housekeeper
from serving.scoring.local import LocalScorer
from serving.scoring.models import Models, TenantModels
from serving.scoring.scores import Scorer
from serving.services import open_services
from serving.settings import Settings
from serving.webhooks.deliverer import Deliverer
from talkreel.core.errors import InputError

_ROOT = Path(__file__).resolve().parents[1]
_AGAIN_SECONDS = 1.0
KEY_FILE = "api-key"  # written by ``ensure_default``


def serve_api(settings: Settings, scorer: Scorer) -> None:
    """Answer HTTP until Ctrl-C or SIGTERM; says where.

    Args:
        settings: of the server.
        scorer: scores texts.

    Raises:
        InputError: something else listens there.
    """
    services = open_services(settings, scorer)
    try:
        ensure_default(services)
        _announce(settings)
        config = uvicorn.Config(
            create_app(services),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            # Event streams end only when they are told to.
            timeout_graceful_shutdown=5,
        )
        with _listening(settings) as listener:
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return  # uvicorn passes it on when everything is closed
    finally:
        services.database.close()


def serve_here(settings: Settings) -> None:
    """Everything without Ray: the scorer in this process, workers in one beside it.

    Raises:
        InputError: something else listens there.
    """
    shared = Models(settings.bundles, registry_url=settings.registry_url)
    models = TenantModels(shared, settings.tenant_bundles, registry_url=settings.registry_url)
    scorer = LocalScorer(models)
    services = open_services(settings)
    stop = threading.Event()
    runs = [Deliverer(services).run, Housekeeper(services).run]
    threads = [threading.Thread(target=run, args=(stop,), daemon=True) for run in runs]
    threads.append(threading.Thread(target=_keep_working, args=(settings, stop), daemon=True))
    for thread in threads:
        thread.start()
    try:
        serve_api(settings, scorer)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        scorer.close()
        services.database.close()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process started by us reads them."""
    found = dict(os.environ)
    for name, value in settings.model_dump(mode="json").items():
        text = value if isinstance(value, str) else json.dumps(value)
        found[f"TALKREEL_SERVE_{name.upper()}"] = text
    return found


def _keep_working(settings: Settings, stop: threading.Event) -> None:
    """Run the worker process; another one when it ends without being asked to."""
    if not settings.workers:
        return
    while not stop.is_set():
        worker = subprocess.Popen(
            [*_dying_with_us(), sys.executable, "-m", "serving.jobs.worker"],
            cwd=_ROOT,
            env=environment(settings),
            start_new_session=True,  # Ctrl-C is for us; we tell it
        )
        while worker.poll() is None and not stop.wait(0.2):
            pass
        if stop.is_set():
            worker.terminate()
            worker.wait()
        stop.wait(_AGAIN_SECONDS)


def _dying_with_us() -> list[str]:
    """What has the kernel end a process when the thread that started it is gone."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "TERM", "--"] if found else []


def _listening(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as error:
        raise InputError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "give another --port"
        ) from error


def _announce(settings: Settings) -> None:
    file = settings.data / KEY_FILE
    key = f"key     in {file}\n" if file.is_file() else ""
    sys.stdout.write(
        f"API     {settings.url}/v1\ndocs    {settings.url}/docs\n{key}"
        f"data    {settings.data}\nCtrl-C stops it.\n"
    )
    sys.stdout.flush()
