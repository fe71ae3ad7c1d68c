"""The phrases of the template writer: wording only; `template` selects and joins them.

A body is an opening, which names {product}, and an ask. An opening in `WHOLE_BODIES` needs no ask. Product names may
be singular, plural or neither ("Everyday Napkins", "Whole Milk"). No article precedes {product}, no verb agrees with
it, and no "it" or "them" refers to it. <place> becomes the place where a department's products are kept. Only the
tones warm and brisk mention a habit ("favorite", "usual"). Statements about a day are true on the send date only. An
offer is on the product alone, except in `TERMS_BODIES`.
"""

from collections.abc import Mapping

PHRASES_VERSION = "phrases-3"

GROUPS: Mapping[str, str] = {
    "produce": "produce",
    "dairy eggs": "chilled",
    "deli": "chilled",
    "meat seafood": "chilled",
    "bakery": "bakery",
    "breakfast": "breakfast",
    "beverages": "drinks",
    "snacks": "snacks",
    "frozen": "frozen",
    "pantry": "pantry",
    "dry goods pasta": "pantry",
    "canned goods": "pantry",
    "bulk": "pantry",
    "international": "pantry",
    "household": "household",
    "personal care": "care",
    "babies": "babies",
    "pets": "pets",
}
"""Department -> the group whose phrases it uses; other departments use general phrases."""

PLACES: Mapping[str, str] = {
    "produce": "kitchen",
    "chilled": "fridge",
    "bakery": "kitchen",
    "breakfast": "kitchen",
    "drinks": "kitchen",
    "snacks": "snack shelf",
    "frozen": "freezer",
    "pantry": "pantry",
    "household": "cupboard",
    "care": "shelf",
    "babies": "cupboard",
    "pets": "cupboard",
}
ANY_PLACE = "shelf"

ASKS: Mapping[str, tuple[str, ...]] = {
    "warm": (
        "Order in just a tap.",
        "Your cart is just a tap away.",
        "Order whenever it suits you.",
        "Tap to add to your cart.",
        "Place your order this {daypart}.",
        "Enjoy the convenience and order now.",
    ),
    "brisk": (
        "Tap to reorder.",
        "Reorder in a tap.",
        "Order now and carry on.",
        "Add to cart and go.",
        "Order this {daypart}.",
        "A tap and you're set.",
    ),
    "inviting": (
        "Take a look and start your cart.",
        "Tap to start your order.",
        "Your cart is ready when you are.",
        "Start your cart this {daypart}.",
        "Order in just a tap.",
        "Come and have a look.",
    ),
    "gentle": (
        "Your cart is ready when you are.",
        "Order again whenever it suits you.",
        "Tap to pick up where you left off.",
        "No rush, a tap is all it takes.",
        "Take a look this {daypart}.",
        "Tap to start your order.",
    ),
}

OPENINGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("restock", "warm"): (
        "Running low on {product}?",
        "Is it time to restock {product}?",
        "Around now you usually pick up {product}.",
        "Time to bring your favorite {product} back to your <place> this {weekday}.",
        "This {weekday} could be the day to restock your favorite {product}.",
        "Having {product} at home could make {weekday} easier.",
        "Your <place> might be missing {product} this {weekday}.",
    ),
    ("restock", "brisk"): (
        "Low on {product}?",
        "Time to restock {product}.",
        "Quick {weekday} restock: {product}.",
        "Your usual {product}, due about now.",
        "Next on your list this {weekday}: {product}.",
        "Restock {product} this {weekday}.",
        "{weekday} top-up: {product}.",
    ),
    ("restock", "inviting"): (
        "Ready for {product} again this {weekday}?",
        "Could your <place> use {product} this {weekday}?",
        "Thinking of {product} again this {weekday}?",
        "Is there room in your <place> for {product}?",
        "Would {product} be handy this {weekday}?",
        "It could be time for {product} again.",
    ),
    ("usual_day", "warm"): (
        "It's {weekday}, and {product} would fit right in.",
        "Make your usual {weekday} order a good one with {product}.",
        "Start your {weekday} list with your favorite {product}.",
        "A good {weekday} {daypart} could begin with {product} on the list.",
        "Your {weekday} shop, with your favorite {product} at the top of the list.",
        "Your usual essentials are a tap away this {weekday} {daypart}, {product} first.",
        "Happy {weekday}! Your favorite {product} would be a lovely start to the list.",
    ),
    ("usual_day", "brisk"): (
        "{weekday} order? Start with {product}.",
        "Your {weekday} usual: {product}.",
        "First on the {weekday} list: {product}.",
        "{weekday} {daypart}, time to shop. Put {product} on the list.",
        "{product} for {weekday}?",
        "Your favorite {product}, right on time for {weekday}.",
    ),
    ("usual_day", "inviting"): (
        "How about {product} this {weekday}?",
        "{weekday} looks like a good day for {product}.",
        "Care for {product} this {weekday} {daypart}?",
        "Say hello to {weekday} with {product}.",
        "Let {product} be part of your {weekday}.",
        "Planning your {weekday} shop? Think of {product}.",
    ),
    ("win_back", "gentle"): (
        "It's been a while. How about {product} this {weekday}?",
        "{product} could be back in your <place> this {weekday}.",
        "Remember {product}? This {weekday} could be a nice time to stock up again.",
        "For whenever you are ready this {weekday}: {product}.",
        "A quiet {weekday} {daypart} could be just right for bringing {product} home again.",
        "Thinking of {product} again? This {weekday} could be the day.",
        "We'd love to help you stock up again, starting with {product}.",
        "Hello again. Would {product} be a good place to start this {weekday}?",
    ),
}

WHOLE_BODIES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("restock", "warm"): (
        "Restock gently and get your favorite {product} back into your <place> this {daypart}.",
        "Keep the good things close: top up on your favorite {product} this {weekday}.",
        "Take a minute this {daypart} to bring {product} back to your <place>.",
    ),
    ("restock", "brisk"): (
        "Top up on {product} this {daypart} and carry on.",
        "Restock {product} in a tap this {weekday} {daypart}.",
        "Put {product} back in your <place> this {weekday}.",
    ),
    ("restock", "inviting"): (
        "Bring {product} home again this {weekday} {daypart}.",
        "Add {product} to your cart again this {daypart} and see what else you need.",
    ),
    ("usual_day", "warm"): (
        "{weekday} {daypart} is a great time to add {product} to your cart.",
        "Settle into your {weekday} {daypart} and put your favorite {product} in the cart.",
        "Let this {weekday} begin well: add {product} to your cart now.",
    ),
    ("usual_day", "brisk"): (
        "Add {product} to your {weekday} order and carry on.",
        "Get {product} into your cart this {daypart}.",
    ),
    ("usual_day", "inviting"): (
        "Treat this {weekday} to {product} and add whatever else sounds good.",
        "Start a small {weekday} order with {product} this {daypart}.",
    ),
    ("win_back", "gentle"): (
        "Ease back in this {daypart} with {product} in your cart.",
        "Welcome {product} back to your <place> this {weekday}.",
        "Start small this {weekday}: get {product}, and whatever else you need.",
    ),
}

GROUP_OPENINGS: Mapping[str, tuple[str, ...]] = {
    "produce": (
        "Something fresh for your {weekday}: {product}.",
        "Put something fresh on the table this {daypart}: {product}.",
        "A little color for your {weekday}: {product}.",
    ),
    "chilled": (
        "Keep the fridge happy this {weekday} with {product}.",
        "Make room in the fridge this {weekday} for {product}.",
        "Your fridge could use {product} this {weekday}.",
    ),
    "bakery": (
        "Something baked for your {weekday}: {product}.",
        "Bring the bakery home this {weekday} with {product}.",
        "Treat the table to {product} this {weekday}.",
    ),
    "breakfast": (
        "Set a happy breakfast table with {product} this {weekday}.",
        "Something good for the breakfast table: {product}.",
        "Better breakfasts begin with {product} on the list.",
    ),
    "drinks": (
        "Refresh your {weekday} with a good sip of {product}.",
        "Pour yourself a good {weekday} with {product}.",
        "Something good to sip this {weekday}: {product}.",
    ),
    "snacks": (
        "A little treat for your {weekday}: {product}.",
        "Make room for a snack break this {daypart} with {product}.",
        "Treat your {weekday} {daypart} to {product}.",
    ),
    "frozen": (
        "Keep your {weekday} easy with {product} in the freezer.",
        "Tuck {product} into the freezer this {weekday}.",
        "An easy {weekday} could start in the freezer, with {product}.",
    ),
    "pantry": (
        "Refresh your pantry this {weekday} with {product}.",
        "Make {weekday} cooking easy with {product} in the pantry.",
        "Time to refresh your pantry! Begin with {product} this {daypart}.",
    ),
    "household": (
        "Keep the house running smoothly this {weekday} with {product}.",
        "Cross {product} off the list this {weekday}.",
        "One less errand this {weekday}: {product}.",
    ),
    "care": (
        "Take good care of yourself this {weekday}, starting with {product}.",
        "A little self-care for your {weekday}: {product}.",
        "Keep {product} within reach this {weekday}.",
    ),
    "babies": (
        "Stay a step ahead this {weekday} with {product} for your little one.",
        "Little ones keep you busy. Let {product} be the easy part of {weekday}.",
        "Make family time easier this {daypart} with {product} at home.",
    ),
    "pets": (
        "Someone at home might be hoping for {product} this {weekday}.",
        "Keep your furry friend happy this {weekday} with {product}.",
        "A happy {weekday} for the whole pack: {product}.",
    ),
}

OFFER_OPENINGS: Mapping[str, tuple[str, ...]] = {
    "warm": (
        "Enjoy {offer} {product} this {weekday}.",
        "Bring home your favorite {product} this {weekday} with {offer}.",
        "A little something for your {weekday}: {offer} your favorite {product}.",
        "Good news this {weekday}: {offer} {product}.",
        "There's {offer} {product} this {weekday} {daypart}.",
        "A nice touch for your {weekday}: {offer} {product}.",
    ),
    "brisk": (
        "{offer} {product} this {weekday}.",
        "This {weekday}: {offer} {product}.",
        "Get {offer} {product} this {daypart}.",
        "Your usual {product}, with {offer} this {weekday}.",
        "Restock {product} with {offer} this {daypart}.",
        "{weekday} list: {product}, {offer}.",
    ),
    "inviting": (
        "How about {product} with {offer} this {weekday}?",
        "This {weekday} brings {offer} {product}.",
        "Care for {offer} {product} this {weekday}?",
        "Say hello to {weekday} with {offer} {product}.",
        "A small surprise for your {weekday}: {offer} {product}.",
        "Enjoy {offer} {product} this {daypart}.",
    ),
    "gentle": (
        "It's been a while. Enjoy {offer} {product} this {weekday}.",
        "Come back to {product} with {offer} this {weekday}.",
        "Ease back in this {daypart} with {offer} {product}.",
        "Hello again. There's {offer} {product} this {weekday}.",
        "For your return this {weekday}: {offer} {product}.",
        "This {weekday} could be a nice time to return: {offer} {product}.",
    ),
}

OFFER_WHOLE_BODIES: Mapping[str, tuple[str, ...]] = {
    "warm": (
        "Treat yourself this {daypart} and get {offer} your favorite {product}.",
        "Get your favorite {product} and enjoy {offer} this {weekday}. Order in just a tap.",
    ),
    "brisk": ("Shop {offer} {product} {weekday}.", "Add {product} to your cart this {daypart}, with {offer}."),
    "inviting": (
        "Shop {offer} {product} this {weekday}.",
        "Start your {weekday} cart with {offer} {product}.",
    ),
    "gentle": (
        "Find {offer} {product} this {weekday}.",
        "Come and see this {daypart}: {offer} {product}, ready to add to your cart.",
    ),
}

TERMS_BODIES = (
    "Restock {product} {weekday} with {offer}.",
    "Enjoy {product} this {weekday} with {offer}.",
    "Get {product} this {daypart} with {offer}.",
    "{weekday}: {product} with {offer}.",
    "Add {product} this {daypart}, with {offer}.",
    "Order {product} this {weekday} with {offer}.",
    "This {weekday}: {product} with {offer}.",
    "Find {product} this {daypart} with {offer}.",
    "Shop {product} this {weekday} with {offer}.",
    "{weekday} list: {product}, with {offer}.",
    "Pick up {product} {weekday} with {offer}.",
    "This {daypart}: {product}, with {offer}.",
    "Bring {product} home {weekday} with {offer}.",
    "Put {product} on the list with {offer} {weekday}.",
)
"""For offers with terms. The words of such an offer are long, and say themselves what it is on and when it counts."""

SHORT_BODIES = (
    "Order {product} this {weekday}.",
    "Get {product} this {daypart}.",
    "Tap for {product} this {weekday}.",
    "Put {product} on the {weekday} list.",
    "Pick up {product} this {weekday}.",
    "Bring {product} home this {daypart}.",
    "Say yes to {product} this {daypart}.",
    "Shop for {product} this {weekday}.",
    "{product} for {weekday}? Tap to add.",
    "Make {weekday} good: get {product}.",
    "{weekday} {daypart}: get {product}.",
    "Add {product} this {weekday}.",
)
"""For message lengths that leave no room for the usual bodies."""

SHORT_OFFER_BODIES = (
    "Get {offer} {product} this {weekday}.",
    "Tap for {offer} {product} this {daypart}.",
    "Shop {offer} {product} this {weekday}.",
    "Order {product} with {offer} {weekday}.",
    "Enjoy {offer} {product} this {daypart}.",
    "{weekday}: get {product} with {offer}.",
    "Pick up {offer} {product} this {weekday}.",
    "Take {offer} {product} this {weekday}.",
    "Find {offer} {product} this {daypart}.",
    "{product} this {weekday}? Enjoy {offer}.",
    "Order {offer} {product} this {daypart}.",
)

TITLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("restock", "warm"): (
        "A gentle reminder",
        "A friendly nudge",
        "Good {daypart}!",
        "Back on the list?",
        "Stock up for {weekday}",
        "Just in time",
    ),
    ("restock", "brisk"): ("On your list", "Restock?", "All out?", "{weekday} top-up", "Quick check", "Just a tap"),
    ("restock", "inviting"): (
        "A thought for {weekday}",
        "Hello, {weekday}",
        "Good {daypart}!",
        "Something missing?",
        "Stocking up?",
        "Need anything?",
    ),
    ("usual_day", "warm"): (
        "Your {weekday} shop",
        "Happy {weekday}!",
        "Good {daypart}!",
        "{weekday} is here",
        "Your shopping day",
        "Made for today",
    ),
    ("usual_day", "brisk"): (
        "{weekday} list",
        "Shopping day",
        "List ready?",
        "{weekday}, sorted",
        "Today's order",
        "Quick shop?",
    ),
    ("usual_day", "inviting"): (
        "Hello, {weekday}",
        "A thought for {weekday}",
        "Good {daypart}!",
        "Something nice?",
        "Today's idea",
        "Any plans for today?",
    ),
    ("win_back", "gentle"): (
        "Whenever you're ready",
        "A warm hello",
        "Good {daypart}!",
        "We've missed you",
        "Hello again",
        "Take your time",
    ),
}

OFFER_TITLES: Mapping[str, tuple[str, ...]] = {
    "warm": (
        "Something for {weekday}",
        "A favorite, {offer}",
        "Good {daypart}!",
        "Look what we found",
        "A {weekday} surprise",
        "Today's find",
    ),
    "brisk": (
        "On your list, {offer}",
        "{weekday} pick",
        "Worth a tap",
        "Quick one",
        "Today's pick",
        "A favorite, {offer}",
    ),
    "inviting": (
        "Worth a look: {offer}",
        "Good {daypart}!",
        "Look what we found",
        "Today's idea",
        "Hello, {weekday}",
        "Something for {weekday}",
    ),
    "gentle": (
        "A warm hello",
        "Hello again",
        "Good {daypart}!",
        "We've missed you",
        "Something you know, {offer}",
        "Something for {weekday}",
    ),
}
