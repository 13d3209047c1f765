-- A gradviz trace, version 1. application_id and user_version are set by the writer.
--
-- Rows are only ever appended while a program runs, so that a trace can be read while it is written and keeps
-- everything up to its last commit if the recorder is killed.

-- Rows `first` to `first + count - 1` of a stream: of a noun or a kind of event (`fields` tells of their columns), or
-- of `text`, whose numbers are what other columns hold for texts. layout: JSON [[column, dtype, base, length], ...];
-- data: these columns one after the other, little-endian, `base` taken off each whole number. digest: BLAKE2b-128 of
-- all that stands before it in the row.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    layout TEXT NOT NULL, data BLOB NOT NULL, digest BLOB NOT NULL
);

-- How many rows of each stream the last commit left.
CREATE TABLE total (stream TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;

-- Raw little-endian bytes in C order: the tensor whole, or its thumbnail as float32. digest: BLAKE2b-128 of data.
CREATE TABLE content (tensor INTEGER PRIMARY KEY, data BLOB NOT NULL, digest BLOB NOT NULL);
