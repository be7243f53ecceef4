"""Settings: one table, four sources, clear refusals."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from leadline import config
from leadline.config import Settings, add_flags, load_settings, settings_table
from leadline.errors import UsageError
from leadline.market_choice import choose_market
from leadline.venues.bans import Bans
from leadline.venues.longtail import LongTailOptions

README = Path(__file__).parents[2] / "README.md"


def load(*flags: str, environment: dict[str, str] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return load_settings(parser.parse_args(flags), environment or {})


def test_defaults_bind_loopback_and_choose_the_market_themselves(tmp_path: Path) -> None:
    settings = load("--data-dir", str(tmp_path))
    assert (settings.host, settings.port, settings.market) == ("127.0.0.1", 8787, "auto")
    assert settings.symbols == ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def test_flags_win_over_environment_and_environment_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "leadline.toml").write_text('port = 1001\nhost = "::1"\nsymbols = ["btcusdt", "XRPUSDT"]\n')
    environment = {"LEADLINE_PORT": "1002", "LEADLINE_DATA_DIR": str(tmp_path), "LEADLINE_MARKET": "live"}
    settings = load("--market", "twin", environment=environment)
    assert (settings.port, settings.host, settings.market) == (1002, "::1", "twin")
    assert settings.symbols == ("BTCUSDT", "XRPUSDT")
    assert settings.data_dir == tmp_path


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--port", "70000"], "flag: port: expected a port, 0 to 65535"),
        (["--port", "１２"], "flag: port: expected a port"),
        (["--market", "demo"], "flag: market: expected one of live, twin, auto, got 'demo'"),
        (["--symbols", " , "], "flag: symbols: expected a list of names"),
        (["--venues", "binance,mtgox"], "unknown: mtgox"),
        (["--venues", "binance,binanceusdm"], "each venue once .binanceusdm is binance."),
        (["--ccxt-options", "{"], "ccxt_options: expected JSON such as"),
        (["--ccxt-options", '{"gate": {"host": {}}}'], "ccxt_options: expected JSON such as"),
        (["--ccxt-options", '{"gate": {"hosts": {"https://a": 1}}}'], "ccxt_options: expected JSON such as"),
        (["--okx-rest", "www.okx.com"], "flag: okx_rest: expected an address that starts with"),
    ],
)
def test_a_bad_value_says_what_was_expected_and_what_came(
    flags: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        load("--data-dir", str(tmp_path), *flags)


def test_venues_beyond_the_three_are_those_that_ccxt_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ccxt")
    flags = ["--data-dir", str(tmp_path), "--venues", "binance,Bitget,gate,gate"]
    assert load(*flags).venues == ("binance", "bitget", "gate")
    monkeypatch.setattr(config, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'leadline\[ccxt\]'.*unknown: bitget, gate"):
        load(*flags)


def test_ccxt_options_are_a_table_of_the_file_or_json(tmp_path: Path) -> None:
    (tmp_path / "leadline.toml").write_text(
        '[ccxt_options.gate]\ndepth = 50\nhosts = {"https://a" = "https://b"}\n'
    )
    expected = {"gate": {"depth": 50, "hosts": {"https://a": "https://b"}}}
    assert load("--data-dir", str(tmp_path)).ccxt_options == expected
    text = '{"okx": {"options": {"x": true}}}'
    assert load("--ccxt-options", text).ccxt_options == {"okx": {"options": {"x": True}}}


async def test_a_market_of_long_tail_venues_alone_is_live_and_has_no_twin(tmp_path: Path) -> None:
    settings = Settings(venues=("gate",), ccxt_options={"gate": {"depth": 20}}, data_dir=tmp_path)
    async with choose_market(settings, Bans()) as chosen:
        assert (chosen.name, chosen.endpoints) == ("live", {})
        assert chosen.longtail == {"gate": LongTailOptions(depth=20)}
    with pytest.raises(UsageError, match="the twin simulates binance, bybit, okx only"):
        async with choose_market(replace(settings, market="twin"), Bans()):
            pass


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "leadline.toml").write_text("prot = 1\n")
    with pytest.raises(UsageError, match="unknown setting 'prot'"):
        load("--data-dir", str(tmp_path))


def test_a_broken_or_missing_file_is_one_clear_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "x.toml"
    broken.write_text("port = = 1\n")
    with pytest.raises(UsageError, match="expected a readable TOML file"):
        load("--config", str(broken))
    with pytest.raises(UsageError, match="no such file"):
        load("--config", str(tmp_path / "nothing.toml"))


def test_every_setting_is_documented_in_the_readme() -> None:
    text = README.read_text("utf-8")
    for name, setting in settings_table().items():
        flag = "--" + name.replace("_", "-")
        assert f"| `{name}` | `{flag}` | `LEADLINE_{name.upper()}` |" in text, (
            f"README lacks the row of {name}"
        )
        assert setting.help in text, f"README's text of {name} differs from the flag's help"
