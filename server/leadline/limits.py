"""Every bound in one place: what can grow has a number here, with its unit."""

from __future__ import annotations

# Venue side.
FRAME_BYTES_MAX = 8 * 1024 * 1024  # a larger venue frame is dropped and the connection replaced
REST_BYTES_MAX = 16 * 1024 * 1024  # decompressed; Binance's exchangeInfo is the largest honest answer
REST_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
RECONNECT_S_MIN = 0.25
RECONNECT_S_MAX = 30.0
RECONNECT_HEALTHY_S = 60.0
SILENT_BOOK_S = 10.0
FIRST_DATA_S = 4.25  # two looks of a quarter second and a question come on top: 5 s in all
SNAPSHOT_TRIES_MAX = 5
BUFFERED_DELTAS_MAX = 10_000

# Session side.
TRADES_KEPT = 50
WAITING_EVENTS_MAX = 50_000  # a symbol and venue, while its bands are built
TRADES_PER_FRAME_MAX = 200
LADDER_ROWS_MAX = 200
LADDER_HZ_DEFAULT = 10
LADDER_HZ_MAX = 20
BAND_ROWS = 400
GLANCE_SYMBOLS_MAX = 30
MARKS_MAX = 200
MARK_COLOURS = 8
MARK_LABEL_CHARS_MAX = 40
MAP_STEP_MIN = {12: 1, 24: 2, 72: 5, 168: 15}  # minutes a column, by hours of the range
MAP_HOURS = tuple(MAP_STEP_MIN)
MAP_OPENED = ("all", "range")  # which positions: all that are open, or those opened within the range

# Phone side.
CLIENT_MESSAGE_BYTES_MAX = 64 * 1024
CLIENT_MESSAGES_PER_S_MAX = 20
CLIENT_SUBSCRIPTIONS_MAX = 64
CLIENT_QUEUE_BYTES_MAX = 1024 * 1024
CLIENT_WRITE_BUFFER_BYTES = 32 * 1024  # more than this on its way to a client, and frames wait and are merged

# Alerts on their way.
PUSH_ENDPOINT_CHARS_MAX = 1024
PUSH_PAYLOAD_BYTES_MAX = 2_500  # push services take about 4 KB, encrypted
PUSH_ANSWER_BYTES_MAX = 4_096
PUSH_TIMEOUT_S = 10.0
PUSH_DEVICES_MAX = 20
INBOX_ALERTS_MAX = 100  # shown, and followed for what comes of them
PUSH_POSTS_AT_ONCE = 64
API_BODY_BYTES_MAX = 16 * 1024
