"""Settings: one table, four sources, clear refusals."""

import argparse
from pathlib import Path

import pytest

from leadline.config import Settings, add_flags, load_settings, settings_table
from leadline.errors import UsageError

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
        (["--okx-rest", "www.okx.com"], "flag: okx_rest: expected an address that starts with"),
    ],
)
def test_a_bad_value_says_what_was_expected_and_what_came(
    flags: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        load("--data-dir", str(tmp_path), *flags)


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
