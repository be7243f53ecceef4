"""The compiled loops of the market: random numbers, book, margin, positions and one step of it all.

They share one file because the compiler's cache on disk notices only changes of the file a loop is
defined in, not of the loops it calls.  Everything is plain arrays whose rows are named by the
constants below; prices inside the book are absolute ticks, sizes are lots.

Shapes: book (2, window) int64; log (2, LOG_MAX) int64 of (tick, lots before this step); trades
(4, TRADES_MAX) int64; liquidations (8, LIQUIDATIONS_MAX) float64; walls (3, WALLS_MAX) int64; table
(9, positions) float64; params, stats one-dimensional float64; head one-dimensional int64.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, exp, floor, log, pi, sqrt
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
State = NDArray[np.uint64]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

LOG_MAX = 16_384
TRADES_MAX = 8_192
LIQUIDATIONS_MAX = 2_048
WALLS_MAX = 8

# head: where the book stands, and how much of each output array this step filled.
BASE, BID, ASK, STEP, CHANGED, TRADES, LIQUIDATIONS, ORDERS = range(8)
HEAD_SIZE = 8
# book
LOTS, STAMP = range(2)
# trades: side is the taker's, kind 1 marks a forced order.
T_TICK, T_LOTS, T_SIDE, T_KIND = range(4)
# liquidations: side of the position that died; bankrupt and average price in dollars.
L_ID, L_SIDE, L_LOTS, L_BANKRUPT, L_AVERAGE, L_FILLED, L_LAST, L_TRIGGER = range(8)
DEATH_ROWS = 8
# walls
W_TICK, W_UNTIL, W_SPOOF = range(3)
# table: one column a position.
P_ID, P_SIDE, P_LOTS, P_ENTRY, P_LEVERAGE, P_MARGIN, P_TRIGGER, P_BANKRUPT, P_OPENED = range(9)
TABLE_ROWS = 9
# stats
COUNT, NEXT_ID, LONG_LOTS, SHORT_LOTS, POOL_LOTS, LONGS, SHORTS, LONG_EDGE, SHORT_EDGE = range(9)
FLOW_USD, BASIS, FAIR, INDEX, PREMIUM, MARK, FORCED_LOTS, FUNDING_AVERAGE, REFERENCE = range(9, 18)
STATS_SIZE = 18
# params
(
    TICK_USD,
    LOT_COINS,
    DEPTH_USD,
    DENSE_TICKS,
    ROUND_TICKS,
    ORDERS_PER_S,
    OI_USD,
    POSITION_USD,
    CLOSE_FEE,
    LAG_S,
    REACH_TICKS,
    LEVERAGE_BLUR,
    FUNDED_SHARE,
    FUNDED_EXTRA,
    RESCUES_PER_H,
    HEDGER_SHARE,
    LEAN,
    PROFIT_TAKING,
    TURNOVER,
    SIZE_SIGMA,
    SIZE_SCALE,
    ENTRY_SIGMA,
    LEVERAGE_SHARES,  # and as many more as there are LEVERAGES
) = range(23)

CASCADE_SLICE_BP = 1.5  # a forced order takes at most this many basis points of usual depth a step
LEVERAGES = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 25.0, 50.0, 75.0, 100.0, 125.0)
POSITION_FLOW_PER_S = 1.0 / 90_000  # share of open interest that taker orders open or close a second


def compiled(function: Kernel) -> Kernel:
    """Compile on first use and keep the machine code on disk."""
    return cast(Kernel, njit(cache=True)(function))


# Random numbers: splitmix64, one state a market, so that a world repeats whatever else the process does.


@compiled
def uniform(state: State) -> float:
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def normal(state: State) -> float:
    return sqrt(-2.0 * log(1.0 - uniform(state))) * cos(2.0 * pi * uniform(state))


@compiled
def exponential(state: State) -> float:
    return -log(1.0 - uniform(state))


@compiled
def poisson(state: State, mean: float) -> int:
    if mean > 30.0:
        return max(0, int(mean + sqrt(mean) * normal(state) + 0.5))
    count = 0
    product = uniform(state)
    bound = exp(-mean)
    while product > bound:
        count += 1
        product *= uniform(state)
    return count


@compiled
def lognormal(state: State, sigma: float) -> float:
    """Draw with mean 1."""
    return exp(sigma * normal(state) - 0.5 * sigma * sigma)


# Book: a window of ticks around the price; the best bid and ask part it, so one array holds both sides.


@compiled
def put(book: Ints, head: Ints, changes: Ints, side: int, tick: int, lots: int) -> None:
    """Set the size resting at a tick of a side (+1 bid, -1 ask); ticks outside the window are ignored."""
    index = tick - head[BASE]
    if index < 0 or index >= book.shape[1]:
        return
    before = book[LOTS, index]
    if before == lots:
        return
    if book[STAMP, index] != head[STEP] and head[CHANGED] < changes.shape[1]:
        book[STAMP, index] = head[STEP]
        changes[0, head[CHANGED]] = tick
        changes[1, head[CHANGED]] = before
        head[CHANGED] += 1
    book[LOTS, index] = lots
    if lots > 0:
        if side > 0:
            head[BID] = max(head[BID], tick)
        else:
            head[ASK] = min(head[ASK], tick)
    elif tick == head[BID]:
        while index > 0 and book[LOTS, index] == 0:
            index -= 1
        head[BID] = head[BASE] + index
    elif tick == head[ASK]:
        while index < book.shape[1] - 1 and book[LOTS, index] == 0:
            index += 1
        head[ASK] = head[BASE] + index


@compiled
def take(
    book: Ints, head: Ints, changes: Ints, trades: Ints, side: int, lots: int, limit: int, kind: int
) -> tuple[int, int]:
    """Execute a taker order up to a limit tick; return (lots filled, sum of tick times lots)."""
    left = lots
    value = 0
    while left > 0:
        tick = head[ASK] if side > 0 else head[BID]
        available = book[LOTS, tick - head[BASE]]
        if available == 0 or (tick - limit) * side > 0 or head[TRADES] >= trades.shape[1]:
            break
        filled = min(left, available)
        put(book, head, changes, -side, tick, available - filled)
        at = head[TRADES]
        trades[T_TICK, at] = tick
        trades[T_LOTS, at] = filled
        trades[T_SIDE, at] = side
        trades[T_KIND, at] = kind
        head[TRADES] += 1
        left -= filled
        value += tick * filled
    return lots - left, value


@compiled
def recentre(book: Ints, head: Ints, changes: Ints) -> None:
    """Move the window when the price has left its middle half; levels that fall out are cancelled."""
    width = book.shape[1]
    offset = (head[BID] + head[ASK]) // 2 - head[BASE] - width // 2
    if abs(offset) < width // 4:
        return
    first, last = (0, offset) if offset > 0 else (width + offset, width)
    for index in range(first, last):
        if book[LOTS, index] > 0:
            put(book, head, changes, 1 if offset > 0 else -1, head[BASE] + index, 0)
    moved = np.zeros_like(book)
    if offset > 0:
        moved[:, : width - offset] = book[:, offset:]
    else:
        moved[:, -offset:] = book[:, : width + offset]
    book[:, :] = moved
    head[BASE] += offset


@compiled
def target_lots(params: Floats, state: State, distance: int, tick: int) -> int:
    """Draw what rests at a tick: often nothing; more at round prices; less per tick farther away.

    Both the chance that a level exists and its mean size depend on the distance, so that redrawing
    random ticks for ever keeps the book in its typical shape.
    """
    dense = params[DENSE_TICKS]
    chance = 0.95 if distance <= dense else 0.95 * (dense / distance) ** 0.75
    boost = 1.0
    if tick % (10 * int(params[ROUND_TICKS])) == 0:
        boost, chance = 4.0, max(chance, 0.98)
    elif tick % int(params[ROUND_TICKS]) == 0:
        boost, chance = 2.0, max(chance, 0.9)
    if uniform(state) >= chance:
        return 0
    price = tick * params[TICK_USD]
    ticks_per_bp = price * 1e-4 / params[TICK_USD]
    usd = params[DEPTH_USD] / ticks_per_bp * 0.75 / (1.0 + distance / ticks_per_bp / 25.0)
    usd *= 1.0 + 1.5 * exp(-distance / 3.0)
    # A lone far level stands for its empty neighbours, except that a round one has company.
    share = 0.95 * (dense / distance) ** 0.75 if distance > dense else 0.95
    lots = usd * boost / share * lognormal(state, 0.9) / (price * params[LOT_COINS])
    return max(1, int(min(lots, 8.0 * params[DEPTH_USD] / (price * params[LOT_COINS]))))


@compiled
def fill_book(params: Floats, state: State, head: Ints, book: Ints, changes: Ints, fair: float) -> None:
    """Lay the first book around a fair price in ticks."""
    head[BASE] = int(fair) - book.shape[1] // 2
    head[BID] = head[BASE]
    head[ASK] = head[BASE] + book.shape[1] - 1
    best = floor(fair)
    for distance in range(int(params[REACH_TICKS])):
        put(book, head, changes, 1, best - distance, target_lots(params, state, distance, best - distance))
        put(
            book,
            head,
            changes,
            -1,
            best + 1 + distance,
            target_lots(params, state, distance, best + 1 + distance),
        )
        head[CHANGED] = 0


@compiled
def wall_at(walls: Ints, tick: int) -> int:
    for slot in range(walls.shape[1]):
        if walls[W_TICK, slot] == tick:
            return slot
    return -1


@compiled
def follow_price(
    params: Floats,
    state: State,
    head: Ints,
    book: Ints,
    changes: Ints,
    walls: Ints,
    trades: Ints,
    best_bid: int,
) -> None:
    """Clear quotes the price has passed: makers cancel most, arbitrage trades the rest, walls are eaten."""
    cap = int(0.6 * params[DEPTH_USD] / (best_bid * params[TICK_USD] * params[LOT_COINS])) + 1
    for side in (1, -1):
        arbitrage = uniform(state) < 0.35
        eaten = 0
        while eaten < cap:
            tick = head[ASK] if side > 0 else head[BID]
            available = book[LOTS, tick - head[BASE]]
            passed = tick <= best_bid if side > 0 else tick > best_bid
            if not passed or available == 0:
                break
            slot = wall_at(walls, tick)
            if slot >= 0 or (arbitrage and uniform(state) < 0.25):
                filled, _ = take(book, head, changes, trades, side, min(available, cap - eaten), tick, 0)
                if filled == 0:
                    break
                eaten += filled
            else:
                put(book, head, changes, -side, tick, 0)


@compiled
def requote(
    params: Floats,
    state: State,
    head: Ints,
    book: Ints,
    changes: Ints,
    walls: Ints,
    best_bid: int,
    dt_s: float,
) -> None:
    """Redraw random levels, most of them near the touch, and keep the touch itself quoted."""
    reach = params[REACH_TICKS]
    ticks_per_bp = best_bid * 1e-4
    for event in range(poisson(state, 350.0 * params[ORDERS_PER_S] ** 0.5 * dt_s) + 6):
        side = 1 if uniform(state) < 0.5 else -1
        if event < 6:
            side = 1 if event % 2 == 0 else -1
            distance = event // 2
        else:
            draw = uniform(state)
            if draw < 0.5:
                distance = int(exponential(state) * 0.5 * params[DENSE_TICKS])
            elif draw < 0.85:
                distance = int(exponential(state) * 12.0 * ticks_per_bp)
            else:
                distance = int(exp(uniform(state) * log(reach)))
        tick = best_bid - distance if side > 0 else best_bid + 1 + distance
        if distance >= reach or (tick >= head[ASK] if side > 0 else tick <= head[BID]):
            continue
        index = tick - head[BASE]
        if index < 0 or index >= book.shape[1] or wall_at(walls, tick) >= 0:
            continue
        if event < 6 and book[LOTS, index] > 0:
            continue
        put(book, head, changes, side, tick, target_lots(params, state, distance, tick))


@compiled
def keep_walls(
    params: Floats,
    state: State,
    head: Ints,
    book: Ints,
    changes: Ints,
    walls: Ints,
    best_bid: int,
    dt_s: float,
) -> None:
    """Let whales come and go: a wall is pulled when its time is up or, when it bluffs, as price nears it."""
    ticks_per_bp = best_bid * 1e-4
    for slot in range(walls.shape[1]):
        tick = walls[W_TICK, slot]
        if tick == 0:
            continue
        index = tick - head[BASE]
        if index < 0 or index >= book.shape[1] or book[LOTS, index] == 0:
            walls[W_TICK, slot] = 0
            continue
        near = abs(tick - best_bid) < 2.5 * ticks_per_bp
        if head[STEP] >= walls[W_UNTIL, slot] or (near and walls[W_SPOOF, slot] == 1):
            put(book, head, changes, 1 if tick <= head[BID] else -1, tick, 0)
            walls[W_TICK, slot] = 0
    if uniform(state) >= dt_s / 20.0:
        return
    slot = wall_at(walls, 0)
    side = 1 if uniform(state) < 0.5 else -1
    distance = (2.0 + exponential(state) * 8.0) * ticks_per_bp
    step = int(params[ROUND_TICKS])
    tick = int(best_bid - side * distance) // step * step
    if slot < 0 or wall_at(walls, tick) >= 0 or (tick >= head[ASK] if side > 0 else tick <= head[BID]):
        return
    price = tick * params[TICK_USD]
    lots = params[DEPTH_USD] * (2.5 + 4.5 * uniform(state)) / (price * params[LOT_COINS])
    put(book, head, changes, side, tick, int(lots))
    walls[W_TICK, slot] = tick
    walls[W_UNTIL, slot] = head[STEP] + int(exponential(state) * 150.0 / dt_s) + 1
    walls[W_SPOOF, slot] = 1 if uniform(state) < 0.5 else 0


# Margin and positions.


@compiled
def trigger_price(tiers: Floats, fee: float, side: int, coins: float, entry: float, margin: float) -> float:
    """Return the mark price at which an isolated position is liquidated.

    Solves ``margin + side*coins*(P - entry) = (m + fee)*coins*P - c`` with the tier (m, c) of the
    notional at P itself, by trying tiers until the answer lies in the tier it used.
    """
    price = entry
    tier = 0
    for _ in range(8):
        notional = coins * price
        found = 0
        while found + 1 < tiers.shape[1] and notional >= tiers[0, found + 1]:
            found += 1
        if _ > 0 and found == tier:
            break
        tier = found
        rate = tiers[1, tier] + fee
        price = (margin + tiers[2, tier] - side * coins * entry) / (coins * (rate - side))
        if price <= 0.0:
            return 0.0
    return price


@compiled
def refresh(table: Floats, tiers: Floats, fee: float, lot_coins: float, at: int) -> None:
    """Recompute the trigger and bankruptcy price of one position."""
    side = int(table[P_SIDE, at])
    coins = table[P_LOTS, at] * lot_coins
    entry, margin = table[P_ENTRY, at], table[P_MARGIN, at]
    table[P_TRIGGER, at] = trigger_price(tiers, fee, side, coins, entry, margin)
    table[P_BANKRUPT, at] = max(0.0, entry - side * margin / coins)


@compiled
def draw_leverage(params: Floats, state: State, side: int) -> float:
    """Draw the leverage wanted; hedgers, most of them short against coins they own, want none."""
    hedgers = params[HEDGER_SHARE]
    if hedgers > 0.0 and uniform(state) < hedgers * (0.5 if side > 0 else 1.5):
        return 1.0
    draw = uniform(state)
    leverage = LEVERAGES[-1]
    for choice in range(len(LEVERAGES)):
        draw -= params[LEVERAGE_SHARES + choice]
        if draw < 0.0:
            leverage = LEVERAGES[choice]
            break
    if params[LEVERAGE_BLUR] > 0.0:
        leverage = max(1.0, leverage * exp(params[LEVERAGE_BLUR] * normal(state)))
    return leverage


@compiled
def open_position(
    params: Floats,
    state: State,
    table: Floats,
    tiers: Floats,
    stats: Floats,
    side: int,
    lots: int,
    wanted: float,
    entry: float,
    now_ms: float,
) -> bool:
    """Add a position against the pool of makers; False when the table is full.

    wanted is the leverage asked for; the tier of the size caps it.
    """
    at = int(stats[COUNT])
    if at >= table.shape[1] or lots <= 0:
        return False
    coins = lots * params[LOT_COINS]
    notional = coins * entry
    tier = 0
    while tier + 1 < tiers.shape[1] and notional >= tiers[0, tier + 1]:
        tier += 1
    leverage = min(wanted, tiers[3, tier])
    # An initial margin below twice the maintenance requirement would be refused or die at once.
    required = tiers[1, tier] * notional - tiers[2, tier]
    margin = max(notional / leverage, 1.5 * required)
    if uniform(state) < params[FUNDED_SHARE]:
        margin *= 1.0 + params[FUNDED_EXTRA] * exponential(state)
    stats[NEXT_ID] += 1
    table[P_ID, at] = stats[NEXT_ID]
    table[P_SIDE, at] = side
    table[P_LOTS, at] = lots
    table[P_ENTRY, at] = entry
    table[P_LEVERAGE, at] = leverage
    table[P_MARGIN, at] = margin
    table[P_OPENED, at] = now_ms
    refresh(table, tiers, params[CLOSE_FEE], params[LOT_COINS], at)
    stats[COUNT] += 1
    stats[POOL_LOTS] -= side * lots
    if side > 0:
        stats[LONG_LOTS] += lots
        stats[LONGS] += 1
        stats[LONG_EDGE] = max(stats[LONG_EDGE], table[P_TRIGGER, at])
    else:
        stats[SHORT_LOTS] += lots
        stats[SHORTS] += 1
        if table[P_TRIGGER, at] > 0.0:
            stats[SHORT_EDGE] = min(stats[SHORT_EDGE], table[P_TRIGGER, at])
    return True


@compiled
def reduce_position(table: Floats, stats: Floats, at: int, lots: int) -> None:
    """Take lots off a position onto the pool; an empty one is replaced by the last of the table."""
    side = int(table[P_SIDE, at])
    left = table[P_LOTS, at] - lots
    stats[POOL_LOTS] += side * lots
    if side > 0:
        stats[LONG_LOTS] -= lots
    else:
        stats[SHORT_LOTS] -= lots
    if left > 0:
        # Margin shrinks in proportion, so the bankruptcy price stays where it was.
        table[P_MARGIN, at] *= left / table[P_LOTS, at]
        table[P_LOTS, at] = left
        return
    if side > 0:
        stats[LONGS] -= 1
    else:
        stats[SHORTS] -= 1
    stats[COUNT] -= 1
    last = int(stats[COUNT])
    for row in range(table.shape[0]):
        table[row, at] = table[row, last]


@compiled
def pick_position(params: Floats, state: State, table: Floats, stats: Floats, side: int, price: float) -> int:
    """Return the index of a position of a side that its holder closes, -1 when none was found.

    Losers are passed over with the chance PROFIT_TAKING.
    """
    count = int(stats[COUNT])
    keeps = params[PROFIT_TAKING]
    for _ in range(64):
        if count == 0:
            break
        at = int(uniform(state) * count)
        if table[P_SIDE, at] != side:
            continue
        loses = (price - table[P_ENTRY, at]) * side < 0.0
        if keeps == 0.0 or not loses or uniform(state) >= keeps:
            return at
    return -1


@compiled
def rescue_positions(
    params: Floats, state: State, table: Floats, tiers: Floats, stats: Floats, mark: float, dt_s: float
) -> None:
    """Let holders whose loss has used up most of the way to their trigger add margin."""
    rate = params[RESCUES_PER_H]
    if rate == 0.0:
        return
    count = int(stats[COUNT])
    for _ in range(poisson(state, count * rate * dt_s / 3600.0)):
        at = int(uniform(state) * count)
        entry, trigger = table[P_ENTRY, at], table[P_TRIGGER, at]
        way = abs(entry - trigger)
        if trigger <= 0.0 or way == 0.0 or abs(mark - trigger) > 0.35 * way:
            continue
        table[P_MARGIN, at] *= 1.2 + 0.8 * exponential(state)
        refresh(table, tiers, params[CLOSE_FEE], params[LOT_COINS], at)


@compiled
def wants_to_open(params: Floats, state: State, stats: Floats, price: float) -> bool:
    """Open interest leans back to its usual size."""
    oi_usd = (stats[LONG_LOTS] + max(stats[POOL_LOTS], 0.0)) * params[LOT_COINS] * price
    lean = max(-0.35, min(0.35, 2.0 * (params[OI_USD] - oi_usd) / params[OI_USD]))
    return bool(uniform(state) < 0.5 + lean)


@compiled
def draw_lots(params: Floats, state: State, leverage: float, price: float) -> int:
    """Draw a position's size; whoever takes much leverage has little money (`traders.size_factor`)."""
    usd = params[POSITION_USD] * lognormal(state, params[SIZE_SIGMA]) * 2.0 / (1.0 + leverage / 20.0)
    usd *= params[SIZE_SCALE]
    return max(1, int(usd / (price * params[LOT_COINS])))


@compiled
def rebalance_pool(
    params: Floats,
    state: State,
    table: Floats,
    tiers: Floats,
    stats: Floats,
    price: float,
    now_ms: float,
    passes: int,
) -> None:
    """Let passive traders take over what the pool of makers holds beyond a few positions."""
    typical = params[POSITION_USD] / (price * params[LOT_COINS])
    for _ in range(passes):
        pool = stats[POOL_LOTS]
        if abs(pool) < 2.0 * typical:
            return
        side = 1 if pool > 0 else -1
        leverage = draw_leverage(params, state, side)
        lots = min(draw_lots(params, state, leverage, price), int(abs(pool)))
        if wants_to_open(params, state, stats, price):
            open_position(params, state, table, tiers, stats, side, lots, leverage, price, now_ms)
        else:
            at = pick_position(params, state, table, stats, -side, price)
            if at >= 0:
                reduce_position(table, stats, at, min(lots, int(table[P_LOTS, at])))


@compiled
def find_edges(table: Floats, stats: Floats) -> None:
    """Recompute the nearest trigger of each side: nothing dies while the mark stays between them."""
    long_edge, short_edge = 0.0, np.inf
    for at in range(int(stats[COUNT])):
        trigger = table[P_TRIGGER, at]
        if table[P_SIDE, at] > 0:
            long_edge = max(long_edge, trigger)
        elif trigger > 0.0:
            short_edge = min(short_edge, trigger)
    stats[LONG_EDGE] = long_edge
    stats[SHORT_EDGE] = short_edge


@compiled
def liquidate_in_book(
    params: Floats,
    head: Ints,
    book: Ints,
    changes: Ints,
    trades: Ints,
    table: Floats,
    stats: Floats,
    out: Floats,
    mark: float,
) -> float:
    """Close what the mark has reached with limit orders at the bankruptcy price; return signed dollars.

    A large position goes slice by slice, step by step, while the mark stays beyond its trigger.  What
    the book does not take at the bankruptcy price passes to the pool, the venue's insurance fund.
    """
    if mark > stats[LONG_EDGE] and mark < stats[SHORT_EDGE]:
        return 0.0
    slice_lots = int(CASCADE_SLICE_BP * params[DEPTH_USD] / (mark * params[LOT_COINS])) + 1
    signed, long_edge, short_edge = 0.0, 0.0, np.inf
    # Downwards, so that the position which fills an emptied place has been looked at already.
    for at in range(int(stats[COUNT]) - 1, -1, -1):
        trigger, side = table[P_TRIGGER, at], int(table[P_SIDE, at])
        reached = trigger > 0.0 and (mark <= trigger if side > 0 else mark >= trigger)
        lots = min(int(table[P_LOTS, at]), slice_lots)
        if not reached or lots < table[P_LOTS, at] or head[LIQUIDATIONS] >= out.shape[1]:
            if side > 0:
                long_edge = max(long_edge, trigger)
            elif trigger > 0.0:
                short_edge = min(short_edge, trigger)
        if not reached or head[LIQUIDATIONS] >= out.shape[1]:
            continue
        bankrupt = table[P_BANKRUPT, at]
        limit = int(bankrupt / params[TICK_USD] + (0.999999 if side > 0 else 0.0))
        first = head[TRADES]
        filled, value = take(book, head, changes, trades, -side, lots, limit, 1)
        row = head[LIQUIDATIONS]
        out[L_ID, row] = table[P_ID, at]
        out[L_SIDE, row] = side
        out[L_LOTS, row] = lots
        out[L_BANKRUPT, row] = bankrupt
        out[L_TRIGGER, row] = trigger
        out[L_AVERAGE, row] = value / filled * params[TICK_USD] if filled > 0 else bankrupt
        out[L_FILLED, row] = filled
        out[L_LAST, row] = trades[T_LOTS, head[TRADES] - 1] if head[TRADES] > first else 0
        head[LIQUIDATIONS] += 1
        stats[FORCED_LOTS] += lots
        signed -= side * filled * params[LOT_COINS] * mark
        reduce_position(table, stats, at, lots)
    stats[LONG_EDGE], stats[SHORT_EDGE] = long_edge, short_edge
    return signed


@compiled
def liquidate_coarse(
    params: Floats, head: Ints, table: Floats, stats: Floats, out: Floats, mark: float
) -> float:
    """The same without a book, for history: everything reached closes at once; return signed dollars."""
    if mark > stats[LONG_EDGE] and mark < stats[SHORT_EDGE]:
        return 0.0
    signed, long_edge, short_edge = 0.0, 0.0, np.inf
    for at in range(int(stats[COUNT]) - 1, -1, -1):
        trigger, side = table[P_TRIGGER, at], int(table[P_SIDE, at])
        if trigger > 0.0 and (mark <= trigger if side > 0 else mark >= trigger):
            lots = int(table[P_LOTS, at])
            row = head[LIQUIDATIONS]
            if row < out.shape[1]:
                out[L_ID, row] = table[P_ID, at]
                out[L_SIDE, row] = side
                out[L_LOTS, row] = out[L_FILLED, row] = out[L_LAST, row] = lots
                out[L_BANKRUPT, row] = table[P_BANKRUPT, at]
                out[L_AVERAGE, row] = mark
                out[L_TRIGGER, row] = trigger
                head[LIQUIDATIONS] += 1
            stats[FORCED_LOTS] += lots
            signed -= side * lots * params[LOT_COINS] * mark
            reduce_position(table, stats, at, lots)
        elif side > 0:
            long_edge = max(long_edge, trigger)
        elif trigger > 0.0:
            short_edge = min(short_edge, trigger)
    stats[LONG_EDGE], stats[SHORT_EDGE] = long_edge, short_edge
    return signed


@compiled
def settle_funding(
    params: Floats, table: Floats, tiers: Floats, stats: Floats, rate: float, mark: float
) -> None:
    """Move funding between margins (longs pay a positive rate) and recompute every trigger."""
    for at in range(int(stats[COUNT])):
        notional = table[P_LOTS, at] * params[LOT_COINS] * mark
        table[P_MARGIN, at] -= table[P_SIDE, at] * rate * notional
        refresh(table, tiers, params[CLOSE_FEE], params[LOT_COINS], at)
    find_edges(table, stats)


@compiled
def populate(
    params: Floats, state: State, table: Floats, tiers: Floats, stats: Floats, price: float, now_ms: float
) -> None:
    """Open the usual open interest at entries scattered as an older, unseen history would have left them."""
    target = params[OI_USD] / (price * params[LOT_COINS])
    for side in (1, -1):
        while (stats[LONG_LOTS] if side > 0 else stats[SHORT_LOTS]) < target:
            entry = price * exp(params[ENTRY_SIGMA] * normal(state))
            leverage = draw_leverage(params, state, side)
            lots = draw_lots(params, state, leverage, entry)
            if not open_position(params, state, table, tiers, stats, side, lots, leverage, entry, now_ms):
                break
            at = int(stats[COUNT]) - 1
            trigger = table[P_TRIGGER, at]
            dead = trigger >= price if side > 0 else 0.0 < trigger <= price
            if dead:
                reduce_position(table, stats, at, int(table[P_LOTS, at]))
    find_edges(table, stats)


# The reference price: one common log-price that BTC shows at once and the others a moment later, plus
# each symbol's own.

COMMON, VOLATILITY, BURST_LEFT_S, BURST_SIDE, OWN, LAGGED, SIGMA, REVERSION_PER_S = 0, 1, 2, 3, 4, 7, 10, 11
REFERENCE_SIZE = 12  # SIGMA and REVERSION_PER_S are the weather: sigma per square root of a second
LEAD_S = 0.4


@compiled
def move_reference(
    ref: Floats, state: State, shock_bp: Floats, betas: Floats, own_sigmas: Floats, dt_s: float, out: Floats
) -> None:
    """Advance the log-prices (relative to the start) by dt_s; shock_bp is what order flow moved them."""
    ref[VOLATILITY] += -ref[VOLATILITY] * dt_s / 3600.0 + 0.35 * sqrt(2.0 * dt_s / 3600.0) * normal(state)
    if ref[BURST_LEFT_S] > 0.0:
        ref[BURST_LEFT_S] -= dt_s
    elif uniform(state) < dt_s / 260.0:
        ref[BURST_LEFT_S] = 15.0 + 40.0 * exponential(state)
        ref[BURST_SIDE] = 1.0 if uniform(state) < 0.5 else -1.0
    burst = ref[BURST_LEFT_S] > 0.0
    scale = exp(ref[VOLATILITY] - 0.06) * (2.6 if burst else 1.0) * sqrt(dt_s)
    drift = ref[BURST_SIDE] * 1.5e-5 * dt_s if burst else 0.0
    move = ref[SIGMA] * scale * normal(state) + drift + shock_bp[0] * 1e-4
    ref[COMMON] += move - ref[COMMON] * ref[REVERSION_PER_S] * dt_s
    for symbol in range(3):
        own = own_sigmas[symbol] * scale * normal(state) + (shock_bp[symbol] * 1e-4 if symbol > 0 else 0.0)
        ref[OWN + symbol] += own - ref[OWN + symbol] * ref[REVERSION_PER_S] * dt_s
        pull = 1.0 if symbol == 0 else min(1.0, dt_s / LEAD_S)
        ref[LAGGED + symbol] += (ref[COMMON] - ref[LAGGED + symbol]) * pull
        out[symbol] = betas[symbol] * ref[LAGGED + symbol] + ref[OWN + symbol]


@compiled
def reference_path(
    ref: Floats, state: State, shock_bp: Floats, betas: Floats, own_sigmas: Floats, dt_s: float, path: Floats
) -> None:
    """Fill path (symbols, parts) with the log-prices of consecutive dt_s; the shock comes with the first."""
    out = np.zeros(path.shape[0])
    for part in range(path.shape[1]):
        move_reference(ref, state, shock_bp, betas, own_sigmas, dt_s, out)
        path[:, part] = out
        shock_bp[:] = 0.0


# One step of a market.


@compiled
def move_basis(state: State, stats: Floats, crowd: float, dt_s: float) -> None:
    """The venue's premium over the reference: noise that dies within minutes, around what the crowd pays."""
    mean = 0.4e-4 * crowd
    stats[BASIS] += (mean - stats[BASIS]) * min(1.0, dt_s / 120.0) + 0.1e-4 * sqrt(
        min(1.0, dt_s / 60.0)
    ) * normal(state)


@compiled
def draw_order(params: Floats, state: State, crowd: float) -> tuple[int, float]:
    """Return side and dollars of one day trader's order; their net position stays nil in the long run."""
    side = 1 if uniform(state) < 0.5 + 0.15 * crowd else -1
    usd = 1_500.0 * exp(1.6 * normal(state))
    if uniform(state) < 0.002:
        usd = params[DEPTH_USD] * (0.4 + exponential(state) * 0.6)
    return side, usd


@compiled
def position_flow(params: Floats) -> float:
    """Return how many taker orders a second open or close a position."""
    return float(params[TURNOVER] * params[OI_USD] / params[POSITION_USD] * POSITION_FLOW_PER_S)


@compiled
def trade_positions(
    params: Floats,
    state: State,
    head: Ints,
    book: Ints,
    changes: Ints,
    trades: Ints,
    table: Floats,
    tiers: Floats,
    stats: Floats,
    crowd: float,
    dt_s: float,
    now_ms: float,
) -> float:
    """Let traders open and close leveraged positions with taker orders; return signed dollars."""
    price = head[BID] * params[TICK_USD]
    signed = 0.0
    for _ in range(poisson(state, position_flow(params) * dt_s)):
        opens = wants_to_open(params, state, stats, price)
        side = 1 if uniform(state) < 0.5 + (params[LEAN] * crowd if opens else 0.0) else -1
        cap = int(1.5 * params[DEPTH_USD] / (price * params[LOT_COINS]))
        at = -1 if opens else pick_position(params, state, table, stats, -side, price)
        leverage = draw_leverage(params, state, side)
        lots = min(draw_lots(params, state, leverage, price) if at < 0 else int(table[P_LOTS, at]), cap)
        if not opens and at < 0:
            continue
        limit = head[BID] + side * int(head[BID] * 20e-4)
        filled, value = take(book, head, changes, trades, side, lots, limit, 0)
        if filled == 0:
            continue
        signed += side * value * params[TICK_USD] * params[LOT_COINS]
        if opens:
            entry = value / filled * params[TICK_USD]
            open_position(params, state, table, tiers, stats, side, filled, leverage, entry, now_ms)
        else:
            reduce_position(table, stats, at, filled)
    rebalance_pool(params, state, table, tiers, stats, price, now_ms, 4)
    rescue_positions(params, state, table, tiers, stats, price, dt_s)
    return signed


@compiled
def step_market(
    params: Floats,
    state: State,
    head: Ints,
    book: Ints,
    changes: Ints,
    walls: Ints,
    trades: Ints,
    table: Floats,
    tiers: Floats,
    stats: Floats,
    out: Floats,
    reference: float,
    crowd: float,
    dt_s: float,
    now_ms: float,
) -> None:
    """Advance one market: quotes follow the reference, people trade, the mark moves, the reached die.

    Leaves the net dollars that pushed the price in stats[FLOW_USD].
    """
    head[STEP] += 1
    head[CHANGED] = head[TRADES] = head[LIQUIDATIONS] = 0
    recentre(book, head, changes)
    move_basis(state, stats, crowd, dt_s)
    fair = reference * (1.0 + stats[BASIS]) / params[TICK_USD]
    stats[FAIR] += (fair - stats[FAIR]) * min(1.0, dt_s / params[LAG_S])
    best_bid = floor(stats[FAIR])
    follow_price(params, state, head, book, changes, walls, trades, best_bid)
    keep_walls(params, state, head, book, changes, walls, best_bid, dt_s)
    requote(params, state, head, book, changes, walls, best_bid, dt_s)
    signed = 0.0
    for _ in range(poisson(state, params[ORDERS_PER_S] * (1.0 + abs(crowd)) * dt_s)):
        side, usd = draw_order(params, state, crowd)
        lots = max(1, int(usd / (best_bid * params[TICK_USD] * params[LOT_COINS])))
        limit = best_bid + side * int(best_bid * 20e-4)
        _, value = take(book, head, changes, trades, side, lots, limit, 0)
        signed += side * value * params[TICK_USD] * params[LOT_COINS]
    signed += trade_positions(
        params, state, head, book, changes, trades, table, tiers, stats, crowd, dt_s, now_ms
    )
    stats[REFERENCE] = reference
    stats[INDEX] += (reference - stats[INDEX]) * min(1.0, dt_s / 0.5)
    mid = 0.5 * (head[BID] + head[ASK]) * params[TICK_USD]
    stats[PREMIUM] += (mid / reference - 1.0 - stats[PREMIUM]) * min(1.0, dt_s / 10.0)
    stats[FUNDING_AVERAGE] += (stats[PREMIUM] - stats[FUNDING_AVERAGE]) * min(1.0, dt_s / 3600.0)
    stats[MARK] = stats[INDEX] * (1.0 + stats[PREMIUM])
    signed += liquidate_in_book(params, head, book, changes, trades, table, stats, out, stats[MARK])
    stats[FLOW_USD] = signed


@compiled
def minute_market(
    params: Floats,
    state: State,
    head: Ints,
    table: Floats,
    tiers: Floats,
    stats: Floats,
    out: Floats,
    path: Floats,
    crowd: float,
    now_ms: float,
    bar: Floats,
) -> None:
    """Advance one market by a minute without a book; path holds the reference at each part of it.

    bar becomes (open, high, low, close, coins, coins taken by buyers, trades); out the minute's
    liquidations, head[LIQUIDATIONS] of them.
    """
    head[LIQUIDATIONS] = 0
    parts = len(path)
    part_s = 60.0 / parts
    volume_usd = 60.0 * params[ORDERS_PER_S] * 7_000.0 * lognormal(state, 0.5)
    signed = 0.0
    moved = 0.0
    opened = bar[3]
    bar[0] = bar[1] = bar[2] = opened
    for part in range(parts):
        move_basis(state, stats, crowd, part_s)
        mark = path[part] * (1.0 + stats[BASIS])
        bar[1] = max(bar[1], mark * (1.0 + 0.5e-4 * exponential(state)))
        bar[2] = min(bar[2], mark * (1.0 - 0.5e-4 * exponential(state)))
        bar[3] = mark
        for _ in range(poisson(state, position_flow(params) * part_s)):
            opens = wants_to_open(params, state, stats, mark)
            side = 1 if uniform(state) < 0.5 + (params[LEAN] * crowd if opens else 0.0) else -1
            leverage = draw_leverage(params, state, side)
            lots = draw_lots(params, state, leverage, mark)
            if opens:
                open_position(params, state, table, tiers, stats, side, lots, leverage, mark, now_ms)
            else:
                at = pick_position(params, state, table, stats, -side, mark)
                if at < 0:
                    continue
                lots = int(table[P_LOTS, at])
                reduce_position(table, stats, at, lots)
            moved += lots * params[LOT_COINS] * mark
            signed += side * lots * params[LOT_COINS] * mark
        rebalance_pool(params, state, table, tiers, stats, mark, now_ms, 8)
        rescue_positions(params, state, table, tiers, stats, mark, part_s)
        forced = liquidate_coarse(params, head, table, stats, out, mark)
        moved += abs(forced)
        signed += forced
        stats[MARK] = stats[INDEX] = mark
        stats[REFERENCE] = path[part]
        stats[PREMIUM] += (stats[BASIS] - stats[PREMIUM]) * min(1.0, part_s / 10.0)
        stats[FUNDING_AVERAGE] += (stats[PREMIUM] - stats[FUNDING_AVERAGE]) * part_s / 3600.0
    volume_usd = volume_usd * (1.0 + abs(bar[3] / opened - 1.0) * 1_500.0) + moved
    buyers = 0.5 + 0.12 * crowd + 0.04 * normal(state) + 0.5 * signed / volume_usd
    bar[4] = volume_usd / bar[3]
    bar[5] = bar[4] * max(0.05, min(0.95, buyers))
    bar[6] = max(1.0, volume_usd / 7_000.0)
    stats[FLOW_USD] = signed


# Views and differences.


@compiled
def top_levels(book: Ints, head: Ints, side: int, most: int, ticks: Ints, lots: Ints) -> int:
    """Write the best levels of a side, best first; return how many there are (at most ``most``)."""
    count = 0
    index = (head[BID] if side > 0 else head[ASK]) - head[BASE]
    step = -1 if side > 0 else 1
    while count < most and 0 <= index < book.shape[1]:
        size = book[LOTS, index]
        if size > 0:
            ticks[count] = head[BASE] + index
            lots[count] = size
            count += 1
        index += step
    return count


@compiled
def difference(
    old_ticks: Ints, old_lots: Ints, new_ticks: Ints, new_lots: Ints, side: int, ticks: Ints, lots: Ints
) -> int:
    """Write what turns one side's view into another, best first, 0 for a level gone; return the count."""
    count = i = j = 0
    while i < len(old_ticks) or j < len(new_ticks):
        if j >= len(new_ticks) or (i < len(old_ticks) and (old_ticks[i] - new_ticks[j]) * side > 0):
            ticks[count], lots[count] = old_ticks[i], 0
            count += 1
            i += 1
        elif i >= len(old_ticks) or old_ticks[i] != new_ticks[j]:
            ticks[count], lots[count] = new_ticks[j], new_lots[j]
            count += 1
            j += 1
        else:
            if old_lots[i] != new_lots[j]:
                ticks[count], lots[count] = new_ticks[j], new_lots[j]
                count += 1
            i += 1
            j += 1
    return count
