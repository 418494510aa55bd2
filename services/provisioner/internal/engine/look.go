package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"stampworks.dev/pkg/blueprint"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/render"
)

const (
	// firstAsk is the wait between the first questions; it grows to what the
	// probe says. Commands cost more than questions over the network.
	firstAsk, firstExec = 20 * time.Millisecond, 50 * time.Millisecond
	// execWithin bounds one answer of a probe that is a command.
	execWithin = 10 * time.Second
	// observeEvery is how often a component that is waited for is observed.
	observeEvery = 250 * time.Millisecond
	// tooManyExits since the wait began, and tooLongDown, are when a component
	// counts as one that exits again and again.
	tooManyExits = 3
	tooLongDown  = 3 * time.Second
)

// asker asks one component until it is ready.
type asker struct {
	driver    driver.Driver
	prober    Prober
	ref       driver.Ref
	manifest  driver.Manifest
	component string
	probe     *blueprint.Probe // nil: it must only stay up
	staysUp   time.Duration    // for so long
	env       map[string]string
}

func (r *run) ready(component string) func(context.Context) result {
	c, m := r.shape(component)
	a := asker{
		driver: r.driver, prober: r.Prober, ref: r.ref(), manifest: m, component: component,
		probe: c.Ready, staysUp: r.StaysUp, env: c.Env,
	}
	return func(ctx context.Context) result {
		said, err := a.wait(ctx)
		return result{err: a.diagnosed(ctx, err), message: said, apply: func(r *run) error { r.seen.Ready[component] = true; return nil }}
	}
}

// shape is a component with its secrets, and the manifest that it is part of:
// as wished, or, of what is only started to be backed up, as the ledger has it.
func (r *run) shape(component string) (blueprint.Component, driver.Manifest) {
	switch {
	case r.forms == nil || r.wish.revives(component, r.book.Stamp):
		form, _ := render.KeptForm(entry(r.book.Stamp, kindComponent, component), r.vault) // none has no probe
		return form.Component, r.keptManifest(component)
	case r.book.Stamp.GetClosed() && component == r.wish.Endpoint && r.shut != nil:
		return r.shut.Real.Components[component], r.manifest()
	}
	return r.forms.Real.Components[component], r.manifest()
}

// wait asks until the answer is good, the component exits again and again, or
// the time is up.
func (a asker) wait(ctx context.Context) (string, error) {
	limit, pause, most := time.Minute, firstAsk, 200*time.Millisecond
	if a.probe != nil {
		limit, most = a.probe.Timeout, a.probe.Every
		if len(a.probe.Command) > 0 {
			pause = firstExec
		}
	}
	began := time.Now()
	up := uptime{began: began}
	for ; ; pause = min(pause*5/4, max(most, firstAsk)) {
		if err := up.look(ctx, a); err != nil {
			return "", err
		}
		said, err := a.ask(ctx, up)
		if err == nil {
			return said, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		answer := err.Error()
		if time.Since(began) > limit {
			return "", failure.New(typev1.Failure_NEVER_READY, a.component,
				fmt.Sprintf("%s was not ready within %v: %s.", a.component, limit, answer), a.evidence(ctx, up.seen, answer)...)
		}
		if err := rest(ctx, pause); err != nil {
			return "", err
		}
	}
}

// errNotYet is the answer of a component without a probe that has not run long
// enough.
var errNotYet = errors.New("it has not stayed up yet")

func (a asker) ask(ctx context.Context, up uptime) (string, error) {
	switch {
	case a.probe == nil:
		if up.since.IsZero() || time.Since(up.since) < a.staysUp {
			return "", errNotYet
		}
		return "runs", nil
	case len(a.probe.Command) > 0:
		return a.exec(ctx, "ready")
	}
	return a.prober.Ask(ctx, *a.probe)
}

// exec runs the probe's command in the component's place.
func (a asker) exec(ctx context.Context, name string) (string, error) {
	res, err := a.driver.RunJob(ctx, a.ref, a.manifest, driver.Job{
		ID: a.component + "." + name, Component: a.component, Command: a.probe.Command, Env: a.env, Timeout: execWithin, Unrecorded: true,
	})
	switch {
	case err != nil:
		return "", err
	case res.TimedOut:
		return "", fmt.Errorf("the command did not end within %v", execWithin)
	case res.ExitCode != 0:
		return "", fmt.Errorf("the command ended with exit code %d: %s", res.ExitCode, lastLine(res.Output))
	}
	return "the command ended with 0", nil
}

// uptime follows whether the component's process runs.
type uptime struct {
	began, looked time.Time
	since, down   time.Time // runs without a break since; does not run since
	restarts      int       // when the wait began
	known         bool
	seen          driver.ComponentObservation
}

// look observes now and then, and fails when the component exits again and again.
func (u *uptime) look(ctx context.Context, a asker) error {
	if u.known && time.Since(u.looked) < observeEvery && (a.probe != nil || u.since.IsZero() || time.Since(u.since) < a.staysUp) {
		return nil
	}
	obs, err := a.driver.Observe(ctx, a.ref)
	if err != nil {
		return err
	}
	now, c := time.Now(), obs.Components[a.component]
	if !u.known {
		u.known, u.restarts = true, c.Restarts
	}
	again := c.Restarts != u.seen.Restarts && !u.looked.IsZero()
	u.seen, u.looked = c, now
	switch {
	case !c.Running:
		u.since = time.Time{}
		if u.down.IsZero() {
			u.down = now
		}
	case u.since.IsZero() || again:
		u.since, u.down = now, time.Time{}
	}
	if c.Restarts-u.restarts >= tooManyExits || (!u.down.IsZero() && now.Sub(u.down) > tooLongDown) {
		how := c.LastExit
		if how == "" {
			how = "it does not run"
		}
		return failure.New(typev1.Failure_COMPONENT_EXITED, a.component,
			fmt.Sprintf("%s does not stay up: %s.", a.component, how), a.evidence(ctx, u.seen, how)...)
	}
	return nil
}

func (r *run) smoke(id string) func(context.Context) result {
	check, url := r.check(id), r.customerURL()
	a := asker{driver: r.driver, prober: r.Prober, ref: r.ref(), manifest: r.manifest(), component: check.Component}
	a.env = r.forms.Real.Components[check.Component].Env
	a.probe = &blueprint.Probe{Command: check.Command}
	return func(ctx context.Context) result {
		said, err := trySmoke(ctx, check, url, a, id)
		return result{err: err, message: said, apply: func(r *run) error { r.seen.Passed[id] = true; return nil }}
	}
}

// customerURL is where customers reach the stamp, or would, were it not closed.
func (r *run) customerURL() string {
	if site := siteOf(r.book.Stamp); r.book.Stamp.GetClosed() && site != nil && site.Closed != nil {
		return "http://" + net.JoinHostPort(site.Closed.Host, strconv.Itoa(site.Closed.Port))
	}
	return r.book.Stamp.GetUrl()
}

// check finds a smoke check by its step's id. The one after opening is the
// first of those through the customer's URL.
func (r *run) check(id string) blueprint.SmokeCheck {
	for i, c := range r.forms.Real.Smoke {
		if id == fmt.Sprintf("smoke.%d", i+1) || id == customerID && len(c.Command) == 0 {
			return c
		}
	}
	return blueprint.SmokeCheck{HTTPPath: "/", Timeout: 30 * time.Second} // answersID
}

// trySmoke tries until the check passes or its time is up: a front that has
// just come up may need a moment.
func trySmoke(ctx context.Context, c blueprint.SmokeCheck, url string, a asker, id string) (string, error) {
	began := time.Now()
	for pause := firstAsk; ; pause = min(2*pause, time.Second) {
		var said string
		var err error
		switch {
		case len(c.Command) > 0:
			said, err = a.exec(ctx, id)
		case c.Status == 0:
			said, err = a.prober.Answers(ctx, url+c.HTTPPath)
		default:
			said, err = a.prober.Ask(ctx, blueprint.Probe{HTTP: url + c.HTTPPath, Status: c.Status})
		}
		if err == nil {
			return said, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if time.Since(began) > c.Timeout {
			return "", failure.New(typev1.Failure_SMOKE_FAILED, c.Component, fmt.Sprintf("The smoke check %s did not pass within %v: %v.", id, c.Timeout, err), err.Error())
		}
		if err := rest(ctx, pause); err != nil {
			return "", err
		}
	}
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

func lastLine(lines []string) string {
	if len(lines) == 0 {
		return "it printed nothing"
	}
	return lines[len(lines)-1]
}

// rest lets the time pass, unless the context ends before.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
