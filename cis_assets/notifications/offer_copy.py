"""What copy may say beside {offer}: only words that leave what the offer is on, and when it counts, as they are.

Words that stretch or narrow an offer have no end ("everything", "sitewide", "{product} alone"), so a body with an offer
keeps to harmless ones, and so does a title with {offer}. No other title may speak of what an offer is on.
"""

import re
import unicodedata
from collections.abc import Iterator

_SLOT_OR_WORD = re.compile(r"\{\w+\}|[^\W\d_]+(?:'[^\W\d_]+)?")
_SENTENCE = re.compile(r"[^.!?…]+")
_THE = r"(?:your|the|a)\s+(?:\{weekday\}\s+|\{daypart\}\s+)?"
_PLACES = r"(?:kitchen|fridge|freezer|pantry|cupboard|(?:snack )?shelf|table)"
_CARTS = r"(?:order|cart|basket|bag|list)"
_START = r"(?:(?:^|(?<=[:,–—-]))\s*|(?:and|to|then)\s+)"
# Nouns that an offer could be on stand only where they are a place for the product.
_PLACE_FOR_PRODUCT = re.compile(
    rf"(?<!\w)(?:(?:to|in|into|for|on|from)\s+{_THE}{_PLACES}|(?:to|in|into)\s+{_THE}{_CARTS}|on\s+{_THE}list"
    rf"|(?:re)?(?:fill|stock|fresh)\s+(?:up\s+)?{_THE}(?:{_PLACES}|{_CARTS})|(?:start|begin|build|lead|open)\s+{_THE}{_CARTS}"
    rf"|{_START}\{{weekday\}}\s+list(?=:)|on your list(?=,)|{_START}(?:order|shop)|if you(?:'d)? like"
    r"|(?:your|the)\s+cart is (?:just )?(?:a tap away|ready when you are|waiting)|whenever (?:it suits you|you're ready)|when you are|place your order|to cart"
    r"|no rush|(?:one|a|just a|a single) tap (?:does it|is all it takes)|just a tap|where you left off"
    r"|(?:a\s+)?(?:little\s+|small\s+)?something\s+(?:for|you))(?!\w)"
)
_WORDS = frozenset(
    re.findall(
        r"[a-z']+",
        """
    a about add again along an and at away back be been begin breakfast bring brings by care carry check choose come
    convenience could dinner drop ease easily easy enjoy favorite favourite find for from gently get give gives go good
    grab great happy have hello here here's home hope how in into invite is it it's joy keep know let let's light little
    load look lovely low lunch make maybe meet minute moment moving new news nice now of on our out own pace perhaps
    pick plan plans pop pour put quiet reach ready refill refresh remember reorder restock return run running say see
    set settle simple simply sip small smile soft start stock suggest surprise swing take tap thank thanks that that's
    the then there there's this time to today today's top touch treat try tuck up usual very visit wander warm way we
    we'd we've welcome while with worth would yes you you'd you'll you're your yourself
    """,
    )
)
_OF_PRODUCT = r"\s+(?:your\s+)?(?:favou?rite\s+|usual\s+)?\{product\}"
_WHEN = r"\s+(?:this\s+)?\{(?:weekday|daypart)\}"
_REST = r"\s*(?:$|[.,!?;:…–—-])"
_BESIDE_OFFER = re.compile(rf"\{{offer\}}(?:(?P<product>{_OF_PRODUCT})|{_WHEN}|{_REST})")
_ON_PRODUCT = re.compile(r"(?<!\w)(?<!up )on (?:your )?\{product\}")
_SCOPE = re.compile(
    r"(?<![\w{])(?:all(?! (?:set|it takes)\b)|any(?! plans)\w*|every\w*|each|whole|entire\w*|total|both|only|solely|alone|also|even|plus"
    r"|extra|else|same|rest|minimum\w*|spend\w*|spent|condition\w*|terms?|codes?|requir\w+|appl(?:y|ies)|counts?|valid|goes for"
    r"|stack\w*|combin\w+|doubl\w+|on top|sitewide|storewide|aisles?|departments?|categor\w+|brands?|groceries|items?|products?"
    r"|purchases?|checkout|unlimited|whatever|regardless|members?|too|as well|likewise|across|includ\w+|besides|other\w*|the lot|without|however|how much|no (?!rush\b)\w+)(?!\w)"
)


def misuses_of_offer(text: str, has_terms: bool) -> Iterator[str]:
    """What a title or a body of an offer says that may change the offer, each in words that follow its name."""
    plain = _plain(text)
    if found := _SCOPE.search(plain):
        yield f"may change what the offer is on or when it counts: {found.group()[:40]!r}"
        return
    is_said = "{offer}" in plain
    for sentence in _SENTENCE.findall(plain):
        if "{offer}" in sentence:
            yield from _misplacements(sentence, plain, has_terms)
        rest = _SLOT_OR_WORD.findall(_PLACE_FOR_PRODUCT.sub(" ", sentence)) if is_said else []
        if strange := [word for word in rest if not word.startswith("{") and word not in _WORDS]:
            yield f"has words beside {{offer}} that may change what it is on or when it counts: {', '.join(strange)[:40]!r}"


def _misplacements(sentence: str, text: str, has_terms: bool) -> Iterator[str]:
    beside = _BESIDE_OFFER.search(sentence)
    if beside is None or (has_terms and beside["product"]):
        yield "joins {offer} to words that may change what it is on"
    elif not beside["product"] and "{product}" in text[text.index("{offer}") :]:
        yield "names {product} after {offer}, so that the offer may seem to be on something else"
    if has_terms and (found := _ON_PRODUCT.search(sentence)):
        yield f"says what {{offer}} is on, but its own words say so: {found.group()!r}"


def _plain(text: str) -> str:
    letters = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(letters).casefold().replace("’", "'").replace("‘", "'")
