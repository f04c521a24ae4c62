"""The values of one column of some rows."""

from collections.abc import Callable

from wit_world.imports.types import Chunk


class Values:
    """The values of one column of some rows, as bytes of UTF-8."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk

    def __len__(self) -> int:
        return len(self.chunk.offsets) - 1

    def is_null(self, row: int) -> bool:
        nulls = self.chunk.nulls
        return bool(nulls) and nulls[row >> 3] >> (row & 7) & 1 == 1

    def map(self, replace: Callable[[bytes], bytes]) -> "Values":
        """Replaces each value by what `replace` makes of it. NULL stays NULL."""
        offsets, nulls, data = self.chunk.offsets, self.chunk.nulls, self.chunk.data
        ends, replaced = [0], []
        start = end = 0
        for row, after in enumerate(offsets[1:]):
            if not nulls or not nulls[row >> 3] >> (row & 7) & 1:
                value = replace(data[start:after])
                replaced.append(value)
                end += len(value)
            ends.append(end)
            start = after
        return Values(Chunk(ends, nulls, b"".join(replaced)))
