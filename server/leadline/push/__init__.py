"""From an alert that fired to the lock screen: keys, addresses, messages, sending, what is on its way."""
