"""QR codes (ISO/IEC 18004) of short texts as SVG: byte mode, error correction level M, versions 1 to 10."""

from __future__ import annotations

from markupsafe import escape

# level M, by version: error correction words of each block, number of blocks (ISO/IEC 18004, table 9)
_EC_WORDS = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26)
_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5)
_LEVEL_M = 0
QUIET = 4  # modules of margin that readers need

Grid = list[list[bool | None]]


def _raw_words(version: int) -> int:
    """Words that fit beside the function patterns."""
    bits = (16 * version + 128) * version + 64
    if version >= 2:
        aligned = version // 7 + 2
        bits -= (25 * aligned - 10) * aligned - 55
        if version >= 7:
            bits -= 36
    return bits // 8


def _data_words(version: int) -> int:
    return _raw_words(version) - _EC_WORDS[version - 1] * _BLOCKS[version - 1]


def _multiply(x: int, y: int) -> int:
    """In the field of 256 elements with x^8 + x^4 + x^3 + x^2 + 1."""
    z = 0
    for bit in range(7, -1, -1):
        z = (z << 1) ^ ((z >> 7) * 0x11D)
        z ^= ((y >> bit) & 1) * x
    return z


def _generator(degree: int) -> list[int]:
    found, root = [0] * (degree - 1) + [1], 1
    for _step in range(degree):
        for n in range(degree):
            found[n] = _multiply(found[n], root)
            if n + 1 < degree:
                found[n] ^= found[n + 1]
        root = _multiply(root, 2)
    return found


def _remainder(data: list[int], generator: list[int]) -> list[int]:
    found = [0] * len(generator)
    for word in data:
        factor = word ^ found.pop(0)
        found.append(0)
        for n, g in enumerate(generator):
            found[n] ^= _multiply(g, factor)
    return found


def _words(text: bytes) -> tuple[int, list[int]]:
    """The smallest version that holds the text, and all its words in the order in which they are drawn."""
    for version in range(1, 11):
        count_bits = 8 if version < 10 else 16
        if 4 + count_bits + 8 * len(text) <= 8 * _data_words(version):
            break
    else:
        raise ValueError("too long for a QR code of version 10")
    bits = "0100" + format(len(text), f"0{count_bits}b") + "".join(format(byte, "08b") for byte in text)
    room = 8 * _data_words(version)
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[n:n + 8], 2) for n in range(0, len(bits), 8)]
    data += [(0xEC, 0x11)[n % 2] for n in range(_data_words(version) - len(data))]
    blocks, ec = _BLOCKS[version - 1], _EC_WORDS[version - 1]
    short, longer = divmod(len(data), blocks)
    generator, parts, start = _generator(ec), [], 0
    for n in range(blocks):
        length = short + (n >= blocks - longer)
        part = data[start:start + length]
        parts.append((part, _remainder(part, generator)))
        start += length
    drawn = [part[n] for n in range(short + 1) for part, _check in parts if n < len(part)]
    drawn += [check[n] for n in range(ec) for _part, check in parts]
    return version, drawn


def _aligned(version: int) -> list[int]:
    if version == 1:
        return []
    count, size = version // 7 + 2, 17 + 4 * version
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *reversed([size - 7 - n * step for n in range(count - 1)])]


def _patterns(version: int) -> Grid:
    """Everything that is not data; format bits are reserved as light."""
    size = 17 + 4 * version
    grid: Grid = [[None] * size for _row in range(size)]
    for n in range(size):
        grid[6][n] = grid[n][6] = n % 2 == 0
    for row, column in ((3, 3), (3, size - 4), (size - 4, 3)):
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                if 0 <= row + dy < size and 0 <= column + dx < size:
                    grid[row + dy][column + dx] = max(abs(dx), abs(dy)) not in (2, 4)
    places = _aligned(version)
    last = len(places) - 1
    for i, row in enumerate(places):
        for j, column in enumerate(places):
            if (i, j) not in ((0, 0), (0, last), (last, 0)):
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        grid[row + dy][column + dx] = max(abs(dx), abs(dy)) != 1
    _draw_format(grid, 0)
    if version >= 7:
        rest = version
        for _step in range(12):
            rest = (rest << 1) ^ ((rest >> 11) * 0x1F25)
        bits = version << 12 | rest
        for n in range(18):
            a, b = size - 11 + n % 3, n // 3
            grid[a][b] = grid[b][a] = bool(bits >> n & 1)
    return grid


def _draw_format(grid: Grid, mask: int) -> None:
    size, data = len(grid), _LEVEL_M << 3 | mask
    rest = data
    for _step in range(10):
        rest = (rest << 1) ^ ((rest >> 9) * 0x537)
    bits = (data << 10 | rest) ^ 0x5412

    def bit(n: int) -> bool:
        return bool(bits >> n & 1)

    for n in range(6):
        grid[n][8] = bit(n)
    grid[7][8], grid[8][8], grid[8][7] = bit(6), bit(7), bit(8)
    for n in range(9, 15):
        grid[8][14 - n] = bit(n)
    for n in range(8):
        grid[8][size - 1 - n] = bit(n)
    for n in range(8, 15):
        grid[size - 15 + n][8] = bit(n)
    grid[size - 8][8] = True


def _masked(x: int, y: int, mask: int) -> bool:
    return (
        (x + y) % 2, y % 2, x % 3, (x + y) % 3, (x // 3 + y // 2) % 2, x * y % 2 + x * y % 3,
        (x * y % 2 + x * y % 3) % 2, ((x + y) % 2 + x * y % 3) % 2,
    )[mask] == 0


def _filled(version: int, words: list[int], mask: int) -> list[list[bool]]:
    fixed = _patterns(version)
    grid, size, place = [row[:] for row in fixed], len(fixed), 0
    for right in range(size - 1, 0, -2):
        column = right - 1 if right <= 6 else right
        upward = (column + 1) & 2 == 0
        for step in range(size):
            y = size - 1 - step if upward else step
            for x in (column, column - 1):
                if fixed[y][x] is None:
                    dark = place < 8 * len(words) and bool(words[place >> 3] >> (7 - (place & 7)) & 1)
                    grid[y][x] = dark ^ _masked(x, y, mask)
                    place += 1
    _draw_format(grid, mask)
    return [[bool(module) for module in row] for row in grid]


def _penalty(grid: list[list[bool]]) -> int:
    """How hard the picture is to read: long runs, blocks, false finder patterns, too much of one colour."""
    size, found = len(grid), 0
    for lines in (grid, [list(column) for column in zip(*grid, strict=True)]):
        for line in lines:
            text = "".join("1" if module else "0" for module in line)
            run = 1
            for n in range(1, size + 1):
                if n < size and text[n] == text[n - 1]:
                    run += 1
                else:
                    found += run - 2 if run >= 5 else 0
                    run = 1
            found += 40 * sum(text[n:n + 11] in ("10111010000", "00001011101") for n in range(size - 10))
    found += 3 * sum(grid[y][x] == grid[y][x + 1] == grid[y + 1][x] == grid[y + 1][x + 1]
                     for y in range(size - 1) for x in range(size - 1))
    dark = sum(map(sum, grid))
    return found + 10 * (abs(dark * 20 - size * size * 10) // (size * size))


def modules(text: str) -> list[list[bool]]:
    """The square of a text, True for dark, without its margin. Raises ValueError for more than about 210 bytes."""
    version, words = _words(text.encode())
    return min((_filled(version, words, mask) for mask in range(8)), key=_penalty)


def svg(text: str, title: str) -> str:
    """An SVG element; dark on white in either colour scheme, as readers need. `title` is read out."""
    grid = modules(text)
    size = len(grid) + 2 * QUIET
    path = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z"
                   for y, row in enumerate(grid) for x, dark in enumerate(row) if dark)
    return (f'<svg class="qr-code" viewBox="0 0 {size} {size}" width="240" height="240" role="img" '
            f'aria-label="{escape(title)}" shape-rendering="crispEdges"><rect width="{size}" height="{size}" '
            f'fill="#fff"/><path d="{path}" fill="#000"/></svg>')
