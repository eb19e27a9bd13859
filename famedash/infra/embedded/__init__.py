"""The embedded default: a real PostgreSQL and a real Valkey as child processes under a data dir.

Answers for: one owner per data dir, nothing lost and nothing left running however the owner ends.
Refuses: to be a library for the stores' clients, to daemonize, to read the environment.
"""

from famedash.infra.embedded.data_dir import DataDirInUse, EmbeddedUnavailable, Endpoints, running_endpoints
from famedash.infra.embedded.ports import free_port, is_free
from famedash.infra.embedded.servers import Embedded, embedded_servers
from famedash.infra.embedded.switch import DeadMansSwitch

__all__ = [
    "DataDirInUse",
    "DeadMansSwitch",
    "Embedded",
    "EmbeddedUnavailable",
    "Endpoints",
    "embedded_servers",
    "free_port",
    "is_free",
    "running_endpoints",
]
