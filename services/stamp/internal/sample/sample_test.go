package sample

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"stampworks.dev/services/stamp/internal/client"
)

// A cell is taken only when it has said what it has: one that has not would
// sell SQLite where there is a PostgreSQL.
func TestCellWaitsForWhatItHas(t *testing.T) {
	answers := []string{
		`{}`,
		`{"cells":[{"name":"cells/a"}]}`,
		`{"cells":[{"name":"cells/a","status":{"reachable":true}}]}`,
		`{"cells":[{"name":"cells/a","status":{"allocatable":{"stamps":"9"}}}]}`,
		`{"cells":[{"name":"cells/a"},{"name":"cells/b","status":{"reachable":true,"allocatable":{"stamps":"9"},"programs":{"postgres":"17.2"}}}]}`,
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answers[min(int(asked.Add(1)), len(answers))-1])
	}))
	defer server.Close()
	cell, err := Cell(t.Context(), client.New(client.Config{Address: server.URL}))
	if err != nil || cell.GetName() != "cells/b" || cell.GetStatus().GetPrograms()["postgres"] != "17.2" {
		t.Errorf("took %v, %v", cell, err)
	}
	if n := asked.Load(); n != int64(len(answers)) {
		t.Errorf("asked %d times", n)
	}
}
