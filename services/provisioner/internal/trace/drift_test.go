package trace_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/provisioner/internal/trace"
)

func TestDriftIsCounted(t *testing.T) {
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "provisioner"}, telemetry.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := trace.New(tel)
	if err != nil {
		t.Fatal(err)
	}
	scrape := func() string {
		w := httptest.NewRecorder()
		tel.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Body.String()
	}
	stop, err := tr.WatchDrift("eu-1", func() map[string]int { return map[string]int{"CHANGED": 2, "MISSING": 0} })
	if err != nil {
		t.Fatal(err)
	}
	text := scrape()
	for _, want := range []string{`kind="CHANGED"} 2`, `kind="MISSING"} 0`, `cell="eu-1"`} {
		if !strings.Contains(text, "stampworks_drift") || !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	stop()
	if text := scrape(); strings.Contains(text, `kind="CHANGED"`) {
		t.Errorf("after the end: %s", text)
	}
}
