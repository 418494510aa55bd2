package page

import (
	"bytes"
	"net/http"
	"time"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/services/gateway/internal/closing"
	"stampworks.dev/services/gateway/internal/problem"
)

const (
	// refresh is how often an open page looks for changes.
	refresh = time.Second
	// alive is how often an unchanged page is written to all the same, so that
	// one that was closed far away is noticed.
	alive = 15 * time.Second
)

// Events sends the table again whenever it looks different, until the reader
// leaves, its token ends, or the gateway does.
func (p *Page) Events(w http.ResponseWriter, r *http.Request) {
	if _, err := p.who(r); err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	ctx := closing.Until(r.Context())
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	var last []byte
	var wrote time.Time
	for {
		who, err := p.who(r)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, "table", p.load(rpc.WithPrincipal(ctx, who))); err != nil || ctx.Err() != nil {
			return
		}
		text := []byte(": still the same\n\n")
		if !bytes.Equal(b.Bytes(), last) {
			last, wrote = b.Bytes(), time.Time{}
			text = event(last)
		}
		if time.Since(wrote) >= alive {
			if _, err := w.Write(text); err != nil || control.Flush() != nil {
				return
			}
			wrote = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// event writes a text as the data of an event (WHATWG HTML §9.2).
func event(text []byte) []byte {
	lines := bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\n"), []byte("\ndata: "))
	return append(append([]byte("data: "), lines...), "\n\n"...)
}
