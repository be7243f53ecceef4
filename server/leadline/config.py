"""Every setting in one table: TOML file, environment and flags all read the same names.

Later sources win: defaults, then the TOML file, then the environment (LEADLINE_*), then flags.
"""

from __future__ import annotations

import json
import os
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leadline.errors import UsageError
from leadline.public_names import read_contact, read_hook, read_hosts, read_simulated

MARKETS = ("live", "twin", "auto")
VENUES = ("binance", "bybit", "okx")
# ccxt's other names of a venue: read twice, its orders would be counted twice.
SAME_VENUE = {"binanceusdm": "binance", "gateio": "gate", "huobi": "htx"}
CONFIG_NAME = "leadline.toml"


def default_data_dir() -> Path:
    """Return the platform's place for application data (XDG_DATA_HOME, else ~/.local/share)."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "leadline"


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text

    return read


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("a list of names separated by commas")
    return names


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.upper() for name in _names(text)))


def _venues(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(_names(text.lower())))
    others = [name for name in names if name not in VENUES]
    if others:
        known = _ccxt_venues()
        if not known:
            raise ValueError(
                f"venues among {', '.join(VENUES)} (more with ccxt: pip install 'leadline[ccxt]');"
                f" unknown: {', '.join(others)}"
            )
        if unknown := [name for name in others if name not in known]:
            raise ValueError(f"venues among {', '.join(VENUES)} or ccxt's; unknown: {', '.join(unknown)}")
    if twice := [name for name in names if SAME_VENUE.get(name) in names]:
        raise ValueError(f"each venue once ({twice[0]} is {SAME_VENUE[twice[0]]})")
    return names


def _ccxt_venues() -> set[str]:
    """Return the venues that ccxt can stream, none when it is not installed.

    They are read from the names of its files: importing it would take seconds.
    """
    spec = find_spec("ccxt")
    places = spec.submodule_search_locations if spec is not None else None
    return {
        path.stem
        for place in places or ()
        for path in Path(place, "pro").glob("*.py")
        if not path.stem.startswith("_")
    }


def _ccxt_options(text: str) -> dict[str, dict[str, Any]]:
    """Read {venue: {"hosts": {text: text}, "options": {...}, "depth": number}}, each part optional."""
    shape = 'JSON such as {"gate": {"hosts": {"https://api.gateio.ws": "https://example.org"}, "depth": 50}}'
    try:
        read = json.loads(text or "{}")
    except ValueError:
        raise ValueError(shape) from None
    kinds: dict[str, type] = {"hosts": dict, "options": dict, "depth": int}
    if not isinstance(read, dict) or not all(
        isinstance(made, dict) and all(isinstance(part, kinds.get(name, ())) for name, part in made.items())
        for made in read.values()
    ):
        raise ValueError(shape)
    for made in read.values():
        if not all(isinstance(there, str) for there in made.get("hosts", {}).values()):
            raise ValueError(shape)
    return read


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65_535:
        raise ValueError("a port, 0 to 65535 (0: any free one)")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("a whole number, 0 to 999999999")
    return int(text)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 3650:
        raise ValueError("a whole number of days, 0 to 3650")
    return int(text)


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://", "ws://", "wss://")):
        raise ValueError("an address that starts with http://, https://, ws:// or wss://")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class Setting:
    """How one field of Settings is read; ``help`` states the unit and what empty or zero means."""

    read: Callable[[str], Any]
    help: str


def _setting(default: Any, read: Callable[[str], Any], help_text: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"setting": Setting(read, help_text)})


@dataclass(frozen=True)
class Settings:
    """The settings of `leadline serve`, checked."""

    market: str = _setting(
        "auto",
        _choice(*MARKETS),
        "live: the venues; twin: the simulator; auto: the venues, or the twin if none answers in 10 s",
    )
    symbols: tuple[str, ...] = _setting(
        ("BTCUSDT", "ETHUSDT", "SOLUSDT"), _symbols, "perpetuals to watch, separated by commas"
    )
    venues: tuple[str, ...] = _setting(
        VENUES, _venues, "venues to read, separated by commas; any that ccxt streams, if it is installed"
    )
    host: str = _setting("127.0.0.1", str, "address to listen on; 0.0.0.0 opens the server to your network")
    port: int = _setting(8787, _port, "TCP port to listen on; 0 takes any free one")
    data_dir: Path = field(
        default_factory=default_data_dir,
        metadata={"setting": Setting(Path, "folder of leadline.toml")},
    )
    history_days: int = _setting(
        30, _days, "days of bands, prices and liquidations kept in data_dir; 0: none"
    )
    twin_seed: int = _setting(7, _seed, "seed of the twin's world; the same seed gives the same market")
    log_level: str = _setting(
        "info", _choice("debug", "info", "warning", "error"), "least severity that is logged"
    )
    binance_rest: str = _setting("", _url, "REST address of Binance USDT-M; empty: the venue's own")
    binance_ws: str = _setting("", _url, "WebSocket address of Binance USDT-M; empty: the venue's own")
    binance_key: str = _setting(
        "",
        str,
        "read-only API key of a Binance account, for its leverage brackets of today; better in the"
        " environment or the file than as a flag; empty: the brackets that come with this program",
        secret=True,
    )
    binance_secret: str = _setting(
        "", str, "secret of that key; it signs one request and is never logged", secret=True
    )
    bybit_rest: str = _setting("", _url, "REST address of Bybit; empty: the venue's own")
    bybit_ws: str = _setting("", _url, "WebSocket address of Bybit; empty: the venue's own")
    okx_rest: str = _setting("", _url, "REST address of OKX (the host is regional); empty: www.okx.com")
    okx_ws: str = _setting(
        "", _url, "WebSocket address of OKX (the host is regional); empty: ws.okx.com:8443"
    )
    push_contact: str = _setting(
        "",
        read_contact,
        "mailto: or https: address at which push services can reach you; empty: no alerts on phones",
    )
    push_key_file: str = _setting(
        "", str, "file of the push key (PEM), such as a mounted secret; empty: DATA_DIR/vapid.pem"
    )
    push_extra_hosts: tuple[str, ...] = _setting(
        (),
        read_hosts,
        "further hosts of push services that phones may name, separated by commas; .x.org: all below x.org",
    )
    push_simulated: str = _setting(
        "",
        read_simulated,
        "for tests: address of a simulated push service on this machine; empty: none",
    )
    ntfy_topic: str = _setting(
        "", read_hook, "https address of an ntfy topic that gets every alert too; empty: none"
    )
    webhook: str = _setting(
        "", read_hook, "https address that gets every alert too, as JSON by POST; empty: none"
    )
    heartbeat: str = _setting(
        "",
        read_hook,
        "https address asked by GET every minute while the server watches, for a watcher elsewhere that pages"
        " when that stops; empty: none",
        secret=True,
    )
    ccxt_options: dict[str, dict[str, Any]] = field(
        default_factory=dict,
        metadata={
            "setting": Setting(
                _ccxt_options,
                "JSON by ccxt venue: hosts (beginning of an address to its replacement), options, depth",
            )
        },
    )


def settings_table() -> dict[str, Setting]:
    """Return name -> Setting of every field, in order."""
    return {made.name: made.metadata["setting"] for made in fields(Settings)}


def add_flags(parser: ArgumentParser, names: Collection[str] | None = None) -> None:
    """Give ``parser`` --config and a flag for every setting, or for those of ``names``."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"TOML file (default: DATA_DIR/{CONFIG_NAME})"
    )
    for name, setting in settings_table().items():
        if names is not None and name not in names:
            continue
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, dest=name, metavar=name.upper(), help=setting.help)


def load_settings(flags: Namespace, environment: Mapping[str, str]) -> Settings:
    """Read all sources into checked Settings.

    Raises UsageError that names the source, what was expected and what came.
    """
    table = settings_table()
    from_flags = {name: getattr(flags, name) for name in table if getattr(flags, name, None) is not None}
    from_environment = {
        name: environment[key] for name in table if (key := f"LEADLINE_{name.upper()}") in environment
    }
    data_dir = Path(
        from_flags.get("data_dir") or from_environment.get("data_dir") or default_data_dir()
    ).expanduser()
    values: dict[str, Any] = {}
    for source, texts in (
        *_config_texts(flags.config, data_dir / CONFIG_NAME),
        ("environment", from_environment),
        ("flag", from_flags),
    ):
        for name, text in texts.items():
            if name not in table:
                raise UsageError(f"{source}: unknown setting {name!r}; known: {', '.join(table)}")
            try:
                values[name] = table[name].read(text)
            except ValueError as error:
                raise UsageError(f"{source}: {name}: expected {error}, got {text!r}") from None
    values["data_dir"] = Path(values.get("data_dir", data_dir)).expanduser()
    return Settings(**values)


def _config_texts(named: Path | None, default: Path) -> list[tuple[str, dict[str, str]]]:
    path = named or default
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if named is None:
            return []
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: expected a readable TOML file: {error}") from None
    return [(str(path), {name: _as_text(value) for name, value in content.items()})]


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
