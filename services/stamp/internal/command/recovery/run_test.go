package recovery

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// plane is a gateway with these answers, by method and path.
func plane(t *testing.T, answers map[string]string, asked func(call string)) (*options, *bytes.Buffer) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.Path
		if asked != nil {
			asked(call)
		}
		text, has := answers[call]
		switch {
		case strings.Contains(text, `"status":409`):
			w.WriteHeader(http.StatusConflict)
		case !has:
			w.WriteHeader(http.StatusNotFound)
			text = `{"title":"Not Found","status":404,"detail":"none","reason":"TENANT_NOT_FOUND"}`
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(srv.Close)
	out := &bytes.Buffer{}
	s := &session.Session{Out: out, Err: &bytes.Buffer{}}
	return &options{Session: s, client: client.New(client.Config{Address: srv.URL}), cell: "one"}, out
}

const imported = `{"tenant":"tenants/imp2","tenantUid":"uid-2","cell":"cells/one","generation":"1","wish":` +
	`{"name":"tenants/imp2","uid":"uid-2","displayName":"imp2","blueprint":"blueprints/helpdesk/revisions/1.0.0","plan":"standard","restoreFrom":"tenants/imp2/backups/import-1"}}`

func TestSaysWhatIsWished(t *testing.T) {
	o, out := plane(t, map[string]string{"GET /v1/cells/one/manifests": `{"manifests":[` + imported + `]}`, "POST /v1/tenants:recover": `{}`}, nil)
	o.dryRun = true
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := `imp2: WOULD_BE_MADE_AGAIN: "imp2", helpdesk/revisions/1.0.0, plan standard, in one, runs, once it has the data of tenants/imp2/backups/import-1` + "\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out, want)
	}
}

// TestThereThoughFailed: a tenant that is there is not said to be missing, also
// when its manifest does not have it or its operation failed.
func TestThereThoughFailed(t *testing.T) {
	o, out := plane(t, map[string]string{
		"GET /v1/cells/one/manifests": `{"manifests":[{"tenant":"tenants/acme","tenantUid":"uid-1","cell":"cells/one","generation":"1"}]}`,
		"GET /v1/tenants/acme":        `{"name":"tenants/acme","uid":"uid-1","generation":"1"}`,
		"GET /v1/operations/acme.1": `{"name":"operations/acme.1","done":true,"error":{"code":9,"message":"no"},"metadata":` +
			`{"@type":"type.googleapis.com/stampworks.type.v1.OperationMetadata","tenant":"tenants/acme","state":"FAILED"}}`,
	}, nil)
	o.wait = true
	err := run(t.Context(), o)
	if exit.Code(err) != exit.OperationFailed || strings.Contains(err.Error(), "not made again") || !strings.HasPrefix(out.String(), "acme: ALREADY_THERE: ") {
		t.Errorf("said %q, %v", out, err)
	}
}

// TestMadeMeanwhile: who loses against another call has nothing to put right when
// the tenant is the stamp's own.
func TestMadeMeanwhile(t *testing.T) {
	for uid, want := range map[string]string{"uid-2": "ALREADY_THERE: nothing to do", "uid-9": "REFUSED: another tenant has this id"} {
		answers := map[string]string{"GET /v1/cells/one/manifests": `{"manifests":[` + imported + `]}`}
		o, out := plane(t, answers, func(call string) {
			if call == "POST /v1/tenants:recover" {
				answers["GET /v1/tenants/imp2"] = `{"name":"tenants/imp2","uid":"` + uid + `","generation":"101"}`
			}
		})
		answers["POST /v1/tenants:recover"] = `{"title":"Conflict","status":409,"detail":"tenant \"imp2\" exists already","reason":"TENANT_EXISTS"}`
		err := run(t.Context(), o)
		if !strings.HasPrefix(out.String(), "imp2: "+want) || (err == nil) != (uid == "uid-2") {
			t.Errorf("said %q, %v, want %s", out, err, want)
		}
	}
}

// TestMadeMeanwhileIsTakenOver: after a restore of etcd the stamp is to be of this
// recovery, and is asked for again.
func TestMadeMeanwhileIsTakenOver(t *testing.T) {
	const call = "POST /v1/tenants:recover"
	asked := 0
	answers := map[string]string{"GET /v1/cells/one/manifests": `{"manifests":[` + imported + `]}`}
	o, out := plane(t, answers, func(c string) {
		if c != call {
			return
		}
		answers["GET /v1/tenants/imp2"] = `{"name":"tenants/imp2","uid":"uid-2","generation":"101"}`
		if asked++; asked == 2 {
			answers[call] = `{}`
		}
	})
	o.restored = true
	answers[call] = `{"title":"Conflict","status":409,"detail":"exists already","reason":"TENANT_EXISTS"}`
	if err := run(t.Context(), o); err != nil || asked != 2 || !strings.HasPrefix(out.String(), "imp2: ALREADY_THERE: its stamp is taken over again") {
		t.Errorf("said %q, %v, asked %d times", out, err, asked)
	}
}

func TestRefusedAreNamed(t *testing.T) {
	o, _ := plane(t, map[string]string{"GET /v1/cells/one/manifests": `{"manifests":[` + imported + `]}`}, nil)
	if err := run(t.Context(), o); exit.Code(err) != exit.Failure || !strings.HasPrefix(err.Error(), "not made again: imp2\n") {
		t.Errorf("ended with %v", err)
	}
}

// TestInterrupted: only what goes on is said to.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := map[string]bool{}
	o, _ := plane(t, map[string]string{
		"GET /v1/operations/acme.1":   `{"name":"operations/acme.1"}`,
		"GET /v1/operations/globex.1": `{"name":"operations/globex.1","done":true}`,
		"GET /v1/operations/umbra.1":  `{"name":"operations/umbra.1"}`,
	}, func(call string) {
		if asked[call] = true; strings.HasSuffix(call, "acme.1") {
			cancel()
		}
	})
	o.wait = true
	err := o.await(ctx, []string{"operations/acme.1", "operations/globex.1", "operations/umbra.1"})
	if exit.Code(err) != exit.Interrupted || !strings.HasPrefix(err.Error(), "still going on: acme.1, umbra.1\n") || !asked["GET /v1/operations/globex.1"] {
		t.Errorf("ended with %v, asked %v", err, asked)
	}
}
