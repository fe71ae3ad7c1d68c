"""Which names messages may say: a name that carries an offer, an address or an instruction would speak for the shop.

A fault keeps a name out of messages and changes no row. The rules are strict about what makes an offer or a request, and
quiet about words that names of groceries share with them: "Gluten Free", "50% Less Sodium", "2% Milk", "Free Range".
"""

import re
import unicodedata

import polars as pl

OFFER, ADDRESS, PHONE_NUMBER, INSTRUCTION, MARKUP, NO_WORD, MIXED_ALPHABETS = NAMING_FAULTS = (
    "an offer",
    "an address",
    "a phone number",
    "an instruction",
    "markup",
    "no word",
    "a word of mixed alphabets",
)

_CURRENCY = r"(?:[$€£¥₹₽₩₺]|\b(?:usd|eur|gbp|dollars?|euros?|bucks)\b)"
_PERCENT = r"(?:\d\s*%|\bper\s?cent\b)"
_NUMBER = r"(?:\d+|one|two|three|four)"
_NOW = r"(?:now|today|here|this|below|it|us|me|yours?)"
# "Gluten Free Gift Basket" is free of gluten and no free gift; a cake of "2 for 10 people" has no price.
_HARMLESS = re.compile(
    r"\bfor\s+\d+\s*(?:oz|ct|packs?|people|kids|days|hours|months|years)\b|\b(?:gluten|sugar|fat|dairy|milk|lactose|nut|nuts|peanut|wheat|grain|egg|eggs|soy|corn|yeast|caffeine|decaf|alcohol|calorie"
    r"|carb|cholesterol|sodium|salt|oil|gmo|bpa|msg|cage|hormone|antibiotic|antibiotics|nitrate|nitrite|sulfite|preservative"
    r"|preservatives|additive|allergy|allergen|fragrance|perfume|scent|dye|paraben|parabens|phosphate|phosphates|sulfate|chlorine"
    r"|bleach|aluminum|fluoride|acid|lead|latex|lint|tear|cruelty|meat|guilt|fuss|mess|streak|stress|hands|plastic|waste|chemical|toxin"
    r"|ammonia|residue|odor|worry|pesticide|additives|color|colour|flavor|sweetener|trans|gelatin|shellfish)[\s-]+free\b"
    r"|\b(?!(?:get|for|is|one|buy|now|yours)\b)[a-z]+-free\b"
)


# Polars searches many names at once, so the patterns have no look-around.
_RULES = {
    MARKUP: (r"</?[a-z!?]", r"\{\{|\$\{|<%|\{\w+\}", r"<\||\|>", r"\[/?(?:inst|url|b|red|bold)\b"),
    ADDRESS: (
        r"\b[a-z][a-z0-9+.-]*://|\b(?:hxxps?|javascript|mailto|tel|sms):",
        r"\bwww\d?\s?\.|\bhttps?\b",
        r"[\w.+-]+\s?@\s?[\w-]+\s?\.\s?\w{2,}|(?:^|[\s(])@[a-z_]\w+",
        r"\w\[\.\]\w|\b\w+\s(?:dot|\(dot\)|\[dot\])\s(?:com|net|org|io)\b",
        r"\w\s?\.\s?(?:com|net|org)(?:\.\w{2})?(?:$|[\s/:?#),!;])",
        r"[\w-]{2,}\.(?:info|biz|xyz|shop|store|online|site|club|top|app|link|io|ly|ru|cn|de|fr|es|it|nl|uk|us|eu|co)(?:\.\w{2})?"
        r"(?:$|[\s/:?#),!;])",
        r"\w\.\w{2,}/\w",
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
        r"\b(?:bit\.ly|t\.me|wa\.me|goo\.gl)\b|\b(?:whatsapp|telegram|instagram|tiktok|facebook|snapchat)\b",
    ),
    PHONE_NUMBER: (
        r"(?:^|[^\w.])\+\s?\d[\d\s().-]{6,}\d",
        r"(?:^|\D)\(?\d{3}\)?[\s.-]\s?\d{3}[\s.-]\d{4}(?:\D|$)",
        r"\b1[\s-]?8(?:00|33|44|55|66|77|88)[\s-](?:\w{3}[\s-]\w{4}|[a-z]{5,})\b",
        r"\b(?:tel|telefon|phone|fon)\b[.:\s]*\+?\d",
        r"(?:\d[\s().-]?){9,}\d",
    ),
    OFFER: (
        # English
        rf"(?:{_PERCENT}|\bhalf|\b1/2)\s*-?\s*off\b|{_CURRENCY}\s?\d[\d.,]*\s*-?\s*off\b|\d[\d.,]*\s?{_CURRENCY}\s*-?\s*off\b",
        r"\b(?:money|everything|entire|anything)\s+off\b|\boff\s+(?:everything|all|your|any|the|entire|orders?|sitewide)\b",
        r"\bhalf\s+price\b|\b(?:best|low|lowest|reduced|special|great|sale|new low)\s+prices?\b|\bprice\s+(?:cut|drop)s?\b",
        r"[$€£¥₹₽₩₺]\s?\d|\d\s?[€£¥₹₽₩₺]|\b(?:now|only|just)\s+\d+[.,]\d\d\b",
        rf"\b{_NUMBER}\s+for\s+(?:{_CURRENCY}\s?\d|(?:the\s+price\s+of\s+)?{_NUMBER}\b)",
        rf"\bbuy\s+(?:{_NUMBER}|some|more|any)\b|\bbogof?\b|\bb[1-3]g[1-3]\b|\bget\s+{_NUMBER}\s+free\b",
        rf"\b(?:save|saves|saving|savings)\s+(?:up\s+to\s+|an?\s+extra\s+|extra\s+)?(?:{_CURRENCY}|\d|big\b|now\b|today\b|money\b|more\b)",
        r"\b(?:discount|coupon|voucher|promo|giveaway|sweepstakes?|jackpot|clearance|bargain|cash\s?back|rebate)(?:s|ed)?\b",
        r"\b(?:on|flash|final|summer|winter|big|clearance|super)\s+sale\b|\bsales?\s+(?:ends|now|today|price)\b|\bspecial\s+offers?\b",
        r"\boffers?\s+(?:ends?|valid|expires?)\b|\b(?:best|great|hot|daily|special|today's)\s+deals?\b|\bdeals?\s+of\b",
        r"\blimited\s+(?:time|offer|stock)\b|\blast\s+chance\b|\bwhile\s+(?:stocks?|supplies)\b|\b(?:today|this\s+week(?:end)?)\s+only\b",
        r"\bfree\s+(?:gifts?|shipping|delivery|trials?|samples?|money|cash|bonus|coupons?|vouchers?|entry|download|items?|products?"
        r"|iphones?|today|now|inside|with|when|for\s+(?:you|all|everyone|members?)|prizes?|tickets?|meals?|drinks?|stuff|offers?|groceries)\b",
        r"\bfree\s*!|\b(?:get|for|is|are|it's|everything|claim|win|absolutely|totally|yours)\s+(?:it\s+|one\s+)?free\b",
        r"\d\s*%\s*(?:more\s+|extra\s+|bonus\s+)?free\b|\b(?:one|1|2)\s+free\b|^\W*free\W*$",
        r"\b(?:you|you've|you\s+have|have)\s+won\b|\bwin\s+(?:an?|big|cash|free|up|the|your|\W?\d)\b|\bwinner\s*!|\b(?:cash|grand|your)\s+prizes?\b",
        r"\b(?:gift|reward|bonus)s?\s+(?:for\s+you|inside|awaits?|with\s+(?:purchase|every|any|your))\b|\bearn\s+(?:points|rewards|money|cash)\b|\b(?:double|bonus)\s+points\b",
        # Other languages: the sign before the percentage, and the words of a discount or of something free.
        r"(?:^|\s)[-−–][1-9]\d\s?%",
        r"\d\s?%\s*(?:de\s+|di\s+)?(?:rabatt|nachlass|remise|reduction|descuento|dto|sconto|korting|desconto|rabais)\b",
        r"\b(?:gratis|gratuit[eos]?s?|gratuitement|kostenlos|umsonst|geschenkt|rabatte?|sonderangebot|angebote?|zum\s+preis\s+von|nur\s+heute|reduziert|schnappchen)\b",
        r"\b(?:soldes|promotions?|descuentos?|ofertas?|rebajas?|regalado|offerta|offerte|sconto|sconti|omaggio|korting|aanbieding"
        r"|desconto|promocao|promocja|znizka|sleva|tilbud|alennus)\b",
        r"скидк|бесплатн|распродаж|\bакци[яи]\b|\bподарок",
        r"折扣|免费|免費|优惠|優惠|特价|特價|赠品|贈品|打折|割引|無料|セール|半額|할인|무료|세일|공짜",
        r"مجان|خصم|تخفيض|عرض خاص|मुफ्त|छूट|חינם|הנחה|δωρεαν|εκπτωση|ฟรี|ลดราคา|giam gia|mien phi|indirim|bedava|ucretsiz",
    ),
    INSTRUCTION: (
        r"\b(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){0,3}(?:instructions?|prompts?|rules?|messages?|above|previous|prior"
        r"|everything|context|guidelines)\b",
        r"\b(?:system|developer|hidden)\s+prompt\b|\bnew\s+instructions?\b|^(?:system|user)\s*:|\b(?:assistant|developer)\s*:",
        r"\b(?:you\s+are\s+now|act\s+as|pretend\s+(?:you|that|to\s+be)|as\s+an\s+ai|respond\s+(?:with|only)|reply\s+with|output\s+only|jailbreak|do\s+not\s+follow"
        r"|instead\s+(?:write|say|print|output)|(?:say|write|print|repeat)\s+(?:only|after\s+me|the\s+(?:word|following)|this\s+(?:text|message|word)))\b",
        r"\b(?:click|tap|press|swipe)\s+(?:here|now|this|below|on\s+(?:the|this)|the\s+link|to\s+(?:win|claim|get|buy|order|save))\b",
        r"\bcall\s+(?:now|today|here|us|me|our|for|\W?\d)|\b(?:text|phone)\s+(?:now|us|me|\W?\d{3})|\bdial\s+\W?\d{3}",
        r"\b(?:text|reply)\s+(?:yes|no|stop|win|start|help)\b|\bsend\s+(?:money|cash|bitcoin)\b|\bcongratulations\b[\s!,]+you\b",
        rf"\b(?:claim|redeem|grab|act|order|buy|shop|pay|purchase|hurry|apply|register|enroll|subscribe|unsubscribe|join|reply|respond)\W+{_NOW}\b",
        r"\bhurry\s*(?:up\b|!|,|while\b)|\bredeem\b|\bclaim\s+(?:yours?|the|an?)\b|\bvisit\s+(?:us|our|the|www|http)|\bgo\s+to\s+(?:our|the\s+(?:site|website|app|link)|www|http)",
        r"\b(?:log|sign)\s?(?:in|up)\s+(?:to|now|for|at|here)\b|\bsubscribe\b|\bscan\s+(?:the|this|me|qr|here|to)\b|\bdownload\s+(?:the|our|now)\b",
        r"\b(?:verify|confirm|update)\s+(?:your|the)\b|\byour\s+(?:account|password|card|pin)\b|\bfollow\s+us\b|\bdm\s+(?:me|us)\b|\blike\s+and\s+share\b",
        # Other languages
        r"\b(?:ignorie\w*|ignorez|ignorer|ignora|ignorar|ignoreer)\s",
        r"\b(?:hier|jetzt)\s+(?:klicken|kaufen|anrufen|bestellen|sichern|zugreifen)\b|\bruf(?:en)?\s+(?:sie\s+)?(?:uns\s+)?(?:jetzt\s+)?an\b",
        r"\b(?:cliquez|appelez|achetez|commandez|profitez)\b|\bhaz\s+clic\b|\b(?:llama|compra|pide|aprovecha)\s+(?:ya|ahora|hoy)\b",
        r"\b(?:clicca|chiama|compra|ordina)\s+(?:qui|ora|subito)\b|\bklik\s+hier\b|\b(?:bel|koop|bestel)\s+nu\b|\b(?:clique|ligue|compre)\s+(?:aqui|agora|ja)\b",
        r"нажмите|позвоните|звоните|купите|点击|點擊|立即|马上|クリック|今すぐ|클릭|지금|اضغط|اتصل",
    ),
}
_PATTERNS = {fault: "|".join(patterns) for fault, patterns in _RULES.items()}
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_SIGNS = re.compile(r"[^\w\s%$€£¥₹₽₩₺']|_")
_SPELLED_OUT = re.compile(r"\b[a-z0-9](?: [a-z0-9]\b){2,}")
_LETTERS_AND_DIGITS = re.compile(r"\b(?=\d*[a-z])(?=[a-z]*\d)[a-z0-9]+\b")
_DIGITS_AS_LETTERS = str.maketrans("01345", "oieas")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK")


def find_naming_faults(names: pl.Series) -> pl.Series:
    """Say for each name what it carries that a message must not say, such as `an offer`; null for a plain name."""
    distinct = names.drop_nulls().unique()
    plain = [_plain(name) for name in distinct]
    readings = pl.DataFrame(
        {
            "name": distinct,
            "plain": [_HARMLESS.sub("", reading) for reading in plain],
            "words": [_without_tricks(reading) for reading in plain],
            "has_word": [any(map(str.isalpha, name)) for name in distinct],
            "is_mixed": [_mixes_alphabets(name) for name in distinct],
        },
        schema_overrides={"plain": pl.String, "words": pl.String, "has_word": pl.Boolean, "is_mixed": pl.Boolean},
    )
    found = [
        pl.when(pl.any_horizontal(pl.col("plain", "words").str.contains(pattern))).then(pl.lit(fault))
        for fault, pattern in _PATTERNS.items()
    ]
    no_word, mixed = (
        pl.when(~pl.col("has_word")).then(pl.lit(NO_WORD)),
        pl.when("is_mixed").then(pl.lit(MIXED_ALPHABETS)),
    )
    faults = readings.select("name", fault=pl.coalesce(*found, no_word, mixed))
    return names.to_frame("name").join(faults, on="name", how="left", maintain_order="left")["fault"]


def _plain(name: str) -> str:
    """Small letters without accents and styles, so that neither hides a word."""
    letters = _ACCENTS.sub("", unicodedata.normalize("NFKD", name)).casefold().replace("’", "'")
    return " ".join(unicodedata.normalize("NFC", letters).split())


def _without_tricks(plain: str) -> str:
    """The words that a person reads in "FREE*GIFT", "F.R.E.E gift" and "FR33 G1FT"."""
    words = " ".join(_SIGNS.sub(" ", _HARMLESS.sub("", plain)).split())
    words = _SPELLED_OUT.sub(lambda letters: letters[0].replace(" ", ""), words)
    return _LETTERS_AND_DIGITS.sub(lambda word: word[0].translate(_DIGITS_AS_LETTERS), words)


def _mixes_alphabets(name: str) -> bool:
    """Whether letters that look alike stand for one another: a word of Latin and Cyrillic letters, for example."""
    if name.isascii():
        return False
    return any(
        len({_alphabet(each) for each in word if each.isalpha()} - {None}) > 1 for word in re.findall(r"\w+", name)
    )


def _alphabet(letter: str) -> str | None:
    first = unicodedata.name(letter, "").split(" ")[0]
    return first if first in _ALPHABETS else None
