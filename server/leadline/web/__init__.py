"""The HTTP and WebSocket face: pages, health and the live frames."""
