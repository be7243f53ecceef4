from leadline.domain.path import ChainPoint, Path
from leadline.feed.telling import NO_SUMMARY, path_told


def test_the_thinner_way_is_told_with_how_far_was_looked_for_it() -> None:
    path = Path(-0.8, "up", 44.7, ChainPoint(77_500.04, 30.0), None)
    assert path_told(path, 0.1) == {
        "easier": "up",
        "reach_bp": 45,
        "chain": {"up": 775_000, "down": None},
    }


def test_where_no_way_is_known_the_same_is_told_as_without_an_estimate() -> None:
    told = path_told(None, 0.1)
    assert told == {"easier": None, "reach_bp": None, "chain": {"up": None, "down": None}}
    assert told == {name: NO_SUMMARY[name] for name in told}
