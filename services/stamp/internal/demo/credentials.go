package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"stampworks.dev/services/provisioner/driver"
)

// manifest is what the proof reads of a stamp's record on disk. Only the
// stamp's keeper can read that file; the proof is one.
type manifest struct {
	Wish struct {
		Components map[string]struct {
			Env map[string]string `json:"env"`
		} `json:"components"`
		Site driver.Site `json:"site"`
	} `json:"wish"`
}

func (r *run) manifest(s *copyOf) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(r.plane.data(), "provisioner", "cell", "stamps", s.tenant, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read manifest of %s: %w", s.tenant, err)
	}
	return m, nil
}

// at gives the address of a port.
func (m manifest) at(port string) string {
	b := m.Wish.Site.Binds[port]
	return net.JoinHostPort(b.Host, strconv.Itoa(b.Port))
}

// refuseCredentials tries every customer's credentials at every other one's,
// and at its own, where they must work: else nothing would be proven.
func (r *run) refuseCredentials(ctx context.Context) (string, error) {
	attempt, what := tryDatabase, "database passwords"
	if r.result.Blueprint != "helpdesk" {
		attempt, what = tryInternal, "worker tokens"
	}
	manifests := map[*copyOf]manifest{}
	for _, s := range r.stamps {
		m, err := r.manifest(s)
		if err != nil {
			return "", err
		}
		manifests[s] = m
	}
	refused := 0
	for _, from := range r.stamps {
		for _, to := range r.stamps {
			in, err := attempt(ctx, manifests[from], manifests[to])
			switch {
			case err != nil:
				return "", fmt.Errorf("try credentials of %s at %s: %w", from.display, to.display, err)
			case from == to && !in:
				return "", fmt.Errorf("credentials of %s do not work at its own copy", from.display)
			case from != to && in:
				return "", fmt.Errorf("credentials of %s opened the copy of %s", from.display, to.display)
			case from != to:
				refused++
			}
		}
	}
	r.result.CredentialRefused = true
	return fmt.Sprintf("%d %s tried at the others, all refused; each works at its own", refused, what), nil
}

// tryDatabase tries one stamp's database password at another's database.
func tryDatabase(ctx context.Context, from, to manifest) (bool, error) {
	target, err := url.Parse(from.Wish.Components["app"].Env["DATABASE_URL"])
	if err != nil {
		return false, err
	}
	target.Host = to.at("db.sql")
	conn, err := pgconn.Connect(ctx, target.String())
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) && refusal.Code == "28P01" { // invalid_password
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, conn.Close(ctx)
}

// tryInternal tries one stamp's worker token at another's app.
func tryInternal(ctx context.Context, from, to manifest) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+to.at("app.http")+"/internal/heartbeats", nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+from.Wish.Components["app"].Env["WORKER_TOKEN"])
	resp, err := browser.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return false, nil
	case http.StatusOK:
		return true, nil
	}
	return false, fmt.Errorf("HTTP %d", resp.StatusCode)
}
