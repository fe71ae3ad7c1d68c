"""Text from data: removes invisible characters from names, and escapes them in what a terminal shows.

What a name may say in a message does not belong here (see `silver/naming.py`).
"""

import json
import re
import unicodedata

# Control sequences of terminals are removed whole: without its first character, the rest would be part of the name.
_TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]+[0-~]|\x1b[0-Z\\^_`-~]"
)
# Control, format, surrogate, private use and unassigned characters, and separators of lines and paragraphs.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_VARIATION_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Marks, letters and a symbol that show nothing: joiners, fillers of Hangul, Khmer vowels, selectors, the blank of Braille.
_BLANKS = re.compile(rf"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0{_VARIATION_SELECTORS}]")
_ZERO_WIDTH_NON_JOINER, _ZERO_WIDTH_JOINER = "\u200c", "\u200d"
_TEXT_STYLE, _EMOJI_STYLE, _KEYCAP = "\ufe0e", "\ufe0f", "\u20e3"
_VIRAMA = 9
_NEIGHBORS = 4


def tidy(text: str) -> str:
    """The text in Unicode's composed form (NFC), with single spaces and without invisible characters.

    Joiners stay where a script or an emoji needs them. The result is empty if nothing visible is left.
    """
    tidied = unicodedata.normalize("NFC", " ".join(remove_invisible(text).split()))
    if tidied != text:
        # The composed form orders marks anew, so that a joiner may no longer follow the mark that needs it.
        return tidy(tidied)
    return text if any(unicodedata.category(each)[0] in "LNPS" for each in text) else ""


def holds_invisible(text: str) -> bool:
    """Whether a text holds characters that `remove_invisible` removes. Spaces and line ends do not count."""
    return remove_invisible(text) != text


def remove_invisible(text: str) -> str:
    """Remove control, direction, private and invisible characters, and control sequences of terminals, but no spaces."""
    if _is_plain(text):
        return text
    text = _TERMINAL_SEQUENCE.sub("", text)
    visible = "".join(each for at, each in enumerate(text) if each.isspace() or not _is_invisible(text, at))
    # A joiner may have stayed only because of a character that is gone now.
    return visible if visible == text else remove_invisible(visible)


def escape_invisible(text: str) -> str:
    r"""Write each invisible character, line ends and tabs included, as an escape sequence such as \x1b or \u202e."""
    if _is_plain(text):
        return text
    return "".join(_escape(each) if _is_invisible(text, at) else each for at, each in enumerate(text))


def escape_json(document: str) -> str:
    """Escape invisible characters within the strings of a JSON document. Parsers read the same values."""
    if all(map(_is_plain, document.split("\n"))):
        return document
    return "".join(
        json.dumps(each)[1:-1] if each != "\n" and _is_invisible(document, at) else each
        for at, each in enumerate(document)
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _is_plain(text: str) -> bool:
    return text.isprintable() and not _BLANKS.search(text)


def _is_invisible(text: str, at: int) -> bool:
    character = text[at]
    if unicodedata.category(character) not in _INVISIBLE and not _BLANKS.match(character):
        return False
    before, after = text[max(0, at - _NEIGHBORS) : at], text[at + 1 : at + 2]
    if character in (_TEXT_STYLE, _EMOJI_STYLE):
        return not _chooses_a_style(before, after)
    if character in (_ZERO_WIDTH_JOINER, _ZERO_WIDTH_NON_JOINER):
        return not _joins(character, before, after)
    return True


def _chooses_a_style(before: str, after: str) -> bool:
    """Whether a variation selector follows a symbol, or is part of a keycap."""
    if after == _KEYCAP:
        return before[-1:] in set("0123456789#*")
    return before != "" and unicodedata.category(before[-1]) in ("So", "Sm")


def _joins(character: str, before: str, after: str) -> bool:
    """Whether a joiner is part of an emoji, or of a word in a script that needs it."""
    if not before or not after:
        return False
    if unicodedata.combining(before[-1]) == _VIRAMA:
        return True
    if character == _ZERO_WIDTH_NON_JOINER:
        letters = [each for each in before if not unicodedata.combining(each)]
        return all(unicodedata.bidirectional(each) == "AL" for each in (*letters[-1:], after)) and bool(letters)
    # An emoji may end with its style or a color of the skin.
    base = before[-2] if len(before) > 1 and (before[-1] == _EMOJI_STYLE or _is_skin_color(before[-1])) else before[-1]
    return unicodedata.category(base) == "So" and unicodedata.category(after) == "So"


def _is_skin_color(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"
