CREATE TABLE tickets (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  title     TEXT NOT NULL,
  body      TEXT NOT NULL DEFAULT '',
  requester TEXT NOT NULL DEFAULT '',
  created   BIGINT NOT NULL,
  closed    BIGINT
);
CREATE TABLE comments (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  ticket  BIGINT NOT NULL REFERENCES tickets ON DELETE CASCADE,
  author  TEXT NOT NULL DEFAULT '',
  body    TEXT NOT NULL,
  created BIGINT NOT NULL
);
CREATE INDEX comments_by_ticket ON comments (ticket, id);
CREATE TABLE jobs (
  id        TEXT PRIMARY KEY,
  ticket    BIGINT NOT NULL REFERENCES tickets ON DELETE CASCADE,
  kind      TEXT NOT NULL,
  title     TEXT NOT NULL,
  created   BIGINT NOT NULL,
  published BIGINT,
  done      BIGINT
);
CREATE INDEX jobs_not_done ON jobs (created) WHERE done IS NULL;
CREATE TABLE notifications (
  job       TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
  ticket    BIGINT NOT NULL,
  recipient TEXT NOT NULL,
  subject   TEXT NOT NULL,
  body      TEXT NOT NULL,
  created   BIGINT NOT NULL
);
CREATE INDEX notifications_by_ticket ON notifications (ticket);
CREATE TABLE statistics (
  id      INT PRIMARY KEY CHECK (id = 1),
  open    BIGINT NOT NULL,
  closed  BIGINT NOT NULL,
  counted BIGINT NOT NULL
);
CREATE TABLE heartbeats (
  worker TEXT PRIMARY KEY,
  seen   BIGINT NOT NULL
);
CREATE TABLE users (
  email         TEXT PRIMARY KEY,
  role          TEXT NOT NULL,
  password_hash TEXT NOT NULL DEFAULT '',
  created       BIGINT NOT NULL
);
