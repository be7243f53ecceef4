"""The running market: sources of all venues, sessions of all symbols, estimates beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from leadline.clock import Clock
from leadline.domain.events import Event
from leadline.domain.instrument import Instrument
from leadline.errors import UsageError, VenueError
from leadline.feed.hub import Hub
from leadline.feed.session import SymbolSession
