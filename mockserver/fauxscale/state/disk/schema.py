"""The tables of a store on disk."""

from __future__ import annotations

# Increases when stored data changes so that older data cannot be read any more.
VERSION = 1

# Values, counters and windows are rows, `numbers` the integer members of one, as JSON; a list has its length and size.
# A group is the part of a key before the slash. Text is stored as bytes: it may hold invalid characters.
SCHEMA = """
CREATE TABLE rows (key BLOB PRIMARY KEY, grp BLOB, value BLOB, numbers TEXT, dies REAL) WITHOUT ROWID;
CREATE TABLE leases (key BLOB, grp BLOB, holder BLOB, dies REAL, PRIMARY KEY (key, holder)) WITHOUT ROWID;
CREATE TABLE lists (key BLOB PRIMARY KEY, grp BLOB, count INTEGER, size INTEGER) WITHOUT ROWID;
CREATE TABLE items (place INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB, grp BLOB, value BLOB, size INTEGER);
CREATE TABLE fields (
    place INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB, grp BLOB, name BLOB, value BLOB, UNIQUE (key, name)
);
CREATE TABLE blobs (key BLOB PRIMARY KEY, grp BLOB, digest TEXT, dies REAL) WITHOUT ROWID;
CREATE INDEX items_of_key ON items (key, place);
CREATE INDEX fields_of_key ON fields (key, place);
CREATE INDEX lists_of_group ON lists (grp);
CREATE INDEX rows_of_group ON rows (grp);
CREATE INDEX leases_of_group ON leases (grp);
CREATE INDEX items_of_group ON items (grp);
CREATE INDEX fields_of_group ON fields (grp);
CREATE INDEX blobs_of_group ON blobs (grp);
CREATE INDEX blobs_of_digest ON blobs (digest);
CREATE INDEX rows_by_death ON rows (dies) WHERE dies IS NOT NULL;
CREATE INDEX blobs_by_death ON blobs (dies) WHERE dies IS NOT NULL;
"""
TABLES = ("rows", "leases", "lists", "items", "fields", "blobs")
