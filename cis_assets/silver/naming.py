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
_IN_WORDS = r"(?:half|one|two|three|four|five|ten|fifteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_TLD = (
    r"(?:com|net|org|info|biz|xyz|shop|store|online|site|website|web|club|top|app|link|click|page|live|life|world|email|pro|vip|fun|win|buzz|icu"
    r"|cloud|tech|space|blog|news|deals|sale|bid|loan|work|party|trade|date|money|cash|gift|gifts|free|today|example|test|invalid|dev|ai|io"
    r"|ly|tv|cc|gg|me|to|sh|ru|cn|jp|in|br|mx|ca|au|de|at|ch|fr|es|it|nl|be|pl|se|no|dk|fi|pt|gr|uk|us|eu)"
)
_NOW = r"(?:now|today|here|this|below|it|us|me|yours?)"
# "Gluten Free Gift Basket" is free of gluten and no free gift; a cake of "2 for 10 people" has no price.
_HARMLESS = re.compile(
    r"\bfor\s+\d+\s*(?:oz|ct|packs?|people|kids|days|hours|months|years)\b|\b(?:gluten|sugar|fat|dairy|milk|lactose|nut|nuts|peanut|wheat|grain|egg|eggs|soy|corn|yeast|caffeine|decaf|alcohol|calorie"
    r"|carb|cholesterol|sodium|salt|oil|gmo|bpa|msg|cage|hormone|antibiotic|antibiotics|nitrate|nitrite|sulfite|preservative"
    r"|preservatives|additive|allergy|allergen|fragrance|perfume|scent|dye|paraben|parabens|phosphate|phosphates|sulfate|chlorine"
    r"|bleach|aluminum|fluoride|acid|lead|latex|lint|tear|cruelty|meat|guilt|fuss|mess|streak|stress|hands|plastic|waste|chemical|toxin"
    r"|ammonia|residue|odor|worry|pesticide|additives|color|colour|flavor|sweetener|trans|gelatin|shellfish|fish|seafood|sesame|mustard|soya|starch"
    r"|seed|seeds|pit|bone|skin|shell|smoke|smell|frizz|wrinkle|tangle|knot|mercury|silicone|tobacco|nicotine|stain|drip|spill|crumb|sting|itch"
    r"|rinse|grease|gas|wax|vinyl|pvc|phthalate|phthalates|nickel|solvent|hassle|filler|sulphate|sulphite|hydroquinone|talc|pulp|gluteen)[\s-]+free\b"
    r"|\b(?!(?:get|for|is|one|buy|now|yours|all|it|win|claim|totally|absolutely|entirely|delivery|shipping)\b)[a-z]+-free\b|\bfree(?=[\s-]+(?:range|from\b|trade|spirit|clear|(?:&|and|n)\s+(?:clear|gentle|sensitive|pure)))"
    r"|\bfree(?=\s+of\s+(?!charge|cost))|\b(?:real|big)\s+deal\b|\bfisher[\s-]+price\b|\bhurry\s+curry\b"
    r"|\b(?:original|classic|famous)\s+\$\d{1,2}\s+(?=[a-z])"
)


# Polars searches many names at once, so the patterns have no look-around.
_RULES = {
    MARKUP: (
        r"</?[a-z!?]",
        r"#{2,}\s*[a-z]|\*\*\w[^*]*\*\*|\b__\w[^_]*__|`|~~",
        r"\{\{|\$\{|<%|\{\w+\}",
        r"<\||\|>",
        r"\[/?(?:inst|url|b|red|bold)\b",
    ),
    ADDRESS: (
        r"\b[a-z][a-z0-9+.-]*://|\b(?:hxxps?|javascript|mailto|tel|sms):",
        r"\bwww\d?\s?\.|\bhttps?\b",
        r"[\w.+-]+\s?@\s?[\w-]+\s?\.\s?\w{2,}|(?:^|[\s(])@[a-z_]\w+",
        rf"\w\[\.\]\w|\b\w+\s(?:dot|\(dot\)|\[dot\])\s{_TLD}\b|\w,(?:com|net|org)\b",
        r"\w\s?\.\s?(?:com|net|org)(?:\.\w{2})?(?:$|[\s/:?#),!;])",
        rf"[\w-]{{2,}}\.(?:{_TLD}(?:\.\w{{2}})?(?:$|[\s/:?#),!;])|co(?:\.\w{{2}}\b|$|/))",
        r"\b[a-z0-9-]{3,}\.[a-z]{2,6}$",
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
        rf"(?:{_PERCENT}|%|\bhalf|\b1/2)\s*-?\s*off\b|\b\d{{1,3}}\s+off\b|\b{_IN_WORDS}\s*(?:%|off\b)|{_CURRENCY}\s?\d[\d.,]*\s*-?\s*off\b|\d[\d.,]*\s?{_CURRENCY}\s*-?\s*off\b",
        r"\b(?:money|everything|entire|anything)\s+off\b|\boff\s+(?:everything|all|your|any|the|entire|orders?|sitewide)\b",
        r"\bprices?\b|\bpriced\b|\bcheap(?:er|est)?\b|\bless\s+expensive\b|\breduced\s+(?:to|by)\b|\bmust\s+go\b",
        r"\b\d+\s?(?:c|p|pence)\s+(?:each|only|off|per)\b|\b(?:only|just|now)\s+\d+\s?(?:c|p|cents?)\b|\d\s?¢|\b\d+\s+cents?\b",
        r"\bcomplimentary\b|\bno\s+(?:extra\s+)?(?:charge|cost)\b|\bwithout\s+charge\b|\bon\s+(?:the\s+house|us)\b",
        r"[$€£¥₹₽₩₺]\s?\d|\d\s?[€£¥₹₽₩₺]|\b(?:now|only|just)\s+\d+[.,]\d\d\b",
        rf"\b{_NUMBER}\s+for\s+(?:{_CURRENCY}\s?\d|(?:the\s+price\s+of\s+)?{_NUMBER}\b)",
        rf"\bbuy\s+(?:{_NUMBER}|some|more|any)\b|\bbogof?\b|\bb[1-3]g[1-3]\b|\bget\s+{_NUMBER}\s+free\b",
        rf"\b(?:save|saves|saving|savings)\s+(?:up\s+to\s+|an?\s+extra\s+|extra\s+|over\s+)?(?:{_CURRENCY}|\d|{_IN_WORDS}\b|(?:big|now|today|money|more|on|when|at)\b)",
        r"\b(?:use|enter|apply|with)\s+(?:the\s+|this\s+|our\s+|my\s+)?code\b|\bcode:?\s+[a-z]{2,}-?\d",
        r"\b(?:discount|voucher|promo|giveaway|sweepstakes?|jackpot|clearance|bargain|cash\s?back|rebate)(?:s|ed)?\b",
        r"\bcoupons?\s*(?:$|[!:\d]|(?:codes?|inside|for|on|here|attached|available|book)\b)|\b(?:with|use|your|get|clip|digital|\d)\s+coupons?\b",
        r"\bsales?\b|\b(?:special|our|great|best|new|hot|an?)\s+offers?\b|\boffers?\s+(?:ends?|valid|expires?|on)\b|\bdeals?\b",
        r"\bends?\s+(?:today|tonight|tomorrow|soon|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b|\blast\s+(?:days?|call|few)\b|\btonight\b",
        rf"\bends?\s+(?:at\s+)?(?:midnight|noon)\b|\bfinal\s+(?:days?|hours?|call)\b|\bdon'?t\s+(?:wait|delay)\b|\b(?:act|going)\s+fast\b|\b(?:{_IN_WORDS}|few|\d+)\s+(?:left|remaining)\b",
        rf"\b(?:\d+|{_IN_WORDS})\s+(?:dollars?|euros?|bucks)\b|\bfor\s+nothing\b|\bzero\s+cost\b|\benter\s+to\b|\bguaranteed\b|\b(?:third|quarter)\s+off\b",
        r"\bsave\s+an?\s+(?:third|quarter|half|lot|fortune)\b|\bpay\s+less\b|%\s+less\s*(?:$|for\b|today\b)|\bmoney\s+back\b|\brefunds?\b|\bunlock\s+\d",
        r"\b(?:best|unbeatable)\s+value\b|\b(?:it|them|yours?)\s+today\b|\bsold\s+out\b|\b2 4 1\b|\b[2-4]\s+(?:fur|por|pour|voor|za)\s+[1-3]\b",
        r"\bdon'?t\s+miss\b|\bmiss\s+out\b|\b(?:almost|nearly)\s+gone\b|\bselling\s+(?:fast|out)\b|\bwhile\s+they\s+last\b",
        r"\bget\s+(?:yours?|it|this|them|one)\b|\b(?:yours|available|here|only)\s+today\b|\btoday\s*!",
        r"\blimited\s+(?:time|offer|stock)\b|\blast\s+chance\b|\bwhile\s+(?:stocks?|supplies)\b|\b(?:today|this\s+week(?:end)?)\s+only\b",
        # What is free of something is left out before.
        r"\bfree(?:bie)?s?\b",
        r"\b(?:you|you've|you\s+have|have)\s+won\b|\bwin\s+(?:an?|big|cash|free|up|the|your|\W?\d)\b|\bwinner\s*!|\bprizes?\b",
        r"\b(?:gift|reward|bonus)s?\s+(?:for\s+you|inside|awaits?|with\s+(?:purchase|every|any|your))\b|\bearn\s+(?:\d|points|rewards|money|cash|more|extra|double)|\b(?:double|triple|bonus|reward|extra|\d+)\s+(?:bonus\s+)?points\b",
        # Other languages: the sign before the percentage, and the words of a discount or of something free.
        r"(?:^|\s)[-−–][1-9]\d\s?%",
        r"\d\s?%\s*(?:de\s+|di\s+)?(?:rabatt|nachlass|remise|reduction|descuento|dto|sconto|korting|desconto|rabais)\b",
        r"\b(?:gratis|gratuit[eos]?s?|gratuitement|kostenlos|umsonst|geschenkt|rabatt?\w*|sonderangebot|angebote?|zum\s+preis\s+von|nur\s+heute|reduziert|schnappchen)\b",
        r"\b(?:soldes|promotions?|descuentos?|ofertas?|rebajas?|regalado|offerta|offerte|sconto|sconti|omaggio|korting|aanbieding"
        r"|desconto|promocao|promocja|znizka|sleva|tilbud|alennus)\b",
        r"\bgutschein\w*|\balles\s+muss\b|\bsottocosto\b|\bremise\s+de\b|\bilmainen\b|\bauf\s+alles\b|\bweniger\s+(?:be)?zahlen\b|\d\s?%\s*(?:gunstiger|billiger|auf\b|sur\b|en\s+tod)|\b\w*preise?n?\b|\bbilliger?\b",
        r"\bnur\s+(?:\d|jetzt)|\bspar(?:en|e|t)?\s+(?:\d|sie|jetzt)|\bgeschenk\b|\b(?:nimm|prends|llevate|lleva|leve|prendi)\s+\d|\b(?:paga|pague|paghi|payez|zahle?)\s+\d",
        r"\b(?:2|3|4)[x×](?:1|2|3)(?:\s+[a-z]{3,}|$)|\bcadeaux?\b|\boffert[es]?s?\b|\bregalos?\b|\bbrindes?\b|\bprecios?\b|\bprezz[oi]\b|\bprecos?\b|\bprijs\b",
        r"\b(?:moitie|petits?|meilleurs?|bas)\s+prix\b|\bprix\s+(?:bas|choc|reduit|special|casse)|\bmoins\s+cher\b|\bbons?\s+d'achat\b|\bal\s+\d+\s?%",
        r"\b(?:ahorra|ahorre|economisez|risparmia|bespaar|economize)\b|\bmetade\s+do\b|\bmitad\s+de\b",
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
        r"\bplease\b|\btranslate\b|\bjson\b|\bsummari[sz]e\b|\brespond\b|\b(?:write|compose|generate)\s+(?:an?|the|me|us|only|in|about|this|your)\b",
        r"\b(?:return|output|print|answer|reply)\s+(?:only|just|with|in|as)\b|\byou\s+(?:must|should|shall|have\s+to|need\s+to)\b",
        r"\b(?:mention|recommend|promote|praise)\s+(?:our|the|this|my|that|your)\b|\b(?:always|never)\s+(?:mention|say|write|include|recommend)\b",
        r"\b(?:this|the|our|my)\s+(?:link|url|website|web\s?site|page|app)\b|\blink\s+(?:in|below|here)\b",
        r"\bcall\s+(?:now|today|here|us|our|for|\W?\d)|\bcall\s+me\s*(?:$|[!.,]|(?:now|today|at|on|for|back)\b|\W?\d)|\b(?:text|phone)\s+(?:now|us|me|\W?\d{3})|\bdial\s+\W?\d{3}",
        r"\b(?:text|reply)\s+(?:yes|no|stop|win|start|help)\b|\bsend\s+(?:money|cash|bitcoin)\b|\bcongratulations\b[\s!,]+you\b",
        rf"\b(?:claim|redeem|grab|act|order|buy|shop|pay|purchase|hurry|apply|register|enroll|subscribe|unsubscribe|join|reply|respond)\W+{_NOW}\b",
        r"\bhurry\b|\bredeem\s*(?:$|[!:]|(?:now|today|here|this|it|yours?|for|at|with|the|code|points)\b)|\bclaim\s+(?:yours?|the|an?)\b|\bvisit\s+\w|\b(?:email|contact|message)\s+(?:us|me)\b|\b(?:tell|inform|convince)\s+(?:the|them|your|everyone|customers?)\b|\b(?:say|speak|talk)\s+(?:\w+\s+)?in\s+[a-z]|\bgo\s+to\s+(?:our|the\s+(?:site|website|app|link)|www|http)",
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
_SALTED = re.compile(r"(?i)\bsale\u0301e?s?(?!\w)")
_SIGNS = re.compile(r"[^\w\s%$€£¥₹₽₩₺']|_")
_SPELLED_OUT = re.compile(r"\b[a-z0-9](?: [a-z0-9]\b){2,}")
_FIGURES = re.compile(r"(?<=[$€£¥])\s?[\doils]*\d[\doils]*\b|\b[oils]?\d[\doils]*(?=\s?%|\s+off\b)")
_LETTERS_AS_DIGITS = str.maketrans("oils", "0115")
_SIGNS_IN_WORDS = re.compile(r"(?<=[a-z])[€$@!|]+(?=[a-z])|(?<![\w$])[$@](?=[a-z]{3})|(?<=[a-z]{2})€+(?!\w)")
_SIGNS_AS_LETTERS = str.maketrans("€$@!|", "esail")
_LATIN = re.compile(
    r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL |DOTLESS |OPEN |TURNED |REVERSED )?([A-Z])(?: WITH .*)?"
)
_LETTERS_AND_DIGITS = re.compile(r"\b(?=\d*[a-z])(?=[a-z]*\d)[a-z0-9]+\b")
_DIGITS_AS_LETTERS = str.maketrans("01345", "oieas")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")


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
    # Salted butter, "beurre salé", is no sale.
    letters = _SALTED.sub("salted", unicodedata.normalize("NFKD", name))
    letters = _ACCENTS.sub("", letters).casefold().replace("’", "'").replace("\N{FRACTION SLASH}", "/")
    if not letters.isascii():
        letters = "".join(map(_base, letters))
    plain = " ".join(unicodedata.normalize("NFC", letters).split())
    return _FIGURES.sub(lambda figure: figure[0].translate(_LETTERS_AS_DIGITS), plain)


def _base(letter: str) -> str:
    """The Latin letter that a decorated one is read as, such as f for ƒ."""
    found = None if letter.isascii() else _LATIN.fullmatch(unicodedata.name(letter, ""))
    return found[1].casefold() if found else letter


def _without_tricks(plain: str) -> str:
    """The words that a person reads in "FREE*GIFT", "F.R.E.E gift" and "FR33 G1FT"."""
    letters = _SIGNS_IN_WORDS.sub(lambda signs: signs[0].translate(_SIGNS_AS_LETTERS), _HARMLESS.sub("", plain))
    words = " ".join(_SIGNS.sub(" ", letters).split())
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
