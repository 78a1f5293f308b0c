"""Nouns: records that do not change. A change makes a new record (`msgspec.structs.replace`)."""
