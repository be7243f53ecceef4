"""The kinds of stream a phone may watch, one file each; `base` says what a kind is."""
