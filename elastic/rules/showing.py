"""Texts of others on somebody's terminal: what would steer it, or turn the line around, is shown as an escape."""

LONGEST = 1000
_HEAD = LONGEST * 2 // 3
_KEPT = "\n\t"


def visible(text: str) -> str:
    """`text` with all that does not print, but line ends and tabs, written as \\x1b or \\u202e."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _KEPT else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """`text` on one line, visible, and cut in its middle where it is too long to be read."""
    line = " ".join(visible(text).split())
    if len(line) <= LONGEST:
        return line
    return f"{line[:_HEAD]} [...] {line[_HEAD - LONGEST :]}"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
