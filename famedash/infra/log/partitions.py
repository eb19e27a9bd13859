"""Which partition a campaign belongs to. Pure; the same on every broker and in every process."""

from zlib import crc32

PARTITIONS = 16


def partition_of(workspace: str, campaign_id: str) -> int:
    """crc32 over the UTF-8 of `workspace/campaignId`, modulo 16: one campaign, one partition, one order."""
    return crc32(f"{workspace}/{campaign_id}".encode()) % PARTITIONS
