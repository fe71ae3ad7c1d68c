"""The writer that requests copy from a model through OpenAI's Responses API or a compatible server.

The client reads its server and key from OPENAI_BASE_URL and OPENAI_API_KEY. The prompt (`prompt`), the rules for copy
(`cis_assets.notifications.validator`) and further requests after a refusal (`cis_assets.notifications.copy`) do not
belong here.

Errors that affect every request (key, permission, model, quota) raise WriterError. An error of one request that
remains after the client's retries (rate limit, server error, timeout) becomes the failure of its answer. After several
failures in a row, the remaining requests are not sent, so a server that is down cannot delay a run for hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from cis_assets.notifications.wording import CopyAnswer, CopyRequest, Wording, WriterError
from cis_assets.writers.model_environment import KEY, check_environment
from cis_assets.writers.prompt import INSTRUCTIONS, PROMPT_VERSION, ModelAnswer, question

if TYPE_CHECKING:
    import openai

GENERATOR = "openai"
_PASSING_STATUS = (408, 409, 425)
_REFUSED_PROMPT = ("invalid_prompt", "content_filter", "content_policy_violation")
_INCOMPLETE = ("max_output_tokens", "content_filter")
_MOST_OUTPUT_TOKENS = 4000
"""Limits the cost of one answer, including its reasoning tokens."""


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
    """The parts of a response that are read. Compatible servers omit much of the rest."""

    output: list[_OutputItem]
    incomplete_details: _IncompleteDetails | None = None
    usage: _Usage | None = None


@dataclass
class _Streak:
    """The number of consecutive failures over all concurrent requests, and the last reason."""

    length: int = 0
    last: str = ""


class OpenAIWriter:
    """Requests copy from `model`, with `concurrency` requests at the same time.

    `timeout_seconds` limits one attempt. Rate limits, server errors and timeouts are retried `max_retries` times.
    After `give_up_after` consecutive failures, the remaining requests are not sent. Raises WriterError if
    a variable of the environment would fail every request.
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
        check_environment()
        self._model = model
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._max_retries = max_retries
        self._give_up_after = give_up_after

    def write(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        """Return one answer per request, in order. Raises WriterError for errors that affect every request."""
        return _run(self._write_all(requests))

    async def _write_all(self, requests: Sequence[CopyRequest]) -> list[CopyAnswer]:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        from cis_assets.writers.answer_size import cut_off

        slots, streak = asyncio.Semaphore(self._concurrency), _Streak()
        async with AsyncOpenAI(
            timeout=self._timeout_seconds,
            max_retries=self._max_retries,
            default_headers={"Accept-Encoding": "identity"},
            http_client=DefaultAsyncHttpxClient(event_hooks={"response": [cut_off]}),
        ) as client:
            tasks = [asyncio.create_task(self._ask_in_turn(client, request, slots, streak)) for request in requests]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask_in_turn(
        self, client: openai.AsyncOpenAI, request: CopyRequest, slots: asyncio.Semaphore, streak: _Streak
    ) -> CopyAnswer:
        async with slots:
            if streak.length >= self._give_up_after:
                reason = f"The request was not sent, because {streak.length} requests in a row failed. {streak.last}"
                return replace(self._fail(reason), model=None)
            answer = await self._ask(client, request)
        if answer.failure is None:
            streak.length = 0
        else:
            streak.length, streak.last = streak.length + 1, answer.failure
        return answer

    async def _ask(self, client: openai.AsyncOpenAI, request: CopyRequest) -> CopyAnswer:
        import openai

        try:
            # The raw response has the token counts even if the answer cannot be parsed.
            response = await client.responses.with_raw_response.parse(
                model=self._model,
                instructions=INSTRUCTIONS,
                input=question(request),
                text_format=ModelAnswer,
                max_output_tokens=_MOST_OUTPUT_TOKENS,
                store=False,
            )
        except openai.APITimeoutError:
            return self._fail(f"The model did not answer within {self._timeout_seconds:g} seconds.")
        except openai.APIConnectionError as error:
            return self._fail(f"The model's server could not be reached ({type(error.__cause__).__name__}).")
        except openai.RateLimitError as error:
            if "insufficient_quota" in (error.code, error.type):
                raise WriterError(
                    "OpenAI refuses requests because the account has no quota left; check its plan and billing."
                ) from None
            return self._fail("The model's server refused all attempts because of its rate limit.")
        except openai.APIStatusError as error:
            return self._handle_status(error)
        return self._read(response.text)

    def _handle_status(self, error: openai.APIStatusError) -> CopyAnswer:
        """The answer for an error status of one request; raises WriterError for a status that affects every request.

        The server's message is omitted, because it may contain the key.
        """
        if error.status_code in _PASSING_STATUS or error.status_code >= 500:
            return self._fail(f"The model's server failed with status {error.status_code}.")
        if error.code in _REFUSED_PROMPT:
            return replace(
                self._fail(""), failure=None, rejection="The model's server refused the content of the request."
            )
        raise WriterError(self._describe_refusal(error)) from None

    def _describe_refusal(self, error: openai.APIStatusError) -> str:
        if error.status_code == 401:
            return f"The model's server does not accept the key in {KEY}."
        if error.status_code == 403:
            return f"The key in {KEY} has no permission to use the model {self._model!r}."
        if error.status_code == 404:
            return (
                f"The model's server has no model {self._model!r} or no Responses API; "
                "check CIS_OPENAI_MODEL and OPENAI_BASE_URL."
            )
        # The code is text from the server, so it is not repeated.
        return f"The model's server refused the request with status {error.status_code}."

    def _read(self, text: str) -> CopyAnswer:
        """The wordings in the body of a response, or the reason why there are none."""
        from cis_assets.writers.answer_size import MOST_ANSWER_BYTES

        if len(text.encode()) >= MOST_ANSWER_BYTES:
            return self._fail(f"The answer of the model's server has more than {MOST_ANSWER_BYTES:,} bytes.")
        try:
            body = _ResponseBody.model_validate_json(text)
        except ValidationError:
            return self._fail(
                "The model's server did not answer with a response of the Responses API; check OPENAI_BASE_URL."
            )
        answer = CopyAnswer(
            (),
            GENERATOR,
            PROMPT_VERSION,
            self._model,
            **(body.usage.model_dump() if body.usage else {}),
        )
        contents = [content for item in body.output if item.is_final_message for content in item.content or ()]
        if any(content.type == "refusal" for content in contents):
            return replace(answer, rejection="The model refused to write.")
        if body.incomplete_details is not None:
            reason = body.incomplete_details.reason
            # Any other reason is text from the server, so it is not repeated.
            named = f" ({reason})" if reason in _INCOMPLETE else ""
            return replace(answer, rejection=f"The answer is incomplete{named}.")
        text = "".join(content.text or "" for content in contents if content.type == "output_text")
        try:
            parsed = ModelAnswer.model_validate_json(text)
        except ValidationError:
            return replace(answer, rejection="The answer does not have the requested format.")
        return replace(answer, wordings=tuple(Wording(one.title, one.body) for one in parsed.versions))

    def _fail(self, reason: str) -> CopyAnswer:
        return CopyAnswer((), GENERATOR, PROMPT_VERSION, self._model, failure=reason)


def _run(work: Coroutine[Any, Any, list[CopyAnswer]]) -> list[CopyAnswer]:
    """Run a coroutine to its end, inside or outside of a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
