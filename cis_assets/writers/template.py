"""The template writer composes copy from phrases (`phrases`), seeded, without a model or a network.

It is the default writer, and the fallback for unusable copy of a model.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.slots import longest_length
from cis_assets.notifications.wording import CopyAnswer, CopyContext, CopyRequest, Wording
from cis_assets.writers import phrases

GENERATOR = "template"
_LONGEST_BODY = 112
"""With the longest values in its slots; about 105 characters with a product name of usual length."""
_WHEN = frozenset({"{weekday}", "{daypart}"})
_CHATTY_TONES = ("warm", "inviting")
_SMALL_WORDS = frozenset(re.findall(r"\w+", "a an and at be by for in is it just of on our the to up with you your"))


@dataclass(frozen=True)
class Composition:
    """A title, an opening and an ask. The ask is empty if the opening needs none."""

    title: str
    opening: str
    ask: str

    @property
    def wording(self) -> Wording:
        return Wording(self.title, f"{self.opening} {self.ask}".rstrip())


class TemplateWriter:
    """Composes copy for a context; equal seeds and contexts give equal copy."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """Return as many wordings as each request asks for, all with different bodies that are not taken yet."""
        return [
            CopyAnswer(tuple(self._choose(request)), generator=GENERATOR, prompt_version=phrases.PHRASES_VERSION)
            for request in requests
        ]

    def _choose(self, request: CopyRequest) -> list[Wording]:
        pool = sorted(compositions(request.context, request.policy), key=lambda one: self._hash(request.context, one))
        bodies = {taken.body for taken in request.taken}
        chosen: list[Composition] = []
        while len(chosen) < request.variants:
            fresh = [one for one in pool if one.wording.body not in bodies]
            if not fresh:
                break
            # The first of the least familiar, so variants differ in every part while phrases last.
            chosen.append(min(fresh, key=lambda one: _familiarity(one, chosen)))
            bodies.add(chosen[-1].wording.body)
        return [one.wording for one in chosen]

    def _hash(self, context: CopyContext, composition: Composition) -> bytes:
        text = "\x1f".join((str(self._seed), context.key, *composition.wording.__dict__.values()))
        return hashlib.blake2b(text.encode(), digest_size=8).digest()


def compositions(context: CopyContext, policy: NotificationPolicy) -> Iterator[Composition]:
    """Every combination of phrases that matches the context and fits the policy."""
    group = phrases.GROUPS.get(context.department)
    place = phrases.PLACES.get(group or "", phrases.ANY_PLACE)

    def fits(text: str, longest: int) -> bool:
        offer = context.offer_length(policy)
        return longest_length(text, policy.product_name_max_length, context.daypart, offer) <= longest

    longest_body = min(policy.message_max_length, _LONGEST_BODY)
    bodies = [(opening.replace("<place>", place), ask) for opening, ask in _list_bodies(context, group)]
    if policy.message_max_length < _LONGEST_BODY and not context.terms:
        bodies += [(body, "") for body in (phrases.SHORT_OFFER_BODIES if context.has_offer else phrases.SHORT_BODIES)]
    bodies = [(opening, ask) for opening, ask in bodies if fits(f"{opening} {ask}".rstrip(), longest_body)]
    titles = phrases.OFFER_TITLES[context.tone] if context.has_offer else phrases.TITLES[context.occasion, context.tone]
    # The body says an offer with terms, once.
    fitting = [
        title for title in titles if fits(title, policy.title_max_length) and not (context.terms and "{offer}" in title)
    ]
    for title, (opening, ask) in product(fitting, bodies):
        one = Composition(title, opening, ask)
        if _is_consistent(one):
            yield one


def _list_bodies(context: CopyContext, group: str | None) -> Iterator[tuple[str, str]]:
    """Pairs of an opening and an ask."""
    if context.terms:
        openings, whole = (), phrases.TERMS_BODIES
    elif context.has_offer:
        openings, whole = phrases.OFFER_OPENINGS[context.tone], phrases.OFFER_WHOLE_BODIES[context.tone]
    else:
        occasion = (context.occasion, context.tone)
        openings, whole = phrases.OPENINGS[occasion], phrases.WHOLE_BODIES[occasion]
        if context.tone in _CHATTY_TONES:
            openings = (*openings, *phrases.GROUP_OPENINGS.get(group or "", ()))
    yield from product(openings, phrases.ASKS[context.tone])
    yield from ((body, "") for body in whole)


def _is_consistent(one: Composition) -> bool:
    """Whether the body names the weekday or daypart, and no word is repeated between the parts."""
    title, opening, ask = _list_content(one.title), _list_content(one.opening), _list_content(one.ask)
    says_when = not _WHEN.isdisjoint(opening | ask)
    return says_when and title.isdisjoint(opening) and title.isdisjoint(ask) and opening.isdisjoint(ask)


@cache
def _list_content(text: str) -> frozenset[str]:
    """The slots and significant words of a text."""
    return frozenset(re.findall(r"\{\w+\}|[a-z']+", text.lower())) - _SMALL_WORDS


def _familiarity(one: Composition, chosen: Sequence[Composition]) -> int:
    """How much of a composition the chosen ones already use; the opening has the largest weight."""
    return sum(
        4 * (one.opening == other.opening) + 2 * (one.title == other.title) + (one.ask != "" and one.ask == other.ask)
        for other in chosen
    )
