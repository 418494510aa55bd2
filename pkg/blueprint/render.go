package blueprint

import (
	"maps"
	"slices"
)

// Render fills a recipe in for one tenant. It reads nothing but its argument:
// the same environment gives the same rendering. An error names what the
// environment lacks, or what an expression came to.
func (r *Recipe) Render(env Environment) (*Rendered, error) {
	p := r.plans[env.Plan]
	if p == nil {
		return nil, r.noPlan(env.Plan)
	}
	f := &filler{env: &env, inputs: r.msg.GetInputs(), sources: p.values, values: map[string]string{}}
	out := &Rendered{Components: map[string]Component{}, Tasks: map[string]Task{}}
	for _, name := range r.Order() {
		c, err := r.renderComponent(name, p, f.of(name))
		if err != nil {
			return nil, err
		}
		out.Components[name] = c
	}
	for _, s := range r.smoke {
		check, err := s.render(f.of(s.msg.GetComponent()))
		if err != nil {
			return nil, err
		}
		out.Smoke = append(out.Smoke, check)
	}
	for _, name := range sortedKeys(r.tasks) {
		t := r.tasks[name]
		words, err := t.exec.render(f.of(t.msg.GetComponent()))
		if err != nil {
			return nil, err
		}
		out.Tasks[name] = Task{Component: t.msg.GetComponent(), Command: words, Interactive: t.msg.GetInteractive(), Role: or(t.msg.GetRole(), defaultRole)}
	}
	return out, nil
}

func (r *Recipe) renderComponent(name string, p *plan, f *filler) (Component, error) {
	c, res := r.components[name], p.resources[name]
	out := Component{
		Artifact: c.msg.GetArtifact(), Volumes: slices.Clone(c.msg.GetVolumes()), VolumeBytes: maps.Clone(res.volumes),
		Locks:      slices.Clone(c.msg.GetLocks()),
		StopSignal: or(c.msg.GetStop().GetSignal(), defaultStopSignal), StopGrace: durationOr(c.msg.GetStop().GetGrace(), defaultStopGrace),
		CPURequest: res.cpu.request, CPULimit: res.cpu.limit, MemoryRequest: res.memory.request, MemoryLimit: res.memory.limit,
		Replicas: res.replicas, DependsOn: r.DependsOn(name), Connects: r.Connects(name),
	}
	var err error
	if out.Command, err = c.run.render(f); err != nil {
		return out, err
	}
	if out.Env, err = renderTexts(c.env, f); err != nil {
		return out, err
	}
	if out.Files, err = renderTexts(c.files, f); err != nil {
		return out, err
	}
	if c.helm != nil {
		values, err := renderObject(c.helm.values, f)
		if err != nil {
			return out, err
		}
		out.Helm = &Helm{Chart: c.helm.chart, Values: values}
	}
	for _, j := range []struct {
		from *job
		into **Job
	}{{c.setup, &out.Setup}, {c.migrate, &out.Migrate}, {c.backup, &out.Backup}, {c.restore, &out.Restore}} {
		if *j.into, err = j.from.render(f, out.Env); err != nil {
			return out, err
		}
	}
	if out.Ready, err = c.ready.render(f, defaultReadyTimeout, defaultReadyEvery); err != nil {
		return out, err
	}
	out.Live, err = c.live.render(f, defaultLiveTimeout, defaultLiveEvery)
	return out, err
}

func (c command) render(f *filler) ([]string, error) {
	if c == nil {
		return nil, nil
	}
	words := make([]string, len(c))
	for i, t := range c {
		s, err := f.fill(t)
		if err != nil {
			return nil, err
		}
		words[i] = s
	}
	return words, nil
}

func renderTexts(texts map[string]*text, f *filler) (map[string]string, error) {
	out := make(map[string]string, len(texts))
	for _, name := range sortedKeys(texts) {
		s, err := f.fill(texts[name])
		if err != nil {
			return nil, err
		}
		out[name] = s
	}
	return out, nil
}

func (j *job) render(f *filler, env map[string]string) (*Job, error) {
	if j == nil {
		return nil, nil
	}
	words, err := j.run.render(f)
	if err != nil {
		return nil, err
	}
	own, err := renderTexts(j.env, f)
	if err != nil {
		return nil, err
	}
	whole := maps.Clone(env)
	maps.Copy(whole, own)
	return &Job{Command: words, Env: whole, Timeout: durationOr(j.msg.GetTimeout(), defaultJobTimeout), Stopped: j.msg.GetStopped()}, nil
}

func (s *smokeCheck) render(f *filler) (SmokeCheck, error) {
	out := SmokeCheck{Component: s.msg.GetComponent(), Timeout: durationOr(s.msg.GetTimeout(), defaultSmokeTimeout)}
	var err error
	if s.path == nil {
		out.Command, err = s.exec.render(f)
		return out, err
	}
	out.Status = int(or(s.msg.GetStatus(), defaultSmokeStatus))
	out.HTTPPath, err = f.fill(s.path)
	return out, err
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
