package etcd_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
)

// A lost write is counted, a condition that is only asked for is not.
func TestConflictsAreCounted(t *testing.T) {
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "test"}, telemetry.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{Meter: tel.Meter()})
	if err != nil {
		t.Fatal(err)
	}
	wantMetric(t, tel, "stampworks_store_conflicts_total 0")
	key := testkit.Prefix(t) + "one"
	put := func(conds []store.Cond, ops ...store.Op) {
		if _, err := b.Txn(t.Context(), conds, ops); err != nil {
			t.Fatal(err)
		}
	}
	put([]store.Cond{store.Absent(key)}, store.PutOp(key, []byte("1")))
	put([]store.Cond{store.Absent(key)})
	wantMetric(t, tel, "stampworks_store_conflicts_total 0")
	put([]store.Cond{store.Absent(key)}, store.PutOp(key, []byte("2")))
	wantMetric(t, tel, "stampworks_store_conflicts_total 1")
}

func wantMetric(t *testing.T, tel *telemetry.Telemetry, line string) {
	t.Helper()
	page := httptest.NewRecorder()
	tel.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if text := page.Body.String(); !strings.Contains(text, "\n"+line+"\n") {
		t.Errorf("%s is not in\n%s", line, text)
	}
}
