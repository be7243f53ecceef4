"""Messages handed over at once, and those that go the ordinary way: none lost, none before its turn."""

import asyncio
import random

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from leadline.venues.prompt_connection import TURN_MAX, PromptConnection

COUNT = 1_000


def frames_of(number: int, rng: random.Random) -> bytes:
    """Return message ``number`` in one frame, or in pieces with a ping between."""
    text = f"message {number}".encode()
    if rng.random() < 0.9:
        return Frame(Opcode.TEXT, text).serialize(mask=False)
    cut = rng.randrange(len(text) + 1)
    first, rest = Frame(Opcode.TEXT, text[:cut], fin=False), Frame(Opcode.CONT, text[cut:])
    between = [Frame(Opcode.PING, b"?")] if rng.random() < 0.5 else []
    return b"".join(frame.serialize(mask=False) for frame in (first, *between, rest))


@pytest.mark.parametrize("seed", range(4))
async def test_every_message_comes_once_and_in_its_order(seed: int) -> None:
    rng = random.Random(seed)
    messages = [frames_of(number, rng) for number in range(COUNT)]
    stream = b"".join(messages)

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        at = 0
        while at < len(stream):  # in runs of bytes that heed no boundaries, some of hundreds of messages
            size = rng.choice((1, 30, 700, 9_000))
            connection.transport.write(stream[at : at + size])
            at += size
            if rng.random() < 0.5:
                await asyncio.sleep(0)
        await connection.wait_closed()

    at_once: list[bytes] = []
    all_told: list[bytes] = []

    def take(raw: bytes) -> None:
        at_once.append(raw)
        all_told.append(raw)

    async with serve(talk, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", create_connection=PromptConnection) as connection:
            assert isinstance(connection, PromptConnection)
            connection.take = take
            await connection.send("go")

            async def read() -> None:
                while True:
                    all_told.append(await connection.next())

            reading = asyncio.create_task(read())
            async with asyncio.timeout(20):
                while len(all_told) < COUNT:
                    await asyncio.sleep(0.01)
            reading.cancel()
    assert all_told == [f"message {number}".encode() for number in range(COUNT)]
    assert 0 < len(at_once) < COUNT


async def test_a_long_burst_lets_others_have_their_turn() -> None:
    burst = b"".join(Frame(Opcode.TEXT, b"x").serialize(mask=False) for _ in range(3 * TURN_MAX))

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.write(burst)
        await connection.wait_closed()

    at_once: list[bytes] = []
    async with serve(talk, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(
            f"ws://127.0.0.1:{port}", create_connection=PromptConnection, max_queue=None
        ) as connection:
            assert isinstance(connection, PromptConnection)
            connection.take = at_once.append
            await connection.send("go")
            async with asyncio.timeout(20):
                await connection.next()
            assert len(at_once) == TURN_MAX
