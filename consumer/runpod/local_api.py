"""The SDK's local server, and two routes of the platform that it lacks: `/cancel` and `/health`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from consumer.runpod.handler import Handler


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """Where the local server listens."""

    host: str
    port: int


def serve_local(handler: Handler, level: str, address: LocalAddress) -> None:
    """Serve until stopped; the SDK must have been imported.

    Args:
        level: of the SDK's log.
    """
    importlib.import_module("runpod.serverless.modules.rp_logger").RunPodLogger().set_level(level)
    module = importlib.import_module("runpod.serverless.modules.rp_fastapi")
    server = module.WorkerAPI({"handler": handler})
    routes = _Routes(handler, module.job_list)
    server.rp_app.add_api_route("/health", routes.health, methods=["GET"], summary="What is in work.")
    server.rp_app.add_api_route("/cancel/{job_id}", routes.cancel, methods=["POST"], summary="Stop a request.")
    server.start_uvicorn(api_host=address.host, api_port=address.port)


class _Routes:
    """Answers in the form of the platform's.

    Args:
        stashed: the SDK's list of requests that came by /run; it begins them when their /status is asked for.
    """

    def __init__(self, handler: Handler, stashed: Any) -> None:
        self._handler, self._stashed = handler, stashed

    async def health(self) -> dict[str, Any]:
        in_work = {job["request_id"] for job in self._handler.jobs()}
        waiting = {str(job) for job in self._stashed} - in_work
        return {
            "jobs": {
                "completed": self._handler.completed,
                "failed": self._handler.failed,
                "inProgress": len(in_work),
                "inQueue": len(waiting),
                "retried": 0,
            },
            "workers": {"idle": int(not in_work), "running": int(bool(in_work))},
        }

    async def cancel(self, job_id: str) -> dict[str, Any]:
        if self._handler.cancel(job_id):
            return {"id": job_id, "status": "CANCELLED"}
        stashed = self._stashed.get(job_id)
        if stashed is None:
            return {"id": job_id, "status": "FAILED", "error": "Job ID not found"}
        self._stashed.remove(stashed)
        return {"id": job_id, "status": "CANCELLED"}
