"""The command line: each command imports what it needs when it is called, so help is instant."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leadline import __version__
from leadline.config import VENUES, Settings, add_flags, load_settings
from leadline.errors import LeadlineError, UsageError

LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 for success, 1 for a check that failed, 2 for unusable input."""
    code = _command(argv)
    if "leadline.feed.building" in sys.modules:
        from leadline.feed.building import unfinished

        if unfinished():
            # A thread still compiles; the end of the interpreter would pull its libraries from under it.
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return code


def _command(argv: Sequence[str] | None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except LeadlineError as error:
        print(f"leadline: {error}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`); nothing is wrong and nobody listens.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leadline", description="Depth and estimated liquidations ahead of price."
    )
    parser.add_argument("--version", action="version", version=f"leadline {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the app from a market")
    add_flags(serve)
    serve.set_defaults(run=_serve)

    replay = commands.add_parser("replay", help="serve the app from recorded messages in real time")
    replay.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recordings, played in this order"
    )
    replay.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="times real time, 0.1 to 60")
    replay.add_argument("--loop", action="store_true", help="start over at the end")
    add_flags(replay)
    replay.set_defaults(run=_replay)

    check = commands.add_parser(
        "check", help="run recorded messages through the adapters and judge the books"
    )
    check.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recordings; one market's are one stream"
    )
    check.add_argument("--json", action="store_true", help="one JSON object a symbol, one a line")
    check.set_defaults(run=_check)

    score = commands.add_parser("score", help="score the estimate against what happened")
    score.add_argument("--captures", type=Path, metavar="DIR", help="against recorded markets in this folder")
    score.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="against what a server's sealed maps met, in its folder"
    )
    score.add_argument("--market", choices=["twin"], default="twin", help="whose truth is known")
    score.add_argument("--seed", type=int, default=1, metavar="N", help="of the market")
    score.add_argument("--days", type=_days, default=30.0, metavar="D", help="how long to play, 0.5 to 365")
    score.add_argument(
        "--symbols", type=_twin_symbols, default=None, metavar="A,B", help="of the simulated three (all)"
    )
    score.add_argument("--json", action="store_true", help="one line of JSON, with everything measured")
    score.set_defaults(run=_score)

    record = commands.add_parser("record", help="record a venue's messages for check and replay")
    record.add_argument("--venue", required=True, choices=VENUES, help="the venue to record")
    record.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the recordings")
    record.add_argument(
        "--minutes",
        type=_positive,
        default=0.0,
        metavar="N",
        help="stop after N minutes (Ctrl-C: at any time)",
    )
    record.add_argument(
        "--file-minutes", type=_positive, default=60.0, metavar="N", help="a new file every N minutes (60)"
    )
    record.add_argument(
        "--file-mb", type=_positive, default=64.0, metavar="N", help="a new file after N megabytes (64)"
    )
    addresses = [f"{venue}_{side}" for venue in VENUES for side in ("rest", "ws")]
    add_flags(record, ("market", "symbols", "data_dir", "twin_seed", "log_level", *addresses))
    record.set_defaults(run=_record)

    warm = commands.add_parser("warm", help="compile ahead what the first start would compile")
    warm.set_defaults(run=_warm)

    twin = commands.add_parser("twin", help="run the simulated venues alone", add_help=False)
    twin.add_argument("rest", nargs=argparse.REMAINDER)
    twin.set_defaults(run=_twin)
    return parser


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 60:
        raise argparse.ArgumentTypeError(f"expected a number from 0.1 to 60, got {text!r}")
    return speed


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0.5 <= days <= 365:
        raise argparse.ArgumentTypeError(f"expected a number of days from 0.5 to 365, got {text!r}")
    return days


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def _serve(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments, os.environ)
    _start_log(settings)
    from leadline.app import serve

    return serve(settings)


def _replay(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments, os.environ)
    _start_log(settings)
    _readable(arguments.files)
    from leadline.app import replay

    return replay(settings, arguments.files, arguments.speed, arguments.loop)


def _check(arguments: argparse.Namespace) -> int:
    _readable(arguments.files)
    from leadline.feed.check import run_check

    return run_check(arguments.files, arguments.json, sys.stdout)


def _twin_symbols(text: str) -> tuple[str, ...]:
    from leadline.twin.contracts import SYMBOLS

    names = tuple(dict.fromkeys(name.strip().upper() for name in text.split(",")))
    if unknown := [name for name in names if name not in SYMBOLS]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(SYMBOLS)}, got {', '.join(unknown)}")
    return names


def _score(arguments: argparse.Namespace) -> int:
    if arguments.captures is not None and arguments.data_dir is not None:
        raise UsageError("score takes --captures or --data-dir, not both")
    if arguments.data_dir is not None:
        from leadline.feed.score_promises import run_score_promises

        return run_score_promises(arguments.data_dir, arguments.json, sys.stdout)
    if arguments.captures is not None:
        from leadline.feed.score_recordings import run_score_recordings

        if not arguments.captures.is_dir():
            raise UsageError(f"{arguments.captures}: expected a folder of recordings")
        return run_score_recordings(arguments.captures, arguments.json, sys.stdout)
    from leadline.score_run import run_score

    return run_score(arguments.seed, arguments.days, arguments.json, sys.stdout, arguments.symbols)


def _record(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments, os.environ)
    # What is recorded is asked for by name: no falling back from a venue to a simulated one.
    settings = replace(settings, market=arguments.market or "live", venues=(arguments.venue,))
    if settings.market == "auto":
        raise UsageError("record takes --market live or --market twin, not auto")
    _start_log(settings)
    from leadline.app import record
    from leadline.feed.record import FileLimits

    limits = FileLimits(int(arguments.file_mb * 1_000_000), arguments.file_minutes * 60)
    return record(settings, arguments.venue, arguments.out, arguments.minutes, limits)


def _warm(_: argparse.Namespace) -> int:
    from leadline.warm import run_warm

    return run_warm(sys.stdout)


def _twin(arguments: argparse.Namespace) -> int:
    from leadline.twin.main import main as twin_main

    return int(twin_main(arguments.rest) or 0)


def _start_log(settings: Settings) -> None:
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    # Each connection of a phone is worth a line only to whoever looks for it.
    logging.getLogger("uvicorn").setLevel(
        "WARNING" if settings.log_level == "info" else settings.log_level.upper()
    )


def _readable(files: list[Path]) -> None:
    for path in files:
        if not path.is_file():
            raise UsageError(
                f"{path}: expected a recording, found {'a folder' if path.is_dir() else 'no such file'}"
            )


if __name__ == "__main__":
    sys.exit(main())
