"""The writer that asks a model through OpenAI's Responses API, or any server that speaks it.

The client finds its server and key by itself in OPENAI_BASE_URL and OPENAI_API_KEY. Belongs here: sending requests,
how many at once, and what each class of error means. Does not belong here: the prompt (`prompt`), the judgement of
the words (`cis_assets.notifications.validator`), and asking again after a refused answer (`cis_assets.notifications.copy`).

Errors that every request would meet (key, permission, model, quota) raise WriterError. What one request meets after
the client's own retries (rate limit, server error, timeout) becomes the failure of its answer; after several failures
in a row the rest is not asked at all, so that a server that is down does not hold up a run for hours.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from cis_assets.notifications.wording import CopyAnswer, CopyRequest, Words, WriterError
from cis_assets.writers.prompt import INSTRUCTIONS, PROMPT_VERSION, ModelAnswer, question

if TYPE_CHECKING:
    import openai

GENERATOR = "openai"
_PASSING_STATUS = (408, 409, 425)
_REFUSED_PROMPT = ("invalid_prompt", "content_filter", "content_policy_violation")
_KEY_VARIABLE = "OPENAI_API_KEY"
_MOST_OUTPUT_TOKENS = 4000
"""Bounds what one runaway answer can cost; reasoning counts in it."""


class _Content(BaseModel):
    type: str
    text: str | None = None


class _OutputItem(BaseModel):
    type: str
    phase: str | None = None
    content: list[_Content] | None = None

    @property
    def is_final_message(self) -> bool:
        return self.type == "message" and self.phase in (None, "final_answer")


class _IncompleteDetails(BaseModel):
    reason: str | None = None


class _Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0


class _ResponseBody(BaseModel):
    """The parts of a response that are read; compatible servers leave out much of the rest."""

    output: list[_OutputItem]
    incomplete_details: _IncompleteDetails | None = None
    usage: _Usage | None = None


@dataclass
class _Streak:
    """How many requests in a row have failed, over all that are under way."""

    length: int = 0
    last: str = ""


class OpenAIWriter:
    """Asks `model` for the words of each context, `concurrency` requests at once.

    `timeout_seconds` bounds one attempt, of which there are `max_retries` more after rate limits, server errors and
    timeouts. After `give_up_after` failures in a row the remaining requests are not sent. Raises WriterError, naming
    OPENAI_API_KEY, if there is no key.
    """

    def __init__(
        self,
        model: str,
        *,
        concurrency: int = 8,
        timeout_seconds: float = 30.0,
        max_retries: int = 2,
        give_up_after: int = 8,
    ) -> None:
        if not os.environ.get(_KEY_VARIABLE, "").strip():
            raise WriterError(
                f"CIS_WRITER=openai needs a key, but {_KEY_VARIABLE} is not set; set it, or use CIS_WRITER=template."
            )
        self._model = model
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._max_retries = max_retries
        self._give_up_after = give_up_after

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """One answer for each request, in order. Raises WriterError for what every request would meet."""
        return _run(self._write_all(requests))

    async def _write_all(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        from openai import AsyncOpenAI

        places, streak = asyncio.Semaphore(self._concurrency), _Streak()
        async with AsyncOpenAI(timeout=self._timeout_seconds, max_retries=self._max_retries) as client:
            tasks = [asyncio.create_task(self._in_turn(client, request, places, streak)) for request in requests]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(
        self, client: openai.AsyncOpenAI, request: CopyRequest, places: asyncio.Semaphore, streak: _Streak
    ) -> CopyAnswer:
        async with places:
            if streak.length >= self._give_up_after:
                return replace(
                    self._failed(
                        f"The model was not asked, since {streak.length} requests in a row failed. {streak.last}"
                    ),
                    model=None,
                )
            answer = await self._ask(client, request)
        if answer.failure is None:
            streak.length = 0
        else:
            streak.length, streak.last = streak.length + 1, answer.failure
        return answer

    async def _ask(self, client: openai.AsyncOpenAI, request: CopyRequest) -> CopyAnswer:
        import openai

        try:
            # Raw, since the typed result of an answer that cannot be parsed would not say what it cost.
            response = await client.responses.with_raw_response.parse(
                model=self._model,
                instructions=INSTRUCTIONS,
                input=question(request),
                text_format=ModelAnswer,
                max_output_tokens=_MOST_OUTPUT_TOKENS,
                store=False,
            )
        except openai.APITimeoutError:
            return self._failed(f"The model did not answer within {self._timeout_seconds:g} seconds.")
        except openai.APIConnectionError as error:
            return self._failed(f"The model's server could not be reached ({type(error.__cause__).__name__}).")
        except openai.RateLimitError as error:
            if "insufficient_quota" in (error.code, error.type):
                raise WriterError(
                    "OpenAI refuses requests because the account has no quota left; check its plan and billing."
                ) from None
            return self._failed("The model's server kept refusing requests because of its rate limit.")
        except openai.APIStatusError as error:
            return self._refused(error)
        return self._read(response.text)

    def _refused(self, error: openai.APIStatusError) -> CopyAnswer:
        """The answer to a status that concerns one request; raises WriterError for one that repeats on every request.

        The server's own words are left out, since they may hold the key.
        """
        if error.status_code in _PASSING_STATUS or error.status_code >= 500:
            return self._failed(f"The model's server failed with status {error.status_code}.")
        if error.code in _REFUSED_PROMPT:
            return replace(self._failed(""), failure=None, rejection="The model's server refused the request's words.")
        raise WriterError(self._refusal_of_every_request(error)) from None

    def _refusal_of_every_request(self, error: openai.APIStatusError) -> str:
        if error.status_code == 401:
            return f"The model's server does not accept the key in {_KEY_VARIABLE}."
        if error.status_code == 403:
            return f"The key in {_KEY_VARIABLE} has no permission to use the model {self._model!r}."
        if error.status_code == 404:
            return (
                f"The model's server knows no model {self._model!r}, or not the Responses API; "
                "check CIS_OPENAI_MODEL and OPENAI_BASE_URL."
            )
        detail = f" ({error.code})" if error.code else ""
        return f"The model's server refused the request with status {error.status_code}{detail}."

    def _read(self, text: str) -> CopyAnswer:
        """The words in the body of a response, or why there are none."""
        try:
            body = _ResponseBody.model_validate_json(text)
        except ValidationError:
            return self._failed(
                "The model's server answered with something else than a response; check OPENAI_BASE_URL."
            )
        answer = CopyAnswer(
            (),
            GENERATOR,
            PROMPT_VERSION,
            self._model,
            input_tokens=body.usage.input_tokens if body.usage else 0,
            output_tokens=body.usage.output_tokens if body.usage else 0,
        )
        return _with_words(answer, body)

    def _failed(self, reason: str) -> CopyAnswer:
        return CopyAnswer((), GENERATOR, PROMPT_VERSION, self._model, failure=reason)


def _with_words(answer: CopyAnswer, body: _ResponseBody) -> CopyAnswer:
    contents = [content for item in body.output if item.is_final_message for content in item.content or ()]
    if any(content.type == "refusal" for content in contents):
        return replace(answer, rejection="The model refused to write.")
    if body.incomplete_details is not None:
        return replace(answer, rejection=f"The answer broke off ({body.incomplete_details.reason}).")
    text = "".join(content.text or "" for content in contents if content.type == "output_text")
    try:
        parsed = ModelAnswer.model_validate_json(text)
    except ValidationError:
        return replace(answer, rejection="The answer was not of the form that was asked for.")
    return replace(answer, words=tuple(Words(one.title, one.body) for one in parsed.versions))


def _run(work: Coroutine[Any, Any, list[CopyAnswer]]) -> list[CopyAnswer]:
    """Run to the end from code that may or may not itself run in an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
