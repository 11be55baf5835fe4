"""Who may upload and for how long: the arithmetic by hand, the waits on a real event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake import Intake, Patience, UploadBody, Waits
from app.limits import WebLimits
from app.upload_body import FilePart, UploadRefusedError
from tests.app.test_upload_body import KIND, file, form

AT_MOST_S, RATE = 15.0, 1000


@pytest.mark.parametrize(
    ("waits", "left_s"),
    [
        ([], 15),
        ([(5, 0)], 10),
        ([(5, 2000)], 12),
        ([(0, 10**9)], 15),  # a fast beginning buys no later silence
        ([(0, 10**9), (15, 0)], 0),
        ([(5, 1), (5, 1), (5, 1)], 0.003),
    ],
)
def test_bytes_earn_what_waiting_costs(waits: list[tuple[float, int]], left_s: float) -> None:
    patience = Patience(AT_MOST_S, RATE)
    for waited_s, received in waits:
        patience.spend(waited_s, received)
    assert patience.left_s == pytest.approx(left_s)


@given(st.lists(st.floats(0.001, AT_MOST_S - 1), max_size=50))
def test_the_least_rate_is_never_given_up(waits_s: list[float]) -> None:
    patience = Patience(AT_MOST_S, RATE)
    for waited_s in waits_s:
        assert patience.left_s > waited_s
        patience.spend(waited_s, round(waited_s * RATE) + 1)


@given(st.floats(0.01, 0.9), st.floats(0.1, 5))
def test_less_than_the_least_rate_always_is(share: float, every_s: float) -> None:
    patience, spent_s = Patience(AT_MOST_S, RATE), 0.0
    while patience.left_s > 0:
        patience.spend(every_s, int(every_s * RATE * share))
        spent_s += every_s
    assert spent_s <= AT_MOST_S / (1 - share) + every_s + 0.1


async def never() -> AsyncIterator[bytes]:
    await asyncio.get_running_loop().create_future()
    yield b""


def refusal(use: Callable[[], Awaitable[object]]) -> UploadRefusedError:
    async def run() -> None:
        await use()

    with pytest.raises(UploadRefusedError) as caught:
        asyncio.run(run())
    return caught.value


def test_a_client_that_stands_still_is_given_up() -> None:
    error = refusal(lambda: anext(UploadBody(never(), Patience(0.01, RATE), Waits())))
    assert (error.status_code, error.detail) == (408, "the upload came too slowly and was dropped")


def test_what_the_storage_takes_is_not_the_clients_fault() -> None:
    now_s = [0.0]

    async def source() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x"

    async def run() -> float:
        patience = Patience(AT_MOST_S, RATE)
        body = UploadBody(source(), patience, Waits(), clock=lambda: now_s[0])
        while await anext(body):
            now_s[0] += 1000
        return patience.left_s

    assert asyncio.run(run()) == AT_MOST_S


def limits(**changed: float) -> WebLimits:
    return WebLimits(upload_slots=1, **changed)  # type: ignore[arg-type]


def test_a_slot_that_does_not_become_free_is_told() -> None:
    async def use() -> None:
        intake = Intake(limits(upload_wait_s=0.01))
        async with intake.slot(), intake.slot():
            pass

    error = refusal(use)
    assert (error.status_code, error.retry_after_s) == (503, 5)
    assert error.detail == "1 uploads are in progress, and none ended within 0.01 s: try again later"


def test_a_slot_is_free_again_after_each_end_and_goes_to_who_asked_first() -> None:
    order: list[int] = []

    async def run() -> None:
        intake = Intake(limits(upload_wait_s=60))

        async def upload(number: int) -> None:
            async with intake.slot():
                order.append(number)
                await asyncio.sleep(0)
                if number % 2:
                    raise ZeroDivisionError

        await asyncio.gather(*map(upload, range(6)), return_exceptions=True)

    asyncio.run(run())
    assert order == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("waits_for", ["body", "slot", "later body"])
def test_a_stop_ends_every_wait(waits_for: str) -> None:
    async def use() -> None:
        intake = Intake(limits(upload_wait_s=600, upload_patience_s=600))
        intake._limits = intake._limits.model_copy(update={"stop_s": 0.02})
        async with intake.slot():
            intake.end()
            intake.end()  # each connection says so
            if waits_for == "slot":
                async with intake.slot():
                    pass
            if waits_for == "later body":
                await asyncio.sleep(0.1)
            await anext(intake.body(never()))

    error = refusal(use)
    assert (error.status_code, error.retry_after_s) == (503, 5)
    assert error.detail == "the server is being stopped: send the video again"


@given(st.integers(1, 40), st.integers(0, 60))
def test_a_head_start_loses_no_byte(step: int, size_bytes: int) -> None:
    content = bytes(range(50))
    body = form(file(content))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), step):
            yield body[at : at + step]

    async def run() -> bytes:
        part = FilePart(KIND, pieces())
        await part.open()
        await part.fill(size_bytes)
        held = sum(map(len, part._chunks))
        assert min(size_bytes, len(content)) <= held <= max(size_bytes, 1) + step
        read = b""
        while chunk := await part.read():
            read += chunk
        return read

    assert asyncio.run(run()) == content
