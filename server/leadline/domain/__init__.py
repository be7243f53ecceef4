"""Pure market state: events in, values out.  No sockets, files, clocks or asyncio in here."""
