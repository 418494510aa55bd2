package blueprint

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// filler fills in the texts of one component (or of none, for values). It is
// a CEL activation: it answers what a name stands for.
type filler struct {
	env       *Environment
	inputs    map[string]*typev1.Input
	component string
	sources   map[string]*text  // values of the plan
	values    map[string]string // those filled in so far, shared by all components
}

func (f *filler) of(component string) *filler {
	g := *f
	g.component = component
	return &g
}

// fill gives the text with every expression replaced.
func (f *filler) fill(t *text) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		s := p.literal
		if p.expr != nil {
			var err error
			if s, err = f.evaluate(p.expr); err != nil {
				return "", fmt.Errorf("fill in %s: %w", t.path, err)
			}
		}
		if b.Len()+len(s) > maxRendered {
			return "", fmt.Errorf("fill in %s: the result is over %d bytes", t.path, maxRendered)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// evaluate looks every name up first, so that what is missing is named.
func (f *filler) evaluate(e *expression) (string, error) {
	for _, ref := range e.refs {
		if ref.symbol.kind == valueSymbol {
			if err := f.value(ref.symbol.leaf); err != nil {
				return "", err
			}
		} else if _, ok := f.ResolveName(ref.symbol.name); !ok {
			return "", fmt.Errorf("%s is not given", ref.symbol.name)
		}
	}
	s, err := e.eval(f)
	if err != nil && f.holdsSecret(e) { // CEL's errors quote operands
		return "", fmt.Errorf("evaluate ${%s}: failed; why is withheld, for it holds a secret", strings.TrimSpace(e.source))
	}
	return s, err
}

func (f *filler) holdsSecret(e *expression) bool {
	t := &text{parts: []part{{expr: e}}}
	return slices.ContainsFunc(leaves(f.sources, t), func(l leaf) bool { return l.symbol.kind == secretSymbol })
}

// value fills in one value; cycles were refused when the recipe was compiled.
func (f *filler) value(name string) error {
	if _, done := f.values[name]; done {
		return nil
	}
	s, err := f.of("").fill(f.sources[name])
	if err != nil {
		return err
	}
	f.values[name] = s
	return nil
}

// Parent is part of a CEL activation.
func (f *filler) Parent() cel.Activation { return nil }

// ResolveName says what a name such as "db.sql.addr" stands for.
func (f *filler) ResolveName(name string) (any, bool) {
	group, rest, _ := strings.Cut(name, ".")
	switch group {
	case "inputs":
		v, ok := f.env.Inputs[rest]
		return inputNative(f.inputs[rest].GetType(), v), ok
	case "secrets":
		v, ok := f.env.Secrets[rest]
		return v, ok
	case "values":
		v, ok := f.values[rest]
		return v, ok
	case "files":
		dir, ok := f.env.Files[f.component]
		return filepath.Join(dir, rest), ok
	case "volumes":
		v, ok := f.env.Volumes[f.component+"."+rest]
		return v, ok
	case "tmp":
		v, ok := f.env.Tmp[f.component]
		return v, ok
	case "backup":
		return f.env.Backup, true
	case "tenant":
		return f.tenant(rest)
	case "endpoint":
		return f.endpoint(rest)
	}
	return f.port(name)
}

func (f *filler) tenant(field string) (any, bool) {
	t := f.env.Tenant
	v, ok := map[string]string{"id": t.ID, "uid": t.UID, "display_name": t.DisplayName,
		"plan": t.Plan, "region": t.Region, "revision": t.Revision}[field]
	return v, ok
}

func (f *filler) endpoint(field string) (any, bool) {
	u, err := url.Parse(f.env.EndpointURL)
	if err != nil || u.Host == "" {
		return nil, false
	}
	switch field {
	case "url":
		return f.env.EndpointURL, true
	case "host":
		return u.Hostname(), true
	}
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return n, err == nil
}

func (f *filler) port(name string) (any, bool) {
	i := strings.LastIndex(name, ".")
	if i < 0 {
		return nil, false
	}
	p, ok := f.env.Ports[name[:i]]
	switch name[i+1:] {
	case "host":
		return p.Host, ok
	case "port":
		return int64(p.Port), ok
	case "addr":
		return address(p), ok
	case "bind":
		return p.Listen, ok
	}
	return nil, false
}

func address(p Port) string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// inputNative gives an input the type that its expressions were checked for,
// also when it went through JSON.
func inputNative(t typev1.Input_Type, v any) any {
	switch n := v.(type) {
	case int:
		v = int64(n)
	case float64:
		if i, ok := exactInt(n); ok && t == typev1.Input_INT {
			return i
		}
	}
	if i, ok := v.(int64); ok && t == typev1.Input_DOUBLE {
		return float64(i)
	}
	return v
}
