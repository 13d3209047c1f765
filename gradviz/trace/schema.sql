-- A gradviz trace, version 1. application_id and user_version are set by the writer.
--
-- Rows are only ever appended, in the order of their ids, so that a trace can be read while it is
-- written and keeps everything up to its last commit if the recorder is killed. Ids of nodes, edges,
-- values and tensors are dense from 0, steps of events from 1. Columns named here "json" hold JSON as
-- Python writes it (NaN and Infinity are allowed).

-- Facts about the recording; the last row of a key counts. value: json. "complete" is written last.
CREATE TABLE meta (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL);

-- Program texts. cells: json [[title, first line], ...]
CREATE TABLE source (id INTEGER PRIMARY KEY, file TEXT NOT NULL, text TEXT NOT NULL, cells TEXT NOT NULL);

-- shape: json [int, ...] or null; saved: json [[name, tensor or null, value], ...]; formula: json [text, ...]
CREATE TABLE node (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, sequence_nr INTEGER, label TEXT,
    shape TEXT NOT NULL, dtype TEXT, file TEXT, line INTEGER, scope TEXT NOT NULL, saved TEXT NOT NULL,
    formula TEXT NOT NULL
);

CREATE TABLE edge (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, slot INTEGER NOT NULL, target INTEGER NOT NULL,
    target_slot INTEGER NOT NULL
);

CREATE TABLE value (
    id INTEGER PRIMARY KEY, label TEXT, shape TEXT NOT NULL, dtype TEXT NOT NULL, tensor INTEGER,
    node INTEGER, slot INTEGER NOT NULL
);

-- Names found after their node or value was written; the last row of an item counts.
CREATE TABLE label (id INTEGER PRIMARY KEY, item TEXT NOT NULL, item_id INTEGER NOT NULL, label TEXT NOT NULL);

-- sum: the BLAKE2b-128 of the bytes in content, NULL where only the numbers are kept.
CREATE TABLE tensor (
    id INTEGER PRIMARY KEY, shape TEXT NOT NULL, dtype TEXT NOT NULL, norm REAL, min REAL, max REAL,
    mean REAL, nan INTEGER NOT NULL, inf INTEGER NOT NULL, zero INTEGER NOT NULL, storage TEXT NOT NULL,
    sum BLOB
);

-- Raw little-endian bytes in C order: the tensor whole, or its thumbnail as float32.
CREATE TABLE content (tensor INTEGER PRIMARY KEY, data BLOB NOT NULL);

-- body: json, the fields of the event's dataclass except step, file and line
CREATE TABLE event (step INTEGER PRIMARY KEY, kind TEXT NOT NULL, file TEXT, line INTEGER, body TEXT NOT NULL);

-- For each table above except content: how many rows the last commit left in it, and their BLAKE2b-128.
CREATE TABLE digest (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum TEXT NOT NULL) WITHOUT ROWID;
