"""Between venues and phones: sessions drain events and emit frames at their own pace."""
