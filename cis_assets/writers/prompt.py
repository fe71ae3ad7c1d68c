"""The prompt of the model and the schema of its answer. Sending requests does not belong here (see `openai`).

The prompt describes a context, without customer, product name or discount. A change of its text needs a new
PROMPT_VERSION.
"""

from pydantic import BaseModel, Field

from cis_assets.notifications.offer_terms import describe_terms
from cis_assets.notifications.slots import LONGEST_WEEKDAY
from cis_assets.notifications.wording import HABIT_TONES, CopyContext, CopyRequest

PROMPT_VERSION = "prompt-3"

INSTRUCTIONS = """\
You write push notifications for an online grocery shop: warm, short, true, in American English. You get one context
and write the number of versions asked for, each a title and a body. Versions differ in idea and rhythm, not in a word.

Facts are slots in braces, which the shop fills in later. The only slots are:
{product}: the name of one product the customer bought before
{weekday}: the weekday on which the message is sent and read, such as Tuesday
{daypart}: morning, afternoon or evening, when the message is sent and read
{offer}: the shop's own words for the offer of the context, such as "ten percent off" in figures; only with an offer

Rules:
- The body names {product} exactly once, names the day or the part of the day, and asks for one thing: to order.
- If the context has an offer, the body uses {offer} exactly once. If it is a percentage off the product alone, {offer}
  stands right before or after {product}, as in "Enjoy {offer} {product} this {weekday}.".
- Any other offer says in its own words what it is on and when it counts. Then {offer} stands at the end of a sentence, as
  in "Restock {product} this {weekday} with {offer}.", never right before {product}, and nothing says what it is on.
- A body with {offer} has plain words only ("Get", "Enjoy", "Add to your cart", "with"). No sentence says what the offer is
  on or when it counts: no "all", "every", "any", "only", "alone", "too", "also", "no minimum".
- A slot stands at most once in a text. Never write any other braces.
- {product} may be singular, plural or neither, so write nothing that must agree with it: no "a {product}", no
  "{product} is" or "{product} are", no "it" or "them" for it. Write "your {product}", "Enjoy {product}".
- No digits, no numbers as amounts, no percent or currency signs, no emoji, no links, no line breaks, no capitals for
  emphasis, at most one exclamation mark. Latin letters and plain punctuation only.
- Claim nothing that you cannot know. No word of discounts, savings, prices, deals, gifts or anything free; no
  guarantees; no urgency, stock or deadlines; no delivery; no health or quality claims; no season, holiday or weather.
- Never write the name of a weekday; use {weekday}. Do not mention a part of the day other than the context's.
"""

_OCCASIONS = {
    "restock": "by the customer's usual rhythm this product is about due again",
    "usual_day": "the message goes out on the weekday on which the customer usually orders",
    "win_back": "the customer has not ordered for a good while; no reproach, no pressure",
}
_TONES = {
    "warm": "warm and homely",
    "brisk": "brisk and practical, few words",
    "inviting": "inviting; the customer is fairly new",
    "gentle": "gentle and unhurried",
}


class ModelWording(BaseModel):
    """One wording in the answer of the model."""

    title: str = Field(description="The title, with slots.")
    body: str = Field(description="The body, with slots.")


class ModelAnswer(BaseModel):
    """The schema of the structured output."""

    versions: list[ModelWording]


def question(request: CopyRequest) -> str:
    """The context and the task as text; after a refused answer also the reasons."""
    policy, daypart = request.policy, request.context.daypart
    lines = [
        *_context_lines(request.context),
        "",
        f"Length with slots filled: titles up to {policy.title_max_length} characters, bodies up to "
        f"{policy.message_max_length}. Count {policy.product_name_max_length} characters for the product, "
        f"{len(LONGEST_WEEKDAY)} for the weekday, {len(daypart)} for the daypart, {request.context.offer_length(policy)} for the offer. "
        "Shorter is better.",
        f"Versions to write: {request.variants}",
    ]
    if request.taken:
        lines += ["", "There already are these versions; write different ones:"]
        lines += [f"- {wording.title} / {wording.body}" for wording in request.taken]
    if request.reasons:
        lines += ["", "Your last answer could not be used, or not all of it:"]
        lines += [f"- {reason}" for reason in request.reasons]
    return "\n".join(lines)


def _describe_offer(context: CopyContext) -> str:
    if not context.has_offer:
        return "none, so {offer} must not be used"
    return f"{describe_terms(context.terms)}, so the body must use {{offer}}"


def _context_lines(context: CopyContext) -> list[str]:
    habit = (
        'The product is the customer\'s favorite; "your favorite" and "usual" are true.'
        if context.tone in HABIT_TONES
        else "Do not call the product a favorite, usual or regular: that is not known."
    )
    return [
        f"Department of the product: {context.department}",
        f"Occasion: {context.occasion.replace('_', ' ')} ({_OCCASIONS[context.occasion]})",
        f"Part of the day: {context.daypart}",
        f"Tone: {_TONES[context.tone]}",
        f"Offer: {_describe_offer(context)}",
        habit,
    ]
