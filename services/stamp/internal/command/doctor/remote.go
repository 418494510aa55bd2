package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

const (
	// clockLimit is what webhooks allow: sender and receiver may differ by 5
	// minutes. A tenth of it is worth a warning.
	clockLimit = 5 * time.Minute
	// stale is when a cell's report is too old to trust.
	stale = time.Minute
	// storeAway is the reason of a service whose etcd does not answer.
	storeAway = "STORE_UNAVAILABLE"
)

// remote checks the gateway and what is behind it; after the first that ends
// all hope, the rest is not asked.
func remote(ctx context.Context, s *session.Session) []Finding {
	c, err := s.Client()
	if err != nil {
		return []Finding{{Check: "gateway", Level: fail, Saw: first(err), Fix: "start one here with: make run; or name one with --addr, or STAMP_ADDR"}}
	}
	began := time.Now()
	resp, err := c.Raw(ctx, http.MethodGet, "/healthz", nil, nil, "text/plain")
	if err != nil {
		return []Finding{{Check: "gateway", Level: fail, Saw: first(err), Fix: "start one here with: make run; or name another with --addr, or STAMP_ADDR"}}
	}
	_ = resp.Body.Close()
	took := time.Since(began)
	findings := []Finding{{Check: "gateway", Level: fine, Saw: fmt.Sprintf("%s answers in %d ms", c.Address(), took.Milliseconds())}}
	findings = append(findings, clock(resp, s.Now()), services(ctx, c))
	access := token(ctx, c)
	findings = append(findings, access...)
	if access := findings[len(findings)-1]; access.Level == fine {
		findings = append(findings, cells(ctx, c, s.Now())...)
		findings = append(findings, customers(ctx, c, s.Now())...)
	}
	return findings
}

func clock(resp *http.Response, now time.Time) Finding {
	f := Finding{Check: "clock", Level: fine, Saw: "as the gateway's"}
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		f.Level, f.Saw = warn, "the gateway does not say what time it is"
		f.Fix = "look whether a proxy in between removes the Date header"
		return f
	}
	apart := now.Sub(theirs).Abs()
	if apart > clockLimit/10 {
		f.Level, f.Saw = warn, fmt.Sprintf("this machine and the gateway are %s apart", apart.Round(time.Second))
		f.Fix = "set both clocks by NTP: signed messages are refused at 5 minutes"
	}
	if apart > clockLimit {
		f.Level = fail
	}
	return f
}

func services(ctx context.Context, c *client.Client) Finding {
	resp, err := c.Raw(ctx, http.MethodGet, "/readyz", nil, nil, "text/plain")
	if err != nil {
		return Finding{Check: "services", Level: fail, Saw: "not ready: " + first(err), Fix: "start the service that is named; if it runs, its log says what it waits for, such as etcd"}
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if _, without, found := strings.Cut(string(said), ", without "); err == nil && found {
		return Finding{Check: "services", Level: warn, Saw: "the gateway does without: " + strings.TrimSpace(without), Fix: "start what is named, or read its log: it says what it waits for, such as etcd"}
	}
	return Finding{Check: "services", Level: fine, Saw: "the gateway reaches all that it needs"}
}

// token tries the token; where it was taken, and etcd is away, that is a finding of
// its own.
func token(ctx context.Context, c *client.Client) []Finding {
	err := c.Get(ctx, "/v1/cells", nil, nil)
	var problem *client.Problem
	switch {
	case err == nil:
		return []Finding{{Check: "token", Level: fine, Saw: "is known"}}
	case errors.As(err, &problem) && problem.Reason == storeAway:
		return []Finding{{Check: "token", Level: fine, Saw: "is known"}, {
			Check: "etcd", Level: fail, Saw: "does not answer the services: " + first(err),
			Fix: "start etcd, and look at its log and disk; nothing here is to be started anew. Customers are served meanwhile, changes and deals wait",
		}}
	case errors.As(err, &problem) && (problem.Status == http.StatusUnauthorized || problem.Status == http.StatusForbidden):
		return []Finding{{Check: "token", Level: fail, Saw: first(err), Fix: "give one with --token or STAMP_TOKEN; stamp dev keeps one in .stamp/client.json"}}
	}
	return []Finding{{Check: "token", Level: fail, Saw: "cannot be tried: " + first(err), Fix: "put right what is above; when that is well, the registry and etcd: their logs say why"}}
}

func cells(ctx context.Context, c *client.Client, now time.Time) []Finding {
	list := &registryv1.ListCellsResponse{}
	if err := client.List(ctx, c, "/v1/cells", nil, true, list); err != nil {
		return []Finding{{Check: "cells", Level: fail, Saw: first(err), Fix: "put right what is above first"}}
	}
	if len(list.GetCells()) == 0 {
		return []Finding{{Check: "cells", Level: fail, Saw: "none has reported: no customer can be placed", Fix: "start a provisioner, and read its log"}}
	}
	var findings []Finding
	for _, cell := range list.GetCells() {
		findings = append(findings, examine(cell, now))
	}
	return findings
}

func examine(cell *registryv1.Cell, now time.Time) Finding {
	f := Finding{Check: "cell " + names.Short(cell.GetName()), Level: fine}
	status := cell.GetStatus()
	seen := now.Sub(status.GetUpdateTime().AsTime())
	var programs, open []string
	for _, name := range slices.Sorted(maps.Keys(status.GetPrograms())) {
		programs = append(programs, strings.TrimSpace(name+" "+status.GetPrograms()[name]))
	}
	for _, kind := range slices.Sorted(maps.Keys(status.GetIsolation())) {
		if status.GetIsolation()[kind] == "NONE" && kind != "disk" { // few file systems can limit it
			open = append(open, kind)
		}
	}
	switch {
	case !status.GetReachable() || seen > stale:
		f.Level, f.Saw = fail, "no provisioner reaches it"
		f.Fix = "start the provisioner of that host, and read its log"
	case cell.GetCordoned():
		f.Level, f.Saw = warn, "cordoned "+cell.GetCordonReason()
		f.Fix = "stamp cell uncordon " + names.Short(cell.GetName())
	case len(open) > 0:
		f.Level, f.Saw = warn, "does not isolate: "+strings.Join(open, ", ")
		f.Fix = "run the provisioner as root on Linux, with cgroups and nftables"
	default:
		f.Saw = strings.Join(append([]string{"reached"}, programs...), ", ")
	}
	return f
}

// first is an error's first line: doctor has fixes of its own.
func first(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
