package store

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/pgtest"
	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

func TestSQLite(t *testing.T) {
	suite(t, "sqlite:"+filepath.Join(t.TempDir(), "a b?.db"))
}

func TestPostgres(t *testing.T) {
	admin := pgtest.Start(t)
	suite(t, provision(t, admin, "helpdesk", "it's \\ secret"))
}

// provision is called twice, the second time with the password to keep.
func provision(t *testing.T, admin, name, password string) string {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	for _, pw := range []string{"first", password} {
		u.User = url.UserPassword(name, pw)
		if err := Provision(t.Context(), admin, u.String()); err != nil {
			t.Fatal(err)
		}
	}
	return u.String()
}

// suite is what both databases must do.
func suite(t *testing.T, url string) {
	db, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Disconnect() })
	ctx := t.Context()
	if db.Ready(ctx) == nil {
		t.Fatal("an empty database calls itself ready")
	}
	for i, want := range []int{revision.Schema, 0} {
		if n, err := db.Migrate(ctx); err != nil || n != want {
			t.Fatalf("migration %d applied %d: %v", i, n, err)
		}
	}
	if err := db.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	t.Run("tickets", func(t *testing.T) { suiteTickets(t, db) })
	t.Run("jobs", func(t *testing.T) { suiteJobs(t, db) })
	t.Run("admin", func(t *testing.T) { suiteAdmin(t, db) })
	t.Run("heartbeats", func(t *testing.T) { suiteBeats(t, db) })
	t.Run("newer and older schema", func(t *testing.T) { suiteSchema(t, db) })
}

func draft(t *testing.T, title string) ticket.Draft {
	t.Helper()
	d := ticket.Draft{Title: title, Body: "body\n" + title, Requester: "Dana"}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	return d
}

func suiteTickets(t *testing.T, db *DB) {
	ctx := t.Context()
	evil := []string{`<script>alert(1)</script>`, `'; DROP TABLE tickets; --`, "emoji 🧨 \u202e rtl", `$1 {{.}} %s \`, strings.Repeat("ü", 200)}
	for _, title := range evil {
		made, err := db.Create(ctx, draft(t, title))
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Get(ctx, made.ID)
		if err != nil || got.Title != title || got.State != ticket.Open || !got.Created.Equal(made.Created) {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	list, err := db.List(ctx, ticket.Filter{Limit: 2})
	if err != nil || len(list) != 2 || list[0].Title != evil[4] {
		t.Fatalf("list %+v, %v", list, err)
	}
	id := list[0].ID
	if rest, err := db.List(ctx, ticket.Filter{Before: list[1].ID}); err != nil || len(rest) != 3 {
		t.Fatalf("rest %+v, %v", rest, err)
	}
	if _, err := db.Reply(ctx, id, ticket.Comment{Author: "Sam", Body: "Looking."}); err != nil {
		t.Fatal(err)
	}
	first, err := db.Close(ctx, id)
	if err != nil || first.State != ticket.Closed {
		t.Fatalf("closed %+v, %v", first, err)
	}
	if again, err := db.Close(ctx, id); err != nil || !again.Closed.Equal(*first.Closed) {
		t.Fatalf("closed twice: %+v, %v", again, err)
	}
	if _, err := db.Reply(ctx, id, ticket.Comment{Body: "late"}); !errors.Is(err, ticket.ErrClosed) {
		t.Fatalf("reply to a closed ticket: %v", err)
	}
	if c, err := db.Comments(ctx, id); err != nil || len(c) != 1 || c[0].Body != "Looking." {
		t.Fatalf("comments %+v, %v", c, err)
	}
	if open, err := db.List(ctx, ticket.Filter{State: ticket.Open}); err != nil || len(open) != 4 {
		t.Fatalf("open %+v, %v", open, err)
	}
	if c, err := db.Count(ctx); err != nil || c.Open != 4 || c.Closed != 1 {
		t.Fatalf("counts %+v, %v", c, err)
	}
	if err := db.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{db.Delete(ctx, id), third(db.Get(ctx, id)), third(db.Close(ctx, id)), third(db.Reply(ctx, id, ticket.Comment{Body: "x"}))} {
		if !errors.Is(err, ticket.ErrNotFound) {
			t.Fatalf("a deleted ticket answers %v", err)
		}
	}
}

func third[T any](_ T, err error) error { return err }

func suiteJobs(t *testing.T, db *DB) {
	ctx := t.Context()
	made, err := db.Create(ctx, draft(t, "job"))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := db.Unsent(ctx, time.Hour, 100)
	if err != nil || len(jobs) == 0 {
		t.Fatalf("unsent %+v, %v", jobs, err)
	}
	job := jobs[len(jobs)-1]
	if job.Ticket != made.ID || job.Kind != JobOpened {
		t.Fatalf("job %+v", job)
	}
	for _, j := range jobs {
		if err := db.Sent(ctx, j.ID); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := db.Unsent(ctx, time.Hour, 100); err != nil || len(left) != 0 {
		t.Fatalf("left %+v, %v", left, err)
	}
	if lost, err := db.Unsent(ctx, -time.Hour, 100); err != nil || len(lost) != len(jobs) {
		t.Fatalf("lost jobs %d of %d, %v", len(lost), len(jobs), err)
	}
	for range 2 {
		if err := db.Notify(ctx, Notification{Job: job.ID, Recipient: "dana", Subject: "s", Body: "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Notify(ctx, Notification{Job: "of a deleted ticket"}); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Notifications(ctx, made.ID); err != nil || len(n) != 1 {
		t.Fatalf("notifications %+v, %v", n, err)
	}
	if err := db.Delete(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Notifications(ctx, made.ID); err != nil || len(n) != 0 {
		t.Fatalf("notifications of a deleted ticket %+v, %v", n, err)
	}
}

func suiteAdmin(t *testing.T, db *DB) {
	ctx := t.Context()
	if _, _, err := db.ResetAdmin(ctx); !errors.Is(err, ErrNoAdmin) {
		t.Fatalf("reset without admin: %v", err)
	}
	for range 2 {
		if err := db.EnsureAdmin(ctx, "dana@acme.example"); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := db.IsAdmin(ctx, "dana@acme.example", ""); ok || err != nil {
		t.Fatalf("an admin without password is let in: %v", err)
	}
	email, password, err := db.ResetAdmin(ctx)
	if err != nil || email != "dana@acme.example" {
		t.Fatal(email, err)
	}
	for pw, want := range map[string]bool{password: true, password + "x": false} {
		if ok, err := db.IsAdmin(ctx, email, pw); ok != want || err != nil {
			t.Fatalf("password %q: %v, %v", pw, ok, err)
		}
	}
}

func suiteBeats(t *testing.T, db *DB) {
	ctx := t.Context()
	if _, ok, err := db.LastBeat(ctx); ok || err != nil {
		t.Fatal("a heartbeat of nobody", err)
	}
	if err := db.Beat(ctx, "w1"); err != nil {
		t.Fatal(err)
	}
	now := db.now
	db.now = func() time.Time { return now().Add(time.Minute) }
	defer func() { db.now = now }()
	if age, ok, err := db.LastBeat(ctx); !ok || err != nil || age < time.Minute || age > 2*time.Minute {
		t.Fatal(age, ok, err)
	}
}

func suiteSchema(t *testing.T, db *DB) {
	ctx := context.WithoutCancel(t.Context())
	exec := func(q string, args ...any) {
		if _, err := db.sql.ExecContext(ctx, q, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO schema_migrations (version, name, applied) VALUES (99, 'newer', 0)")
	if err := db.Ready(ctx); err != nil {
		t.Fatalf("a newer schema is refused: %v", err)
	}
	exec("DELETE FROM schema_migrations WHERE version >= $1", revision.Schema)
	if db.Ready(ctx) == nil {
		t.Fatal("an older schema is accepted")
	}
}

func TestBackupRestore(t *testing.T) {
	path, copied := filepath.Join(t.TempDir(), "d.db"), filepath.Join(t.TempDir(), "copy.db")
	db, err := Open("sqlite:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Create(t.Context(), draft(t, "kept")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Create(t.Context(), draft(t, "after the backup")); err != nil {
		t.Fatal(err)
	}
	if err := db.Disconnect(); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), copied, path); err != nil {
		t.Fatal(err)
	}
	if db, err = Open("sqlite:" + path); err != nil {
		t.Fatal(err)
	}
	defer db.Disconnect()
	if list, err := db.List(t.Context(), ticket.Filter{}); err != nil || len(list) != 1 || list[0].Title != "kept" {
		t.Fatalf("restored %+v, %v", list, err)
	}
}

func TestOpenRefusesOthers(t *testing.T) {
	for _, u := range []string{"", "sqlite:", "mysql://x", "/path"} {
		if _, err := Open(u); err == nil {
			t.Errorf("%q was opened", u)
		}
	}
}
