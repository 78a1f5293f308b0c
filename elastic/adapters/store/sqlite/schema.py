"""The tables. Records lie in `body` columns as the codec writes them; the other columns are for finding them.

`ordinal` keeps the instances of a domain together on disk, and in the order in which they were added.
"""

TABLES = (
    "CREATE TABLE layout (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, uid TEXT NOT NULL,"
    " partitions INTEGER NOT NULL)",
    "CREATE TABLE assignment (one INTEGER PRIMARY KEY CHECK (one = 1), serial INTEGER NOT NULL,"
    " body BLOB NOT NULL)",
    "CREATE TABLE leases (role TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " boot_id TEXT NOT NULL, until REAL NOT NULL)",
    "CREATE TABLE terms (role TEXT PRIMARY KEY, number INTEGER NOT NULL, member TEXT NOT NULL,"
    " token TEXT NOT NULL)",
    "CREATE TABLE members (name TEXT PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE weights (name TEXT PRIMARY KEY, weight REAL NOT NULL)",
    "CREATE TABLE strays (server_id TEXT PRIMARY KEY, instance_id TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE TABLE quarantines (owner TEXT NOT NULL, name TEXT NOT NULL, strikes INTEGER NOT NULL,"
    " until REAL NOT NULL, member TEXT NOT NULL, PRIMARY KEY (owner, name))",
    "CREATE TABLE flags (name TEXT PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE partitions (number INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL)",
    "CREATE TABLE domains (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL,"
    " partition INTEGER NOT NULL, incarnation INTEGER NOT NULL, counter INTEGER NOT NULL, commit_id TEXT,"
    " body BLOB NOT NULL, standing BLOB NOT NULL, UNIQUE (owner, name))",
    "CREATE INDEX domains_by_partition ON domains (partition)",
    "CREATE TABLE instances (domain INTEGER NOT NULL, ordinal INTEGER NOT NULL, instance_id TEXT NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY (domain, ordinal)) WITHOUT ROWID",
    "CREATE UNIQUE INDEX instances_by_id ON instances (domain, instance_id)",
    "CREATE TABLE decisions (domain INTEGER NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (domain, number)) WITHOUT ROWID",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)",
    "CREATE TABLE news (seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL)",
    "CREATE TABLE requests (key TEXT PRIMARY KEY, keep_until REAL NOT NULL, answer BLOB NOT NULL)",
    "CREATE INDEX requests_by_age ON requests (keep_until)",
    "CREATE TABLE entries (kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name))",
)
