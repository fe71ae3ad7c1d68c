"""Names for people from the shop's codes: "FRZN OJ&OJ SUBSTITUTES" becomes "Frozen Orange Juice and Substitutes".

`product_names.csv` has names written by hand: of the product types that make most of the lines, some within one category
only, and of categories (rows without a product type). The other types and categories are cleaned by rule:

- Words in parentheses, words with a digit, and words that say nothing (MISC, OTHER, ALL) are dropped.
- A type has room for 30 characters; a last word that is cut off by that is dropped.
- The kind goes last: "CAKES: SHEET" becomes "Sheet Cakes", "PEARS ANJOU" becomes "Anjou Pears".
- Abbreviations are spelled out, `/` and `&` become "and", and words begin with a capital letter.
- A type that is only an adjective ("PREMIUM") is completed by its category: "Premium Bacon". A type with a word that nobody
  can read, one without a vowel or of a single letter, gets the name of its category.

Does not belong here: which product has which type (`products.py`).
"""

import csv
import re
from functools import cache
from importlib.resources import files

_WIDTH = 30
_HAND_WRITTEN = "product_names.csv"

# Words that the shop shortens. An empty text drops the word.
_WORDS = {
    "ACCES": "Accessories", "ACCESS": "Accessories", "ACCSS": "Accessories", "ACTIVATI": "Activation",
    "ADLT": "Adult", "ALL": "", "ALLIEDS": "", "ALM": "Aluminum", "ALUM": "Aluminum", "APPETZRS": "Appetizers",
    "ASST": "Assorted", "AUTO": "Automatic", "BABYFOOD": "Baby Food", "BATHRM": "Bathroom", "BBQ": "Barbecue",
    "BEERALEMALT": "Beer", "BEV": "Beverages", "BG": "Bags", "BISCT": "Biscuits", "BKD": "Baked", "BKNG": "Baking",
    "BLK": "Bulk", "BLNDS": "Blends", "BLY": "Belly", "BN": "Beans", "BNLS": "Boneless", "BRD": "Breaded",
    "BREADINGS": "Breading", "BRKFST": "Breakfast", "BRSKT": "Brisket", "BRST": "Breast", "BTL": "Bottled",
    "BTR": "Butter", "BULK": "", "BX": "Box", "CAN": "Canned", "CARB": "Carbonated", "CARBNTD": "Carbonated",
    "CATEGORY": "", "CATFD": "Cat Food", "CATSUP": "Ketchup", "CD": "CD", "CHECKLANE": "", "CHED": "Cheddar",
    "CHILDRENS": "Children's", "CHIX": "Chicken", "CHOC": "Chocolate", "CHOCOCLATE": "Chocolate", "CHP": "Chops",
    "CHS": "Cheese", "CHZ": "Cheese", "CIG": "Cigarette", "CILANTO": "Cilantro", "CKE": "Cake", "CKYS": "Cookies",
    "CLEANG": "Cleaning", "CLNRS": "Cleaners", "CND": "Canned", "CNDLES": "Candles", "CNDY": "Candy",
    "CNTRL": "Control", "COFF": "Coffee", "CONC": "Concentrate", "CONT": "Contributions", "COOKNG": "Cooking",
    "CRABETC": "", "CRBNTD": "Carbonated", "CRKR": "Crackers", "CRMD": "Creamed", "CRYSTL": "Crystal",
    "CTLRY": "Cutlery", "DAN": "Danish", "DECORS": "Decorations", "DEOD": "Deodorant", "DEPT": "",
    "DETRGNT": "Detergent", "DISPOSIBLE": "Disposable", "DL": "Deli", "DLX": "Deluxe", "DNR": "Dinner",
    "DNRS": "Dinners", "DOGFD": "Dog Food", "DPS": "Dips", "DRNK": "Drink", "DRNKING": "Drinking",
    "DRNKNG": "Drinking", "DRNKS": "Drinks", "DRSNG": "Dressing", "DSH": "Dishes", "DSHS": "Dishes", "DVD": "DVD",
    "DVDS": "DVDs", "ELECT": "Electrical", "EX": "", "EXCEPT": "", "EXCP": "", "EXP": "", "FD": "Food", "FDS": "Food",
    "FEM": "Feminine", "FLAV": "Flavored", "FLNK": "Flank", "FLV": "Flavored", "FLVR": "Flavored",
    "FLVRD": "Flavored", "FLVRS": "Flavors", "FRD": "Fried", "FRE": "Fresh", "FRK": "Fruit Drinks", "FRSH": "Fresh",
    "FRT": "Fruit", "FRZ": "Frozen", "FRZN": "Frozen", "FS": "", "GDS": "Goods", "GM": "General Merchandise",
    "GNGR": "Ginger", "GRND": "Ground", "HANDKE": "Handkerchiefs", "HANDKER": "Handkerchiefs", "HBA": "Personal Care",
    "HBC": "Personal Care", "HSHLD": "Household", "HYDROCORTIZONE": "Hydrocortisone", "HYGN": "Hygiene", "INCL": "",
    "INCLUDING": "", "INTERNAL": "", "IQF": "Frozen", "IWS": "", "JCE": "Juice", "JHOOK": "", "JUI": "Juice",
    "KIDS": "Kids'", "LEGGS": "L'eggs", "LIQ": "Liquid", "LIQS": "Liquids", "LIT": "Litter", "LNCHMT": "Lunch Meat",
    "LOREAL": "L'Oreal", "LRG": "Large", "LSS": "", "LTR": "Lighter", "LUNCHMEAT": "Lunch Meat", "MARIN": "Marinades",
    "MARINAD": "Marinades", "MAYO": "Mayonnaise", "MEMORABLILIA": "Memorabilia", "MENS": "Men's",
    "MERCH": "Merchandise", "MEX": "Mexican", "MFG": "Manufacturer", "MINWTR": "Mineral Water", "MISC": "",
    "MISCELLANEOUS": "", "MIXS": "Mixes", "MLK": "Milk", "MLT": "Multi", "MNERAL": "Mineral", "MNRL": "Mineral",
    "MRNG": "Morning", "MULT": "Multi", "MW": "Microwave", "MX": "Mix", "MXS": "Mixes", "NA": "",
    "NCARB": "Non-Carbonated", "NDAIRY": "Non-Dairy", "NTRTNL": "Nutritional", "NZ": "New Zealand",
    "OJ": "Orange Juice", "ORG": "Organic", "OTC": "", "OTHER": "", "OTHERS": "", "PCKGD": "Packaged",
    "PICKLD": "Pickled", "PK": "Pack", "PKG": "Packaged", "PKGD": "Packaged", "PKLD": "Pickled", "PLSTC": "Plastic",
    "PLT": "Plate", "PNCH": "Punch", "PNT": "Peanut", "POINSETTA": "Poinsettia", "PORT": "Portion",
    "PORTON": "Portions", "PPK": "", "PREM": "Premium", "PREP": "Prepared", "PREPACK": "", "PREPORTND": "Portions",
    "PRESLC": "Sliced", "PROD": "Products", "PROMO": "", "PRPCK": "Packaged", "PRSLC": "Sliced", "PTTY": "Patties",
    "PWDR": "Powder", "PWDRS": "Powders", "REFIGERATED": "Refrigerated", "REFRGRATD": "Refrigerated",
    "REFRIG": "Refrigerated", "REG": "Regular", "RETL": "Retail", "RFRGRTD": "Refrigerated", "RST": "Roast",
    "RTD": "Ready-to-Drink", "RTL": "Retail", "RTS": "Ready-to-Serve", "RW": "", "RX": "", "SAL": "Salads",
    "SALD": "Salad", "SAUS": "Sausage", "SCE": "Sauce", "SEAFD": "Seafood", "SEASO": "Seasonings", "SFT": "Soft",
    "SGL": "Single", "SHERBTS": "Sherbet", "SHLDR": "Shoulder", "SHLFSH": "Shellfish", "SHNK": "Shank",
    "SHOPPE": "Shop", "SHRED": "Shredded", "SLC": "Slices", "SLD": "Salad", "SMI": "Semi", "SNDWCH": "Sandwich",
    "SNGL": "Single", "SNKS": "Snacks", "SOD": "Soda", "SOULABLE": "Soluble", "SPCL": "Special",
    "SPEC": "Specialties", "SPECILATY": "Specialty", "SPF": "Sun Protection", "SPLY": "Supplies", "SPRD": "Spreads",
    "SRV": "Serve", "SS": "Single-Serve", "STK": "Steaks", "STORER": "Storage", "STRP": "Strips", "STW": "Stew",
    "SUBS": "Substitutes", "SUPP": "Supplements", "SUPPPLIES": "Supplies", "SV": "Serve", "SW": "Sweet",
    "SWEETNERS": "Sweeteners", "SWT": "Sweet", "SYRP": "Syrup", "THN": "", "TISS": "Tissues", "TORT": "Tortilla",
    "TRANS": "", "TRKY": "Turkey", "TRSH": "Trash", "TV": "TV", "VAC": "Vacuum", "VAL": "Value", "VAR": "Variety",
    "VEG": "Vegetable", "VEGS": "Vegetables", "VEND": "Vending", "VHS": "Video", "W": "with", "WH": "Whole",
    "WHL": "Whole", "WHLSM": "Wholesome", "WHS": "Warehouse", "WHT": "White", "WOMENS": "Women's",
    "WORCHESTER": "Worcestershire", "WT": "Weight", "WTR": "Water", "XMAS": "Christmas",
}  # fmt: skip
# Adjectives, which say what a product is only together with its category.
_ADJECTIVES = {
    "and", "better", "boxed", "domestic", "dry", "economy", "enhanced", "flavored", "for", "fresh", "frozen", "imported", "kosher",
    "large", "lean", "mainstream", "medium", "natural", "packaged", "pre-cooked", "premium", "primal", "regular", "seasonal",
    "select", "single-serve", "small", "smoked", "specialty", "super", "traditional", "value", "variety", "you",
}  # fmt: skip
# Kinds that begin a type and belong behind it, and kinds that say nothing that the rest does not say.
_KINDS_FIRST = {
    "APPLES", "BEETS", "CHERRIES", "CORN", "EGGS", "GRAPES", "HAM", "HAMS", "HERBS", "NECTARINES", "ONIONS", "PEACHES", "PEARS",
    "PEPPERS", "PLUMS", "POTATOES", "SEAFOOD", "SQUASH", "TOMATOES", "VITAMIN",
}  # fmt: skip
_KINDS_DROPPED = ("COFF SHOP", "DL SPEC", "PREP FD", "QSR FD", "SAL", "SEAFOOD", "SV BEV", "SW GDS")
_SMALL = {"and", "for", "in", "of", "on", "or", "the", "to", "with"}
_HYPHENATED = {"anti", "by", "in", "multi", "non", "pre", "x"}
# Deposits, donations, key rings and the like: no goods that a shop would name to a customer.
_NO_GOODS = (
    "BOTTLE DEPOSITS",
    "CONTINUITIES",
    "COUPON",
    "COUPON/MISC ITEMS",
    "DELI SUPPLIES",
    "MEAT SUPPLIES",
    "MISC SALES TRANS",
    "PROD SUPPLIES",
)


def name_product(product_type: str | None, category: str | None) -> str | None:
    """Return the display name of a product type within its category; null if neither says what the product is."""
    names = _hand_written_names()
    if product_type and (name := names.get((product_type, category or "")) or names.get((product_type, ""))):
        return name
    if category in _NO_GOODS or product_type in _NO_GOODS:
        return None
    cleaned = clean(product_type or "")
    if category and cleaned and any(map(_is_unreadable, re.split(r"[ ,-]+", cleaned))):
        return name_category(category)
    if category and all(word.lower() in _ADJECTIVES for word in (cleaned or "").split()):
        words = [*(cleaned or "").split(), *(name_category(category) or "").split()]
        return " ".join(dict.fromkeys(words)) or None
    return cleaned


def name_category(category: str) -> str | None:
    """Return the name of a category, which is the aisle of its products; null if it says nothing."""
    return _hand_written_names().get(("", category)) or clean(category)


def clean(code: str) -> str | None:
    """Spell out a code of the shop by rule; null if no word remains."""
    text = re.sub(r"\([^)]*\)?", " ", code)
    if len(code) >= _WIDTH and "(" not in code and len(text.split()) > 1:
        text = _without_cut_word(text)
    text = re.sub(r"\s*[&/]\s*(?:ALL )?OTHERS?$", "", text.strip())
    text = _with_kind_last(text.replace("VALUE ADDED", "PREPARED").replace("W/O", "WITHOUT").replace("N/CARB", "NCARB"))
    text = re.sub(r"\b(\w{3,}) S\b(?! ?[&/])", r"\1'S", text)
    text = re.sub(r"\s*[&/+]\s*", " & ", text)
    text = re.sub(r"(?<!\w)-+|-+(?!\w)|[^\w\s&'-]|_", " ", text)
    words = [_spell_out(word) for word in text.split()]
    phrase = re.sub(r"(?:\band\b\s*)+", "and ", " ".join(filter(None, words))).strip()
    phrase = re.sub(r"^(?:(?:and|with|of)\b\s*)+|(?:\s+(?:and|with|of))+$", "", phrase)
    phrase = re.sub(r"\b(\w+)( \1\b)+", r"\1", phrase)
    parts = phrase.split(" and ")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else parts) or None


@cache
def _hand_written_names() -> dict[tuple[str, str], str]:
    """The names of `product_names.csv` by product type and category; the category "" stands for all."""
    text = files(__name__.rpartition(".")[0]).joinpath(_HAND_WRITTEN).read_text("utf-8")
    return {
        (row["product_type"], row["product_category"]): row["display_name"] for row in csv.DictReader(text.splitlines())
    }


def _without_cut_word(text: str) -> str:
    """Drop the last word of a text that fills the width, unless the word is known to be whole."""
    last = re.split(r"[\s/&:-]+", text.strip())[-1]
    if last in _WORDS or last.title() in _whole_words():
        return text
    return text.strip().removesuffix(last).rstrip(" /&:-") or text


@cache
def _whole_words() -> frozenset[str]:
    """The words of the hand-written names and of the abbreviations, which are no pieces of words."""
    names = (*_hand_written_names().values(), *_WORDS.values())
    return frozenset(word for name in names for word in name.split())


def _with_kind_last(text: str) -> str:
    kind, colon, rest = (part.strip() for part in text.partition(":"))
    if not colon or not rest:
        first, *others = re.sub(r"(?<=\w)-(?=\w)", " ", text).split() or [""]
        return " ".join([*others, first]) if first in _KINDS_FIRST and others and "/" not in text else text
    if kind in _KINDS_DROPPED or kind.rstrip("S") in rest:
        return rest
    return f"{rest} {kind}"


def _is_unreadable(word: str) -> bool:
    return word not in _WORDS.values() and (len(word) == 1 or not re.search(r"[aeiouy]", word, re.IGNORECASE))


def _spell_out(word: str) -> str:
    if word == "&":
        return "and"
    if word in _WORDS:
        return _WORDS[word]
    if "-" in word:
        first, *others = word.split("-")
        joint = "-" if first.lower() in _HYPHENATED else " "
        spelled = joint.join(filter(None, map(_spell_out, (first, *others))))
        return spelled[:1].upper() + spelled[1:]
    if any(character.isdigit() for character in word) or not any(character.isalpha() for character in word):
        return ""
    return word.lower() if word.lower() in _SMALL else word[:1].upper() + word[1:].lower()
