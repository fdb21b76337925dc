"""What is wrong with text that is no YAML, and the cure: mostly quotes about a name or a glob."""

import re
from collections.abc import Iterator

import yaml

# A word that YAML takes for a tag, an alias, a list or a map, where the start of a value may be.
_WORD = re.compile(
    r"""(?:(?<=[\s\[{,])|^)
    (   \{\w+\}[^\s,\]}]+                   # {symbol}@trade
    |   \[[^\[\]\s,]+\][^\s,\]}]+           # [!A]*USDT
    |   [\w*?]+\[[^\[\]\s,]+\][^\s,\]}]*    # BTC[UE]*
    |   [!*@&%`][^\s,\]}]*                  # *USDT, !ticker@arr
    )""",
    re.VERBOSE,
)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'|(?:^|\s)\#.*""")
_TEMPLATE = re.compile(r"\b(?:topic|key):\s*(\{[^#]*)")
_NOT_CLOSED = {
    "while parsing a flow sequence": "the [ here is not closed",
    "while parsing a flow mapping": "the { here is not closed",
    "while scanning a quoted scalar": "the quote here is not closed",
}


def yaml_problem(error: yaml.YAMLError, text: str, file: str) -> str:
    """Return what stands in the way of reading a file, where, and what to do about it."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return f"{file}: not YAML: {problem}"
    lines = text.splitlines()
    for number in _lines_concerned(error, mark, lines):
        cure = _cure(lines[number], text)
        if cure:
            return f"{file}:{number + 1}: not YAML: {problem}; {cure}"
    begun = getattr(error, "context_mark", None)
    open_end = mark.line >= len(lines) or (begun is not None and begun.line < mark.line)
    cure = _NOT_CLOSED.get(str(getattr(error, "context", "")), "") if open_end else ""
    if cure and begun is not None:
        return f"{file}:{begun.line + 1}: not YAML: {problem} in line {mark.line + 1}; {cure}"
    return f"{file}:{mark.line + 1}: not YAML: {problem}"


def _lines_concerned(error: yaml.YAMLError, mark: yaml.Mark, lines: list[str]) -> Iterator[int]:
    """Yield where the cause may stand: a word misread as a tag or alias is noticed only later."""
    if mark.line < len(lines):
        yield mark.line
    before = [number for number in range(min(mark.line, len(lines))) if lines[number].strip()]
    yield from before[-1:]
    begun = getattr(error, "context_mark", None)
    if begun is not None and begun.line < len(lines):
        yield begun.line


def _cure(line: str, text: str) -> str:
    """Return what to do about a line that is no YAML, where it can be told."""
    template = _TEMPLATE.search(line)
    if template:
        return f'quote it: "{template[1].strip()}"'
    for word in _WORD.findall(_QUOTED.sub(" ", line)):
        if not _is_anchored(word, text):
            return f'quote it: "{word}"'
    return "indent with spaces, not tabs" if "\t" in line else ""


def _is_anchored(word: str, text: str) -> bool:
    """Whether a word is YAML's own: an anchor, or the alias of one that is there."""
    return word.startswith("&") or (word.startswith("*") and f"&{word[1:]}" in text)
