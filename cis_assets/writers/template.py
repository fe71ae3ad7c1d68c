"""The template writer: composes words from phrases, seeded, with no model and no network.

It writes by default, and takes over wherever a model's words could not be used. Belongs here: which phrases suit a
context, how they are joined, which combination a version gets. Does not belong here: the phrases (`phrases`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.slots import longest_length
from cis_assets.notifications.wording import CopyAnswer, CopyContext, CopyRequest, Words
from cis_assets.writers import phrases

GENERATOR = "template"
_LONGEST_BODY = 112
"""With the longest values in its slots; with a product name of usual length that is about 105 characters."""
_ROOMY = _LONGEST_BODY
_WHEN = frozenset({"{weekday}", "{daypart}"})
_CHATTY_TONES = ("warm", "inviting")
_SMALL_WORDS = frozenset(re.findall(r"\w+", "a an and at be by for in is it just of on our the to up with you your"))


@dataclass(frozen=True)
class Composition:
    """A title, an opening and an ask that go together; the ask is empty where the opening asks by itself."""

    title: str
    opening: str
    ask: str

    @property
    def words(self) -> Words:
        return Words(self.title, f"{self.opening} {self.ask}".rstrip())


class TemplateWriter:
    """Composes words for a context; the same seed and context always give the same words."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """As many versions as each request asks for, no two with the same body, none that is taken."""
        return [
            CopyAnswer(tuple(self._choose(request)), generator=GENERATOR, prompt_version=phrases.PHRASES_VERSION)
            for request in requests
        ]

    def _choose(self, request: CopyRequest) -> list[Words]:
        pool = sorted(compositions(request.context, request.policy), key=lambda one: self._place(request.context, one))
        bodies = {words.body for words in request.taken}
        chosen: list[Composition] = []
        while len(chosen) < request.versions:
            fresh = [one for one in pool if one.words.body not in bodies]
            if not fresh:
                break
            # The first of the least familiar: versions should differ in every part while the phrases last.
            chosen.append(min(fresh, key=lambda one: _familiarity(one, chosen)))
            bodies.add(chosen[-1].words.body)
        return [one.words for one in chosen]

    def _place(self, context: CopyContext, composition: Composition) -> bytes:
        text = "\x1f".join((str(self._seed), context.key, *composition.words.__dict__.values()))
        return hashlib.blake2b(text.encode(), digest_size=8).digest()


def compositions(context: CopyContext, policy: NotificationPolicy) -> Iterator[Composition]:
    """Every combination of phrases that suits the context and fits the policy."""
    group = phrases.GROUPS.get(context.department)
    place = phrases.PLACES.get(group or "", phrases.ANY_PLACE)

    def fits(text: str, longest: int) -> bool:
        return longest_length(text, policy.product_name_max_length, context.daypart) <= longest

    longest_body = min(policy.message_max_length, _LONGEST_BODY)
    bodies = [*_bodies(context, group), *_short_bodies(context, policy)]
    bodies = [(opening.replace("<place>", place), ask) for opening, ask in bodies]
    bodies = [(opening, ask) for opening, ask in bodies if fits(f"{opening} {ask}".rstrip(), longest_body)]
    titles = [title for title in _titles(context) if fits(title, policy.title_max_length)]
    for title, (opening, ask) in product(titles, bodies):
        one = Composition(title, opening, ask)
        if _goes_together(one):
            yield one


def _titles(context: CopyContext) -> Sequence[str]:
    return phrases.OFFER_TITLES[context.tone] if context.has_offer else phrases.TITLES[context.occasion, context.tone]


def _bodies(context: CopyContext, group: str | None) -> Iterator[tuple[str, str]]:
    """Pairs of an opening and an ask."""
    if context.has_offer:
        openings, whole = phrases.OFFER_OPENINGS[context.tone], phrases.OFFER_WHOLE_BODIES[context.tone]
    else:
        occasion = (context.occasion, context.tone)
        openings, whole = phrases.OPENINGS[occasion], phrases.WHOLE_BODIES[occasion]
        if context.tone in _CHATTY_TONES:
            openings = (*openings, *phrases.GROUP_OPENINGS.get(group or "", ()))
    yield from product(openings, phrases.ASKS[context.tone])
    yield from ((body, "") for body in whole)


def _short_bodies(context: CopyContext, policy: NotificationPolicy) -> Iterator[tuple[str, str]]:
    if policy.message_max_length < _ROOMY:
        yield from ((body, "") for body in (phrases.SHORT_OFFER_BODIES if context.has_offer else phrases.SHORT_BODIES))


def _goes_together(one: Composition) -> bool:
    """Whether the body names the day or its part, and nothing is said twice."""
    title, opening, ask = _content(one.title), _content(one.opening), _content(one.ask)
    says_when = not _WHEN.isdisjoint(opening | ask)
    return says_when and title.isdisjoint(opening) and title.isdisjoint(ask) and opening.isdisjoint(ask)


@cache
def _content(text: str) -> frozenset[str]:
    """The slots and the words of a text that a reader would notice twice."""
    return frozenset(re.findall(r"\{\w+\}|[a-z']+", text.lower())) - _SMALL_WORDS


def _familiarity(one: Composition, chosen: Sequence[Composition]) -> int:
    """How many parts of a composition the chosen ones have already; the opening counts most."""
    return sum(
        4 * (one.opening == other.opening) + 2 * (one.title == other.title) + (one.ask != "" and one.ask == other.ask)
        for other in chosen
    )
