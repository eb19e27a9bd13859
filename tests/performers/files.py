"""Performance files as nasty as they come, from a seed: what the fuzz and the tests read."""

import random
from dataclasses import dataclass

_SIGNS = [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b'",', b',"', b'"\n', b'\n"', b"\n\n", b",,", b"\t", b" "]
_BYTES = [b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\x01", b"\x7f", *(each.encode() for each in "é😀−１\x85\xa0")]
_NUMBERS = (
    b"0 7 12 00 12345678 1000000000000 1000000000001 99999999999999999 - + . 1.5 -3 +5 1e5 1_000 NaN".split()
)
_WORDS = b"e+ 1e+5 7.5e+18 541.2K 1.3m a Zz ; = ' c1,i1,9,1,2,3".split()
FRAGMENTS = [*_SIGNS, *_BYTES, *_NUMBERS, *_WORDS, b'"12,345"', b"x" * 63, b"x" * 65, b"x" * 201]
"""Each of them has once been read in two ways by some reader of CSV. No NUL: it is fatal."""

NAMES = ["campaignId", "influencerId", "views", "likes", "comments", "shares"]
OTHERS = ["platform", "caption", "postUrl", "note"]
PLATFORMS = ["instagram", "TikTok", "YouTube Shorts", ""]
CAPTIONS = [
    "",
    "so good",
    "a, b",
    'they said ""yes""',
    "línea",
    "👍 wow",
    "two\nlines",
    "  padded ",
    "c,i,1,2,3,4",
    "1+1",
]


@dataclass(frozen=True)
class Style:
    """How a program writes its CSV."""

    names: tuple[str, ...]
    quotes: str
    end: str
    has_bom: bool
    ends_with_newline: bool
    id_size: int
    pairs: int


def a_style(rng: random.Random) -> Style:
    names = [*NAMES, *(each for each in OTHERS if rng.random() < 0.4)]
    rng.shuffle(names)
    return Style(
        tuple(names),
        rng.choice(["none", "some", "all", "texts"]),
        rng.choice(["\n", "\n", "\r\n"]),
        rng.random() < 0.2,
        rng.random() < 0.8,
        rng.choice([1, 3, 7, 8, 9, 16, 40, 62, 64, 70]),
        rng.choice([3, 50, 5_000]),
    )


def a_header(rng: random.Random, style: Style) -> bytes:
    names = []
    for name in style.names:
        snake = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
        names.append(rng.choice([name, snake, name.upper(), f" {name} "]))
    return (b"\xef\xbb\xbf" if style.has_bom else b"") + (",".join(names) + style.end).encode()


def rows(rng: random.Random, style: Style, number: int) -> list[bytes]:
    """Good rows, of few pairs."""
    return [_a_row(rng, style) for _ in range(number)]


def a_file(rng: random.Random, number: int, *, edits_per_row: float = 0.05) -> bytes:
    """A header, `number` rows in one style, and random edits anywhere behind the header."""
    style = a_style(rng)
    start = a_header(rng, style)
    body = rows(rng, style, number)
    for _ in range(int(number * edits_per_row)):
        place = rng.randrange(len(body))
        body[place] = _edited(rng, body[place])
    content = b"".join(body)
    if not style.ends_with_newline:
        content = content.removesuffix(b"\n").removesuffix(b"\r")
    return start + content


def _a_row(rng: random.Random, style: Style) -> bytes:
    fields = []
    for name in style.names:
        text, is_text = _a_field(rng, style, name)
        asked = style.quotes == "all" or (style.quotes == "some" and rng.random() < 0.3)
        needed = is_text and (style.quotes == "texts" or not text.isalnum())
        fields.append(f'"{text}"' if asked or needed else text)
    return (",".join(fields) + style.end).encode()


def _a_field(rng: random.Random, style: Style, name: str) -> tuple[str, bool]:
    match name:
        case "views":
            return str(rng.choice([rng.randrange(1, 100), rng.randrange(1, 10**9), 10**12])), False
        case "likes" | "comments" | "shares":
            return str(rng.randrange(10 ** rng.randrange(1, 8))), False
        case "campaignId":
            return f"c{rng.randrange(3)}", False
        case "influencerId":
            number = int(rng.random() * style.pairs)
            return f"{number:0{rng.choice([1, style.id_size])}}", False
        case "platform":
            return rng.choice(PLATFORMS), True
        case _:
            return rng.choice(CAPTIONS), True


def _edited(rng: random.Random, row: bytes) -> bytes:
    at = rng.randrange(len(row) + 1)
    match rng.randrange(7):
        case 0:
            flipped = bytes([each ^ 1 << rng.randrange(8) or 1 for each in row[at : at + 1]])
            return row[:at] + flipped + row[at + 1 :]
        case 1:
            return row[:at] + row[at + rng.randrange(1, 9) :]
        case 2:
            return row + rng.choice([b"\n", b" \t\r\n", b"\r\n\n", row, row[:at], row[at:]])
        case 3:
            other = rng.randrange(len(row) + 1)
            return row[: min(at, other)] + rng.choice(FRAGMENTS) + row[max(at, other) :]
        case 4:
            return _with_another_field(rng, row)
        case _:
            return row[:at] + rng.choice(FRAGMENTS) + row[at:]


def _with_another_field(rng: random.Random, row: bytes) -> bytes:
    fields = row.split(b",")
    place = rng.randrange(len(fields))
    field = b"".join(rng.choices(FRAGMENTS, k=rng.randrange(3)))
    fields[place] = rng.choice(
        [field, b'"%b"' % field, b" " + fields[place], fields[place] + b" ", field * 2]
    )
    return b",".join(fields)
