"""QR codes: read back from the picture by the rules of ISO/IEC 18004, apart from the code that draws them."""

import re

import pytest

from core.web import qr

# (data words, check words of a block, blocks) at level M, from table 9 of the standard
TABLE = {21: (16, 10, 1), 25: (28, 16, 1), 29: (44, 26, 1), 33: (64, 18, 2), 37: (86, 24, 2), 41: (108, 16, 4),
         45: (124, 18, 4), 49: (154, 22, 4), 53: (182, 22, 5), 57: (216, 26, 5)}
MASKS = [lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
         lambda y, x: (y // 2 + x // 3) % 2, lambda y, x: y * x % 2 + y * x % 3,
         lambda y, x: (y * x % 2 + y * x % 3) % 2, lambda y, x: ((y + x) % 2 + y * x % 3) % 2]
ADDRESS = "otpauth://totp/Placard:amina.demo@mission.example?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=Placard"


def _exp():
    found, x = [], 1
    for _n in range(255):
        found.append(x)
        x = x << 1 ^ (0x11D if x & 0x80 else 0)
    return found


EXP = _exp()
LOG = {value: power for power, value in enumerate(EXP)}


def syndromes(block, checks):
    """All zero for a code word of Reed and Solomon: the polynomial at the powers of 2."""
    for power in range(checks):
        total = 0
        for n, word in enumerate(reversed(block)):
            total ^= EXP[(LOG[word] + n * power) % 255] if word else 0
        yield total


def read(grid):
    size = len(grid)
    data, checks, blocks = TABLE[size]
    first = [grid[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [grid[y][8] for y in (7, 5, 4, 3, 2, 1, 0)]
    second = [grid[y][8] for y in range(size - 1, size - 8, -1)] + [grid[8][x] for x in range(size - 8, size)]
    assert first == second and grid[size - 8][8]
    bits = int("".join("01"[b] for b in first), 2) ^ 0b101010000010010
    assert bits >> 13 == 0  # level M
    mask = MASKS[bits >> 10 & 7]
    fixed = qr._patterns((size - 17) // 4)
    found, upward, x = "", True, size - 1
    while x > 0:
        x -= x == 6
        for y in range(size - 1, -1, -1) if upward else range(size):
            for column in (x, x - 1):
                if fixed[y][column] is None:
                    found += "01"[grid[y][column] ^ (mask(y, column) == 0)]
        upward, x = not upward, x - 2
    words = [int(w, 2) for w in re.findall("[01]{8}", found)]
    sizes = [data // blocks + (n >= blocks - data % blocks) for n in range(blocks)]
    parts, place = [[] for _n in sizes], 0
    for row in range(max(sizes)):
        for part, length in zip(parts, sizes, strict=True):
            if row < length:
                part.append(words[place])
                place += 1
    whole = [p + [words[place + row * blocks + n] for row in range(checks)] for n, p in enumerate(parts)]
    assert all(not any(syndromes(block, checks)) for block in whole)
    stream = "".join(format(word, "08b") for part in parts for word in part)
    width = 8 if size < 57 else 16
    count = int(stream[4:4 + width], 2)
    assert stream[:4] == "0100"
    return bytes(int(stream[4 + width + 8 * n:][:8], 2) for n in range(count)).decode()


@pytest.mark.parametrize("length", [1, 14, 15, 42, 62, 63, 84, 106, 107, 122, 152, 180, 213])
def test_every_version_reads_back(length):
    text = (ADDRESS * 3)[:length]
    assert read(qr.modules(text)) == text


def test_the_picture_and_its_limits():
    picture = qr.svg(ADDRESS, "A <title>")
    assert picture.startswith("<svg") and "&lt;title&gt;" in picture and "style=" not in picture
    with pytest.raises(ValueError):
        qr.modules("x" * 214)
