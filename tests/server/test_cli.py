"""The command as a user runs it: bad input is one clear sentence, never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.captures import capture

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "server")}
START_S_MAX = 90


def leadline(*arguments: str, timeout_s: float = START_S_MAX) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "leadline", *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=timeout_s,
        check=False,
    )


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running `leadline serve` or `replay`; its log is read when it has stopped."""

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "leadline", *arguments, "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )

    def health(self) -> tuple[int, dict[str, object]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def wait_for(self, wanted: Callable[[int, dict[str, object]], bool]) -> dict[str, object]:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            status, body = self.health()
            if wanted(status, body):
                return body
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.process.communicate()[0]}")
            time.sleep(0.2)
        raise AssertionError(f"not reached in {START_S_MAX} s; last: {self.health()}")

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        output = self.process.communicate(timeout=20)[0]
        return self.process.returncode, output


@pytest.fixture
def started() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def closed_endpoints() -> list[str]:
    """Return flags that point every venue at a port where nobody listens."""
    flags = []
    for venue in ("binance", "bybit", "okx"):
        flags += [f"--{venue}-rest", f"http://127.0.0.1:{free_port()}"]
        flags += [f"--{venue}-ws", f"ws://127.0.0.1:{free_port()}"]
    return flags


def assert_one_sentence(result: subprocess.CompletedProcess[str], said: str) -> None:
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("leadline: ")
    assert said in lines[-1]
    assert "Traceback" not in result.stderr


def test_help_names_every_command() -> None:
    result = leadline("--help")
    assert result.returncode == 0
    for command in ("serve", "replay", "check", "record", "twin"):
        assert command in result.stdout


def test_a_port_in_use_is_said_at_once() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = leadline("serve", "--market", "twin", "--port", str(port))
    assert_one_sentence(result, f"port {port} on 127.0.0.1 is in use")


def test_an_address_that_is_not_ours_is_said_at_once() -> None:
    assert_one_sentence(leadline("serve", "--host", "192.0.2.1", "--market", "twin"), "cannot listen on")


def test_an_unknown_symbol_ends_the_server_with_its_name() -> None:
    result = leadline("serve", "--market", "twin", "--symbols", "BTCUSDT,NOPEUSDT", "--port", "0")
    assert_one_sentence(result, "unknown symbol NOPEUSDT: none of binance, bybit, okx lists it")


def test_without_a_network_a_live_server_waits_and_says_so(started: Callable[..., Server]) -> None:
    server = started("serve", "--market", "live", *closed_endpoints())
    body = server.wait_for(lambda status, _: status == 503)
    assert (body["market"], body["simulated"]) == ("live", False)
    code, output = server.stop()
    assert code == 0
    assert "binance: no list of contracts" in output
    assert "Traceback" not in output


def test_auto_falls_back_to_the_twin_and_says_simulated(started: Callable[..., Server]) -> None:
    server = started("serve", "--market", "auto", *closed_endpoints())
    body = server.wait_for(lambda status, _: status == 200)
    assert (body["market"], body["simulated"]) == ("twin", True)
    code, output = server.stop()
    assert code == 0
    assert "SIMULATED" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"not a recording\n" * 3, "not a recording"),
        (bytes(range(256)) * 40, "not a recording"),
    ],
)
def test_check_refuses_what_is_no_recording(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    assert_one_sentence(leadline("check", str(path)), said)


def test_check_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert_one_sentence(leadline("check", str(tmp_path / "nothing.gz")), "no such file")
    assert_one_sentence(leadline("replay", str(tmp_path)), "a folder")


def test_check_reads_a_truncated_recording_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = capture("binance_usdm/ethusdt_20240718_depth_trade_bbo.txt.gz").read_bytes()
    path = tmp_path / "cut.txt.gz"
    path.write_bytes(whole[: len(whole) // 2])
    result = leadline("check", str(path), "--json")
    assert "Traceback" not in result.stderr
    (report,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert report["gaps"] == 0
    assert report["bbo_compared"] > 0
    assert "ends early" in result.stderr + json.dumps(report)


def test_check_counts_corrupt_messages_and_goes_on(tmp_path: Path) -> None:
    lines = gzip.decompress(
        capture("binance_usdm/ethusdt_20240718_depth_trade_bbo.txt.gz").read_bytes()
    ).splitlines()
    broken = [line[:60] if index % 4000 == 3999 else line for index, line in enumerate(lines)]
    path = tmp_path / "corrupt.txt"
    path.write_bytes(b"\n".join(broken))
    result = leadline("check", str(path), "--json")
    assert "Traceback" not in result.stderr
    (report,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert report["protocol_errors"] >= 1


def test_replay_serves_a_recording_and_then_its_last_picture(started: Callable[..., Server]) -> None:
    path = capture("bybit/v5_btcusdt_solusdt_20260809_session.jsonl.gz")
    server = started("replay", str(path), "--speed", "20")
    body = server.wait_for(lambda status, _: status == 200)
    assert body["market"] == "replay"
    code, output = server.stop()
    assert code == 0
    assert "Traceback" not in output
