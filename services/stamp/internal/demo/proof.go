// Package demo proves the claims of the README, unattended: it runs a control
// plane of its own in a temporary folder, wins deals, breaks things, and
// prints what it saw, a line for each claim.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
)

// Options say how to prove.
type Options struct {
	// Lite takes the blueprint without PostgreSQL even where PostgreSQL is.
	Lite bool
	// Keep leaves the temporary folder for a look.
	Keep bool
	Out  io.Writer
	Err  io.Writer
}

// Result is the last line: one JSON object.
type Result struct {
	OK                        bool     `json:"ok"`
	Blueprint                 string   `json:"blueprint"`
	Tenants                   int      `json:"tenants"`
	Deliveries                int      `json:"deliveries"`
	CrossTenantReads          int      `json:"cross_tenant_reads"`
	CredentialRefused         bool     `json:"credential_refused"`
	RequestsElsewhere         int      `json:"requests_elsewhere"`
	FailedRequestsElsewhere   int      `json:"failed_requests_elsewhere"`
	SelfRepairMS              int64    `json:"self_repair_ms"`
	SuspendKeepsData          bool     `json:"suspend_keeps_data"`
	ServesWithoutControlPlane bool     `json:"serves_without_control_plane"`
	LeftBehind                int      `json:"left_behind"`
	LeadTimeMS                LeadTime `json:"lead_time_ms"`
	TraceID                   string   `json:"trace_id"`
}

// LeadTime is from the webhook to the first good answer, in milliseconds.
type LeadTime struct {
	P50 int64 `json:"p50"`
	Max int64 `json:"max"`
}

// run is one proof under way.
type run struct {
	opts   Options
	dir    string
	plane  *plane
	api    *client.Client
	stamps []*copyOf
	result Result
	failed bool
}

// claim is one thing to prove; it gives its evidence.
type claim struct {
	what  string
	prove func(context.Context) (evidence string, err error)
}

// errClaims says that at least one proof failed; the lines say which.
type errClaims struct{}

func (errClaims) Error() string { return "not every claim was proven; see the lines above" }

// Run proves all claims. A claim that fails does not keep the later ones from
// being tried, unless they need what it did not bring about.
func Run(ctx context.Context, opts Options) error {
	dir, err := os.MkdirTemp("", "stamp-demo-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	// Stamps run as users of their own, who must be able to pass through.
	if err := os.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	r := &run{opts: opts, dir: dir}
	defer r.clear()
	r.plane, err = startPlane(ctx, dir, opts.Err)
	if ctx.Err() != nil {
		return r.interrupted()
	}
	if err != nil {
		return err
	}
	r.api = r.plane.client
	for _, c := range r.claims() {
		err := r.try(ctx, c)
		if ctx.Err() != nil {
			return r.interrupted()
		}
		if err != nil {
			r.failed = true
			break
		}
	}
	r.result.OK = !r.failed
	if err := json.NewEncoder(opts.Out).Encode(r.result); err != nil {
		return err
	}
	if !r.result.OK {
		return errClaims{}
	}
	return nil
}

// interrupted is no proof, of anything.
func (r *run) interrupted() error {
	_, _ = fmt.Fprintln(r.opts.Err, "interrupted; ending all that the proof has started")
	return exit.Said(exit.Interrupted)
}

// claims in the order in which they build on each other.
func (r *run) claims() []claim {
	return []claim{
		{"five deliveries of three deals make three tenants", r.winDeals},
		{"each customer sees its own tickets and no other's", r.separateTickets},
		{"one customer's credentials are refused by the others", r.refuseCredentials},
		{"only one customer is down, and it heals by itself", r.breakOne},
		{"suspended and resumed, the tickets are still there", r.suspendAndResume},
		{"customers are served with no control plane", r.killControlPlane},
		{"deleted and purged, nothing is left", r.removeAll},
	}
}

func (r *run) try(ctx context.Context, c claim) error {
	begin := time.Now()
	evidence, err := c.prove(ctx)
	if ctx.Err() != nil {
		return err // it is not what was proven that is wrong
	}
	verdict := "PASS"
	if err != nil {
		verdict, evidence = "FAIL", err.Error()
	}
	_, _ = fmt.Fprintf(r.opts.Out, "%s %-52s %s (%.1f s)\n", verdict, c.what, evidence, time.Since(begin).Seconds())
	return err
}

// clear ends everything that the proof started, however far it came.
func (r *run) clear() {
	if r.plane != nil {
		r.plane.end()
	}
	if r.failed || r.opts.Keep {
		_, _ = fmt.Fprintf(r.opts.Err, "kept for a look: %s (log: %s)\n", r.dir, filepath.Join(r.dir, "data", "stampworks.log"))
		return
	}
	_ = os.RemoveAll(r.dir)
}
