"""What a server keeps over a restart: devices, rules, alerts on their way, marks; a SQLite file a market."""
