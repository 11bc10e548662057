"""The checks of the image and of the deployments; one module per deployment or kind of fault."""

from tests.system.docker.checks import (
    compose,
    faults,
    full_volume,
    image,
    nodes,
    overlays,
    own_types,
    proxies,
    scaled,
    stack,
    strict,
    updates,
)

__all__ = [
    "compose",
    "faults",
    "full_volume",
    "image",
    "nodes",
    "overlays",
    "own_types",
    "proxies",
    "scaled",
    "stack",
    "strict",
    "updates",
]
