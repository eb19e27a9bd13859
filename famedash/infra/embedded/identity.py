"""Who runs the servers: ourselves, or, where we are root, somebody who is not (PostgreSQL refuses uid 0)."""

import os
import pwd
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from famedash.infra.embedded.data_dir import EmbeddedUnavailable

# Venv and data may lie under 0700 folders of root, with no chmod of parents and no useradd: the capability
# opens them, and without no_setuid_fixup `access(2)` would not see it.
SETPRIV = (
    *(
        "setpriv",
        "--securebits",
        "+no_setuid_fixup",
        "--reuid",
        "{uid}",
        "--regid",
        "{gid}",
        "--clear-groups",
    ),
    *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--"),
)


@dataclass(frozen=True)
class Identity:
    """The user of the server processes, and the command prefix that makes them that user."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Give the servers a file or folder that we made. Raises EmbeddedUnavailable where root may not."""
        if not self.prefix:
            return
        try:
            os.chown(path, self.uid, self.gid)
        except PermissionError as error:
            raise EmbeddedUnavailable(
                "PostgreSQL does not run as root, and this root may not give files to somebody else"
                " (no CAP_CHOWN): run as an ordinary user."
            ) from error


def identity_for(root: Path) -> Identity:
    """Ourselves; as root: the data dir's owner, or nobody where that is root too.

    So a data dir that an ordinary user made stays that user's after a run as root.
    Raises EmbeddedUnavailable where root cannot become somebody else.
    """
    if os.geteuid() != 0:
        return Identity(os.geteuid(), os.getegid())
    if shutil.which("setpriv") is None:
        raise EmbeddedUnavailable(
            "PostgreSQL does not run as root, and `setpriv` (package util-linux) is missing:"
            " run as an ordinary user."
        )
    owner = root.stat()
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid else _nobody()
    return Identity(uid, gid, tuple(part.format(uid=uid, gid=gid) for part in SETPRIV))


def share_with_owner(root: Path, identity: Identity) -> None:
    """After a run as root in an ordinary user's data dir, that user can still open its lock."""
    if identity.prefix and root.stat().st_uid == identity.uid:
        identity.own(root / ".lock")


def give_to_folder_owner(path: Path) -> None:
    """What root makes in an ordinary user's folder is that user's; where root may not, it stays root's."""
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        with suppress(PermissionError):
            os.chown(path, owner.st_uid, owner.st_gid)


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid
