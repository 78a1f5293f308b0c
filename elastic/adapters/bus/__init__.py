"""The bus: kombu on a real broker or on one SQLite file, and one in memory for tests."""
