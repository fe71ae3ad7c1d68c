"""The rules that copy must follow before it is sent: no claim without a fact, and only slots that can be filled.

What happens to refused copy does not belong here (see `copy`). The rules are strict: refused copy costs one more
request, wrong copy costs a customer's trust.
"""

import re
import unicodedata
from collections.abc import Iterator

from cis_assets.notifications.offer_copy import misuses_of_offer
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.slots import SLOTS, has_loose_braces, longest_length, prose, slot_names
from cis_assets.notifications.wording import HABIT_TONES, CopyContext, Wording

_PUNCTUATION = frozenset(" .,!?'’‘“”\"-–—:;…&(){}")
_NUMBER = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    "|seventy|eighty|ninety|hundred|half|third|quarter|double|twice)"
)
_AGREEING_VERB = (
    "(?:is|are|was|were|has|have|does|do|needs?|makes?|goes|go|comes?|tastes?|gives?|brings?|keeps?|waits?)"
)
_DAYPART_WORDS = {
    "morning": r"mornings?|sunrise|dawn",
    "afternoon": r"afternoons?|midday|noon",
    "evening": r"evenings?|tonight|nights?|sunset|dusk",
}


def _ban(fault: str, *patterns: str) -> tuple[re.Pattern[str], str]:
    """Forbidden words, and what is wrong with them: the reason reads "The title <fault>: <words>."."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)"), fault


_BANS = (
    _ban(
        "mentions a discount, a price or a gift other than through {offer}",
        r"discount\w*|sav(?:e|es|ed|er|ers|ing|ings)|free|freebies?|gifts?|gifted|giveaways?|deals?|bargains?",
        r"cheap\w*|pric(?:e|es|ed|ey|ing)|costs?|sales?|coupons?|vouchers?|promos?|promotions?|offers?|specials",
        r"rewards?|points|bonus\w*|cash\s?back|complimentary|refunds?|prizes?|win(?:s|ners?|ning)?|bogo",
        r"per\s?cents?|percentages?|pct|dollars?|cents?|bucks?|euros?|pounds|pence|money|reduced|reductions?",
        r"on us|on the house|(?:money|much|big|some|something|a bit|a little) off|off your",
        rf"{_NUMBER}[\s-]+(?:off|price\w*)|(?:two|three|four)[\s-]+for[\s-]+(?:one|two|three)|buy (?:one|two)",
    ),
    _ban("guarantees something", r"guarante\w+|warrant\w+|promis\w+"),
    _ban(
        "creates urgency about stock or time that the facts do not support",
        r"hurry|hurries|limited|last chance|final chance|act (?:now|fast)|don'?t miss|miss out|before (?:it|they)\b.*gone",
        r"almost gone|nearly gone|going fast|sell(?:s|ing)? (?:out|fast)|sold out|in stock|out of stock|low stock",
        r"while (?:\w+ )?(?:supplies|supply|stocks?|it|they) lasts?|(?:today|this \w+) only|only (?:today|until)",
        r"ends (?:soon|today|tonight|this)|expir\w+|all week|this week|this month|until|deadline|back in stock",
    ),
    _ban(
        "mentions delivery, which the facts do not include",
        r"deliver\w*|doorsteps?|at your door|arriv\w+|ships?|shipping",
    ),
    _ban(
        "claims a quality of the product that the facts do not support",
        r"organic|vegan|gluten|natural\w*|health\w*|nutriti\w+|nourish\w*|wholesome|local\w*|low[- ](?:fat|sugar|calorie)",
        r"cures?|heals?|immun\w+|slimming|guilt\w*|best[- ]?sell\w*|award\w*|new(?= \{\})",
    ),
    _ban(
        "names a weekday or a season other than through {weekday}",
        r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|wed|thu|thurs?|fri|week-?ends?|week-?nights?|week-?days?",
        r"summer|winter|autumn|springtime|christmas|thanksgiving|easter|holidays?|tomorrow|yesterday",
    ),
)
_HABIT = _ban(
    "mentions a habit, which customers with this tone do not have",
    r"favou?rites?|usual|usually|always|regulars?|regularly|as ever|your go-to|go-to|staples?",
)
_MISUSED_SLOTS = (
    (
        re.compile(r"\w\{\w+\}|\{(?:product|daypart|offer)\}\w|\{weekday\}(?!s\b)\w"),
        "joins a slot to a word",
    ),
    (
        re.compile(
            rf"\b(?:an?|each|every|these|those|this|that|another|many|much)\s+\{{product\}}"
            rf"|\{{product\}}(?:['’]s|\s+{_AGREEING_VERB})(?!\w)"
        ),
        "uses an article or a verb that must agree with {product}, which may be singular or plural",
    ),
    (
        re.compile(
            r"\{offer\}\s+(?:on\s+|of\s+)?(?:your\s+|the\s+|this\s+|an?\s+)?(?:whole\s+|entire\s+|next\s+|first\s+)?"
            r"(?:orders?|carts?|baskets?|shop\w*|grocer\w+|everything|purchases?|storewide)\b"
            r"|(?:up to|at least|over|more than|another|extra|additional|only)\s+(?:an?\s+)?\{offer\}|\{offer\}\s+off"
        ),
        "changes what {offer} means",
    ),
)
# The words of an offer with terms say what it is on, so nothing beside {offer} may say something else.
_MISUSED_TERMS = (
    re.compile(
        r"\{offer\}\s+(?:your\s+)?\{product\}|\{product\}\s+\{offer\}|\{offer\}\s+(?:on|of|off|for|from|with|when|if|to)\b"
    ),
    "says what {offer} is on or when it counts, but its own words say so",
)


def validate(wording: Wording, context: CopyContext, policy: NotificationPolicy) -> tuple[str, ...]:
    """One sentence per rule that a title and a body break, in a stable order; copy without any is accepted."""
    reasons: list[str] = []
    for part, text, longest in (
        ("title", wording.title, policy.title_max_length),
        ("body", wording.body, policy.message_max_length),
    ):
        reasons += _find_bad_form(part, text)
        reasons += _find_bad_slots(part, text, context)
        length = longest_length(text, policy.product_name_max_length, context.daypart, context.offer_length(policy))
        if length > longest:
            reasons.append(f"The {part} can have {length} characters with its slots filled; the limit is {longest}.")
        reasons += _find_claims(part, text, context)
        if context.has_offer:
            reasons += [f"The {part} {fault}." for fault in misuses_of_offer(text, has_terms=bool(context.terms))]
    if "product" not in slot_names(wording.body):
        reasons.append("The body does not name the product; use {product} once.")
    if context.has_offer and "offer" not in slot_names(wording.body):
        reasons.append("The body does not mention the offer; use {offer} once.")
    return tuple(reasons)


def _find_bad_form(part: str, text: str) -> Iterator[str]:
    if not prose(text).replace("{}", "").strip(" .,!?:;-–—…"):
        yield f"The {part} has no words."
    if text != text.strip() or "  " in text:
        yield f"The {part} has stray spaces."
    strange = sorted({character for character in prose(text) if not _is_plain(character)})
    if strange:
        # By name, to keep the characters themselves out of the reason.
        names = ", ".join(unicodedata.name(each, f"code {ord(each)}").lower() for each in strange[:5])
        yield f"The {part} has characters other than Latin letters and plain punctuation: {names}."
    if re.search(r"\w\.\w{2,}|\bwww\b|\bhttps?\b", prose(text).casefold()):
        yield f"The {part} has a web address."
    if shouted := re.search(r"\b[^\W\d_]*[A-Z]{3,}[^\W\d_]*\b|\b[A-Z]{2,}\s+[A-Z]{2,}\b", prose(text)):
        yield f"The {part} shouts: {shouted.group()!r}."
    if re.search(r"[!?]\s*!|!\s*\?|!.*!", text):
        yield f"The {part} has more than one exclamation mark, or one beside a question mark."


def _is_plain(character: str) -> bool:
    base = unicodedata.normalize("NFD", character)[0]
    return character in _PUNCTUATION or (base.isascii() and base.isalpha())


def _find_bad_slots(part: str, text: str, context: CopyContext) -> Iterator[str]:
    names = slot_names(text)
    for name in sorted({name for name in names if name not in SLOTS}):
        yield f"The {part} has an unknown slot named {_quoted(name)}; the slots are {', '.join(SLOTS)}."
    if has_loose_braces(text):
        yield f"The {part} has braces that enclose no slot."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"The {part} uses the slot {_quoted(name)} more than once."
    if "offer" in names and not context.has_offer:
        yield f"The {part} uses {{offer}}, but there is no offer."
    for pattern, fault in (*_MISUSED_SLOTS, *([_MISUSED_TERMS] if context.terms else [])):
        if found := pattern.search(text.casefold()):
            yield f"The {part} {fault}: {_quoted(found.group())}."


def _quoted(text: str) -> str:
    return ascii(text[:40])


def _find_claims(part: str, text: str, context: CopyContext) -> Iterator[str]:
    letters = (each for each in unicodedata.normalize("NFKD", prose(text)) if not unicodedata.combining(each))
    plain = "".join(letters).casefold().replace("’", "'").replace("‘", "'")
    bans = _BANS if context.tone in HABIT_TONES else (*_BANS, _HABIT)
    others = (
        _ban(f"mentions the {name}, but is sent in the {context.daypart}", words)
        for name, words in _DAYPART_WORDS.items()
        if name != context.daypart
    )
    for pattern, fault in (*bans, *others):
        if found := pattern.search(plain):
            yield f"The {part} {fault}: {_quoted(found.group())}."
