"""What the documents show to be pasted, as values: cURL lines with the status they promise, code blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sample:
    """A line that begins with `curl` and ends in `# 201`: the status that it promises."""

    command: str
    status: int


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a document, by its path from the root."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def curl_lines(document: str) -> list[str]:
    return [
        line for block in blocks(document, "sh") for line in block.splitlines() if line.startswith("curl")
    ]


def samples(document: str) -> list[Sample]:
    """Every cURL line; one without a status is an error of the document."""
    found = []
    for line in curl_lines(document):
        command, _, status = line.rpartition("  # ")
        assert re.fullmatch(r"[1-5]\d\d", status), f"{document}: no status behind {line}"
        found.append(Sample(command, int(status)))
    return found
