"""The bodies that RunPod's REST API v2 takes, as its OpenAPI description says (`info.version` 2.0.0, read in November
2026): JSON Schemas of our own for what this program sends, and the sentence for a field that is not in them.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_CUDA: dict[str, Any] = {"type": "string", "pattern": r"^\d+\.\d+$"}


def _closed(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


CREATE_POD = _closed(
    ["name"],
    {
        "name": {"type": "string", "minLength": 1},
        # How the container runs
        "image": {"type": "string"},
        "args": {"type": "string"},
        "cmd": _TEXTS,
        "entrypoint": _TEXTS,
        "disk": {"type": "integer", "minimum": 1},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "ports": _TEXTS,
        "registry": {"type": ["string", "null"]},
        # Where, and on what
        "cloud": {"enum": ["SECURE", "COMMUNITY"]},
        "dataCenterIds": _TEXTS,
        "globalNetworking": {"type": "boolean"},
        "gpu": _closed(
            ["id"],
            {
                "id": {"type": "string"},
                "count": {"type": "integer", "minimum": 1},
                "allowedCudaVersions": {"type": "array", "items": _CUDA},
                "minCudaVersion": _CUDA,
                "minRamPerGpu": {"type": "integer", "minimum": 1},
                "minVcpuCountPerGpu": {"type": "integer", "minimum": 1},
            },
        ),
        "cpu": _closed(["id", "vcpuCount"], {"id": {"type": "string"}, "vcpuCount": {"type": "integer", "minimum": 2}}),
        "mounts": _closed(
            [],
            {
                "persistent": _closed(
                    ["size", "path"], {"size": {"type": "integer", "minimum": 10}, "path": {"type": "string"}}
                ),
                "network": {
                    "type": "array",
                    "maxItems": 1,
                    "items": _closed(
                        ["volumeId", "path"], {"volumeId": {"type": "string"}, "path": {"type": "string"}}
                    ),
                },
            },
        ),
        "startJupyter": {"type": "boolean"},
        "startSsh": {"type": "boolean"},
        "templateId": {"type": "string", "minLength": 1},
    },
)
CREATE_POD |= {"if": {"not": {"required": ["templateId"]}}, "then": {"required": ["image"]}}

GPU_QUERY = {"include", "product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion"}
POD_QUERY = {"includeClusterPods", "cursor", "limit"}


def violations(body: Any) -> list[str]:
    """What is wrong with the body of a new pod, in the API's words; empty: nothing."""
    return sorted(_words(error) for error in Draft202012Validator(CREATE_POD).iter_errors(body))


def broken_rule(body: dict[str, Any]) -> str | None:
    """A rule across fields, which the API answers with 400 instead of 422."""
    if ("gpu" in body) == ("cpu" in body):
        return "exactly one of gpu or cpu must be set"
    mounts = body.get("mounts", {})
    if "persistent" in mounts and "network" in mounts:
        return "mounts.persistent and mounts.network are mutually exclusive"
    if body.get("gpu", {}).get("allowedCudaVersions") and "minCudaVersion" in body["gpu"]:
        return "gpu.allowedCudaVersions and gpu.minCudaVersion are mutually exclusive"
    return None


def _words(error: ValidationError) -> str:
    place = ".".join(["$", *map(str, error.absolute_path)])
    if (
        error.validator == "additionalProperties"
        and isinstance(error.schema, dict)
        and isinstance(error.instance, dict)
    ):
        unknown = sorted(error.instance.keys() - error.schema["properties"].keys())
        return f"{place}: additional properties {', '.join(map(repr, unknown))} not allowed"
    return f"{place}: {error.message}"
