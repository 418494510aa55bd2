package harness

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Keys gives the revision of each key below a prefix: two equal answers mean
// that nothing was written there in between.
func (e *Etcd) Keys(prefix string) map[string]int64 {
	e.t.Helper()
	end := []byte(prefix)
	end[len(end)-1]++
	var found struct {
		KVs []struct {
			Key         []byte `json:"key"`
			ModRevision string `json:"mod_revision"`
		} `json:"kvs"`
	}
	e.call("/v3/kv/range", map[string]any{"key": encoded([]byte(prefix)), "range_end": encoded(end), "keys_only": true}, &found)
	keys := make(map[string]int64, len(found.KVs))
	for _, kv := range found.KVs {
		revision, err := strconv.ParseInt(kv.ModRevision, 10, 64)
		if err != nil {
			e.t.Fatalf("read etcd's answer: %v", err)
		}
		keys[string(kv.Key)] = revision
	}
	return keys
}

// Revision is the newest: how many transactions have written.
func (e *Etcd) Revision() int64 {
	e.t.Helper()
	var now struct {
		Header struct {
			Revision int64 `json:"revision,string"`
		} `json:"header"`
	}
	e.call("/v3/kv/range", map[string]any{"key": encoded([]byte("/"))}, &now)
	return now.Header.Revision
}

// Compact forgets everything before the newest revision.
func (e *Etcd) Compact() {
	e.t.Helper()
	e.call("/v3/kv/compaction", map[string]any{"revision": e.Revision(), "physical": true}, nil)
}

func encoded(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

// call uses etcd's own HTTP API, so that tests need no etcd client.
func (e *Etcd) call(path string, send, into any) {
	e.t.Helper()
	if err := e.try(path, send, into); err != nil {
		e.t.Fatalf("call etcd: %v", err)
	}
}

func (e *Etcd) try(path string, send, into any) error {
	ctx, cancel := context.WithTimeout(e.t.Context(), 10*time.Second)
	defer cancel()
	body, err := json.Marshal(send)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %.300s", path, resp.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
