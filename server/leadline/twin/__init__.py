"""A market simulator that speaks three venues' real protocols on loopback.

One seeded world (world.py) holds nine perpetual markets (market.py) whose books, traders and liquidation
engine run in compiled loops (kernels.py).  binance.py, bybit.py and okx.py put it on sockets, truth.py
tells tests what really happened, faults.py breaks things on purpose.
"""
