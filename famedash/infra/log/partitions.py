"""Which partition a campaign belongs to. Pure; the same on every broker and in every process."""

from zlib import crc32

from famedash.infra.errors import Refusal

PARTITIONS = 16


class ForeignInstallation(Refusal):
    """The database belongs to a release with another number of partitions: moving ids would break order."""

    def __init__(self, fixed: int) -> None:
        super().__init__(
            f"This installation was created with {fixed} log partitions, this release has {PARTITIONS};"
            " use the release that created it."
        )


def check(fixed: int) -> None:
    """`fixed` is what the installation was created with. Raises `ForeignInstallation`."""
    if fixed != PARTITIONS:
        raise ForeignInstallation(fixed)


def partition_of(workspace: str, campaign_id: str) -> int:
    """crc32 over the UTF-8 of `workspace/campaignId`, modulo 16: one campaign, one partition, one order."""
    return crc32(f"{workspace}/{campaign_id}".encode()) % PARTITIONS
