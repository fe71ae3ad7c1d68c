"""The template writer: varied, seeded, and never refused by the validator."""

from __future__ import annotations

from itertools import product

import pytest

from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.validator import validate
from cis_assets.notifications.wording import DAYPARTS, CopyContext, CopyRequest, Wording
from cis_assets.writers import phrases
from cis_assets.writers.template import TemplateWriter, compositions

MANNERS = [("restock", tone) for tone in ("warm", "brisk", "inviting")]
MANNERS += [("usual_day", tone) for tone in ("warm", "brisk", "inviting")]
MANNERS += [("win_back", "gentle")]
DEPARTMENTS = [*phrases.GROUPS, "alcohol", "missing"]
ONE_DEPARTMENT_OF_EACH_GROUP = {
    *{group: department for department, group in phrases.GROUPS.items()}.values(),
    "missing",
}
DEFAULT = NotificationPolicy()
SHORTEST = NotificationPolicy(message_max_length=60)


def context(department: str, occasion: str, tone: str, daypart: str, has_offer: bool, terms: str = "") -> CopyContext:
    offer = terms or ("offer" if has_offer else "plain")
    return CopyContext(
        "|".join((department, occasion, daypart, tone, offer)), department, occasion, daypart, tone, has_offer, terms
    )


CONTEXTS = [
    context(d, *manner, daypart, o) for d, manner, daypart, o in product(DEPARTMENTS, MANNERS, DAYPARTS, (False, True))
]
TERMS = [
    f"{scope} {kind}{condition}"
    for scope, kind, condition in product(("product", "department", "order"), ("amount", "coupon"), ("", " minimum"))
]
WITH_TERMS = [
    context("produce", *manner, daypart, True, terms) for manner, daypart, terms in product(MANNERS, DAYPARTS, TERMS)
]


def test_an_offer_with_terms_has_as_many_valid_versions_as_can_be_asked_for() -> None:
    for one in WITH_TERMS:
        wordings = words(one, versions=10)
        assert len({each.body for each in wordings}) == 10
        assert [reason for each in wordings for reason in validate(each, one, DEFAULT)] == []
        assert all("{offer} {product}" not in each.body and "{offer}" not in each.title for each in wordings)


def words(one: CopyContext, versions: int = 3, seed: int = 7, taken: tuple[Wording, ...] = ()) -> tuple[Wording, ...]:
    [answer] = TemplateWriter(seed).write([CopyRequest(one, versions, DEFAULT, taken=taken)])
    return answer.wordings


@pytest.fixture(scope="module")
def written() -> dict[CopyContext, tuple[Wording, ...]]:
    """Three versions for every context."""
    return {one: words(one) for one in CONTEXTS}


@pytest.mark.parametrize("daypart", DAYPARTS)
@pytest.mark.parametrize("policy", [DEFAULT, SHORTEST], ids=["usual length", "shortest length"])
def test_nothing_that_can_be_composed_is_refused(policy: NotificationPolicy, daypart: str) -> None:
    for one in CONTEXTS:
        if one.daypart == daypart and one.department in ONE_DEPARTMENT_OF_EACH_GROUP:
            possible = [composition.wording for composition in compositions(one, policy)]
            # Title and body are judged apart, so every title with one body and every body with one title are enough.
            titles = {each.title: each for each in possible}.values()
            bodies = {each.body: each for each in possible}.values()
            for each in (*titles, *bodies):
                assert validate(each, one, policy) == (), f"{one.key}: {each}"


@pytest.mark.parametrize("policy", [DEFAULT, SHORTEST], ids=["usual length", "shortest length"])
def test_every_context_has_ten_different_bodies(policy: NotificationPolicy) -> None:
    for one in CONTEXTS:
        assert len({composition.wording.body for composition in compositions(one, policy)}) >= 10, one.key


def test_every_message_names_a_day_or_a_part_of_the_day(written: dict[CopyContext, tuple[Wording, ...]]) -> None:
    for versions in written.values():
        assert all("{weekday}" in version.body or "{daypart}" in version.body for version in versions)


def test_versions_of_a_context_differ_in_title_and_body(written: dict[CopyContext, tuple[Wording, ...]]) -> None:
    for one, versions in written.items():
        assert len({version.title for version in versions}) == 3, one.key
        assert len({version.body.split(".")[0] for version in versions}) == 3, one.key


def test_taken_words_are_not_written_again() -> None:
    one = CONTEXTS[0]
    first = words(one, 5)
    assert not {version.body for version in words(one, 5, taken=first)} & {version.body for version in first}


def test_the_same_seed_writes_the_same_words_and_another_seed_others() -> None:
    assert all(words(one) == words(one) for one in CONTEXTS[:20])
    assert sum(words(one) != words(one, seed=8) for one in CONTEXTS[:20]) > 15


def test_most_messages_differ_between_contexts(written: dict[CopyContext, tuple[Wording, ...]]) -> None:
    assert len({version.body for versions in written.values() for version in versions}) > 400


def test_messages_are_as_short_as_people_read(written: dict[CopyContext, tuple[Wording, ...]]) -> None:
    values = {"product": "Organic Baby Rainbow Cake", "weekday": "Wednesday", "offer": "10% off"}
    assert len(values["product"]) == 25
    for one, versions in written.items():
        for version in versions:
            assert len(version.body.format(**values, daypart=one.daypart)) <= 105


def test_only_drinks_are_sipped() -> None:
    drinks, carrots = (context(name, "restock", "warm", "evening", False) for name in ("beverages", "produce"))
    assert any("sip" in composition.opening for composition in compositions(drinks, DEFAULT))
    assert not any("sip" in composition.opening for composition in compositions(carrots, DEFAULT))


def test_phrases_cover_every_manner_of_speaking() -> None:
    assert set(phrases.OPENINGS) == set(phrases.WHOLE_BODIES) == set(phrases.TITLES) == set(MANNERS)
    assert set(phrases.GROUPS.values()) == set(phrases.PLACES) == set(phrases.GROUP_OPENINGS)


def test_template_words_are_labelled_and_cost_nothing() -> None:
    [answer] = TemplateWriter(7).write([CopyRequest(CONTEXTS[0], 1, DEFAULT)])
    assert (answer.generator, answer.model, answer.prompt_version) == ("template", None, phrases.PHRASES_VERSION)
    assert (answer.input_tokens, answer.output_tokens) == (0, 0)
