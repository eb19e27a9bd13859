"""One partition as its owner holds it: where it stands, what was read beyond it, what was drafted. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from famedash.infra.log.model import Batch, Gap, Move, Position, Standing
from famedash.metrics.drafting import SLICE, Drafter


class Tape:
    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.cursor = standing.position.entry
        self.drafted = standing.position
        self.gap: Gap | None = None
        self._batches: deque[Batch] = deque()
        self._index = 0
        self._lines: Sequence[bytes] | None = None
        self._own_writes: list[UUID | None] = [standing.write_id]

    def put(self, batch: Batch) -> None:
        """What was read after `cursor`."""
        if batch.gap and not self._is_noted(batch.gap):
            self.gap = batch.gap
        if batch.ids:
            self._batches.append(batch)
            self.cursor = batch.ids[-1].decode()

    def _is_noted(self, gap: Gap) -> bool:
        """Is it the one that the row says is reported?"""
        return self.standing.gap_noted and gap.expected == self.standing.position.entry

    @property
    def waiting(self) -> bool:
        """Was more read than drafted?"""
        return bool(self._batches)

    def draft(self, drafter: Drafter, most: int) -> None:
        """Draft the next slice: at most `most` lines of one batch, and of one entry where it has several."""
        batch = self._batches[0]
        first, most = self._index, min(most, SLICE)
        if self._lines is not None:
            self._draft_lines(drafter, batch, most)
        elif first in batch.origins:
            drafter.moved(batch, first)
            self._passed(batch, 1)
        else:
            last = min(len(batch.ids), first + most, *(n for n in batch.origins if n > first))
            if b"\n" not in b"".join(batch.payloads[first:last]):
                drafter.one_by_one(batch, first, last)
                self._passed(batch, last - first)
            else:
                self._draft_lines(drafter, batch, most)

    def _draft_lines(self, drafter: Drafter, batch: Batch, most: int) -> None:
        """The next lines of the entry at hand, from where its lines were left, now or by the last owner."""
        name = batch.ids[self._index].decode()
        if self._lines is None:
            self._lines = batch.payloads[self._index].split(b"\n")
            if len(self._lines) > 1 and not self._lines[-1]:
                self._lines.pop()
        done = self.drafted.lines if self.drafted.within == name else 0
        lines = self._lines[done : done + most]
        if lines:
            drafter.lines(batch, self._index, lines, done)
        if done + len(lines) >= len(self._lines):
            self._passed(batch, 1)
        else:
            self.drafted = Position(self.drafted.entry, done + len(lines), name)

    def _passed(self, batch: Batch, entries: int) -> None:
        self._index += entries
        self._lines = None
        self.drafted = Position(batch.ids[self._index - 1].decode())
        if self._index == len(batch.ids):
            self._batches.popleft()
            self._index = 0

    def move(self) -> Move | None:
        """From where the row stands to what was drafted; None where there is nothing to write."""
        if self.drafted == self.standing.position and self.gap is None:
            return None
        return Move(self.standing, self.drafted, gap=self.gap)

    def begin(self, write_id: UUID) -> None:
        self._own_writes.append(write_id)

    def committed(self, move: Move, write_id: UUID) -> None:
        """The write happened: the row stands where `move` led."""
        moved = move.to.entry != move.standing.position.entry
        self.standing = replace(
            self.standing,
            position=move.to,
            write_id=write_id,
            gap_noted=False if moved else self.standing.gap_noted or move.gap is not None,
        )
        if move.gap and self.gap and self.gap.expected == move.gap.expected:
            self.gap = None

    def agrees_with(self, standing: Standing) -> bool:
        """Is the row, as a renewal read it, one that we wrote or took over? (It may be some writes old.)"""
        if standing.epoch != self.standing.epoch or standing.write_id not in self._own_writes:
            return False
        del self._own_writes[: self._own_writes.index(standing.write_id)]
        return True
