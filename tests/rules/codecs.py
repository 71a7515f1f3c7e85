"""XPRESS and LZX, decoded bit by bit, with what the rules ask about a chunk."""

from dataclasses import dataclass, field


class Broken(Exception):
    """A chunk that does not decode."""


@dataclass(frozen=True)
class Chunk:
    """A chunk as stored, and its size when decoded."""

    stored: bytes
    size: int

    @property
    def is_raw(self) -> bool:
        return len(self.stored) == self.size


@dataclass
class Decoded:
    """A decoded chunk and how it was coded."""

    data: bytes
    read: int
    """Bytes of the chunk that decoding took."""
    block_types: list[int] = field(default_factory=list)
    """LZX: the type of each block; 1 verbatim, 2 aligned, 3 uncompressed."""
    has_end_mark: bool = False
    """XPRESS: whether symbol 256 follows the data."""


class Code:
    """A canonical Huffman code by the lengths of its codewords."""

    def __init__(self, lengths: list[int], may_be_empty: bool = False) -> None:
        total = sum(1 << (16 - length) for length in lengths if length)
        if total != 1 << 16 and not (may_be_empty and total == 0):
            raise Broken("a code is not complete")
        order = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
        self.symbols: dict[tuple[int, int], int] = {}
        word, last = 0, 0
        for length, symbol in order:
            word <<= length - last
            self.symbols[length, word] = symbol
            word, last = word + 1, length

    def read(self, bits: "Bits") -> int:
        word = 0
        for length in range(1, 17):
            word = word << 1 | bits.take(1)
            symbol = self.symbols.get((length, word))
            if symbol is not None:
                return symbol
        raise Broken("no such codeword")


class Bits:
    """Bits of little-endian 16-bit words, the highest first; bytes may be taken between the words."""

    def __init__(self, data: bytes, pos: int, reserved: int) -> None:
        self.data, self.pos, self.value, self.count, self.reserved = data, pos, 0, 0, reserved
        self._fill()

    def _fill(self) -> None:
        while self.count < self.reserved:
            word = self.data[self.pos : self.pos + 2]
            if len(word) < 2:
                word = bytes(2)
            self.value = self.value << 16 | int.from_bytes(word, "little")
            self.count += 16
            self.pos += 2

    def take(self, count: int) -> int:
        while self.count < count:
            self.reserved, kept = self.count + 16, self.reserved
            self._fill()
            self.reserved = kept
        self.count -= count
        bits = self.value >> self.count
        self.value &= (1 << self.count) - 1
        self._fill()
        return bits

    def byte(self) -> int:
        if self.pos >= len(self.data):
            raise Broken("the chunk ends in a length")
        self.pos += 1
        return self.data[self.pos - 1]


def copy(out: bytearray, offset: int, length: int, size: int) -> None:
    if offset > len(out) or len(out) + length > size:
        raise Broken("a match reaches out of the chunk")
    for _ in range(length):
        out.append(out[-offset])


def decode_xpress(stored: bytes, size: int) -> Decoded:
    lengths = [nibble for byte in stored[:256] for nibble in (byte & 15, byte >> 4)]
    code, bits, out = Code(lengths), Bits(stored, 256, 16), bytearray()
    while len(out) < size:
        symbol = code.read(bits)
        if symbol < 256:
            out.append(symbol)
            continue
        length, log2 = symbol & 15, symbol >> 4 & 15
        if length == 15:
            length += bits.byte()
            if length == 15 + 255:
                length = bits.byte() | bits.byte() << 8
        copy(out, (1 << log2) + bits.take(log2), length + 3, size)
    has_end_mark = (lengths[256] != 0) and code.read(bits) == 256
    return Decoded(bytes(out), bits.pos, has_end_mark=has_end_mark)


MAIN_SYMBOLS = 256 + 8 * 30
"""Of LZX with chunks of 32 KiB."""


def slot_bases() -> list[tuple[int, int]]:
    """The base and the number of extra bits of each offset slot."""
    bases, base = [], -2
    for slot in range(30):
        extra = 0 if slot < 2 else min((slot - 2) // 2, 17)
        bases.append((base, extra))
        base += 1 << extra
    return bases


class Lzx:
    """The decoder of one chunk."""

    def __init__(self, stored: bytes, size: int) -> None:
        self.bits, self.size, self.out = Bits(stored, 0, 0), size, bytearray()
        self.recent, self.slots = [1, 1, 1], slot_bases()
        self.main, self.long = [0] * MAIN_SYMBOLS, [0] * 249
        self.types: list[int] = []

    def decode(self) -> Decoded:
        while len(self.out) < self.size:
            kind = self.bits.take(3)
            self.types.append(kind)
            size = 32768 if self.bits.take(1) else self.bits.take(16)
            end = len(self.out) + size
            if size == 0 or end > self.size or kind not in (1, 2):
                raise Broken(f"block of type {kind} and {size} bytes")
            self._block(kind, end)
        return Decoded(unfiltered(self.out), self.bits.pos, block_types=self.types)

    def _lengths(self, lengths: list[int]) -> list[int]:
        pre, at, new = Code([self.bits.take(4) for _ in range(20)]), 0, list(lengths)
        while at < len(new):
            symbol = pre.read(self.bits)
            if symbol <= 16:
                count, value = 1, (lengths[at] - symbol) % 17
            elif symbol < 19:
                count, value = (4 + self.bits.take(4), 0) if symbol == 17 else (20 + self.bits.take(5), 0)
            else:
                count = 4 + self.bits.take(1)
                value = (lengths[at] - pre.read(self.bits)) % 17
            if at + count > len(new):
                raise Broken("a run of code lengths is too long")
            new[at : at + count] = [value] * count
            at += count
        return new

    def _block(self, kind: int, end: int) -> None:
        bits = self.bits
        aligned = Code([bits.take(3) for _ in range(8)]) if kind == 2 else None
        self.main = self._lengths(self.main[:256]) + self._lengths(self.main[256:])
        self.long = self._lengths(self.long)
        main, long = Code(self.main), Code(self.long, may_be_empty=True)
        while len(self.out) < end:
            symbol = main.read(bits)
            if symbol < 256:
                self.out.append(symbol)
                continue
            length, slot = (symbol - 256) & 7, (symbol - 256) >> 3
            if length == 7:
                length += long.read(bits)
            copy(self.out, self._offset(slot, aligned), length + 2, end)

    def _offset(self, slot: int, aligned: Code | None) -> int:
        recent = self.recent
        if slot < 3:
            recent[0], recent[slot] = recent[slot], recent[0]
            return recent[0]
        base, extra = self.slots[slot]
        if aligned is not None and slot >= 8:
            value = self.bits.take(extra - 3) << 3
            value |= aligned.read(self.bits)
        else:
            value = self.bits.take(extra)
        self.recent = [base + value, recent[0], recent[1]]
        return self.recent[0]


def unfiltered(out: bytearray) -> bytes:
    """Undoes the translation of the targets of x86 calls."""
    at = 0
    while at < len(out) - 10:
        if out[at] != 0xE8:
            at += 1
            continue
        target = int.from_bytes(out[at + 1 : at + 5], "little", signed=True)
        if 0 <= target < 12_000_000:
            target -= at
        elif -at <= target < 0:
            target += 12_000_000
        out[at + 1 : at + 5] = target.to_bytes(4, "little", signed=True)
        at += 5
    return bytes(out)


def decode_lzx(stored: bytes, size: int) -> Decoded:
    return Lzx(stored, size).decode()
