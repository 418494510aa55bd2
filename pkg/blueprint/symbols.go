package blueprint

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

type symbolKind int

const (
	plainSymbol symbolKind = iota // tenant, tmp, inputs: no rule of its own
	secretSymbol
	valueSymbol
	localSymbol // files and volumes: of one component
	tmpSymbol
	backupSymbol
	endpointSymbol
	portSymbol
)

// symbol is one name that an expression can use, such as "db.sql.addr".
type symbol struct {
	name string
	kind symbolKind
	typ  *cel.Type
	leaf string // the last part: "addr"
	// Of localSymbol the components that have it, of portSymbol the one.
	components []string
	port       string // "db.sql"
}

// scope says where a text stands, and so what it may name.
type scope struct {
	component string // empty in values and for the endpoint
	backup    bool   // ${backup} is known: backup and restore
	noSecrets string // why secrets are refused; empty where they are fine
	orders    bool   // a mention of another component's port orders the start
}

// declareSymbols lists every name of the blueprint.
func (c *compiler) declareSymbols() {
	add := func(s symbol) { c.symbols[s.name] = s }
	text := func(kind symbolKind, name string) symbol {
		return symbol{name: name, kind: kind, typ: cel.StringType, leaf: name[strings.LastIndex(name, ".")+1:]}
	}
	for name, in := range c.msg.GetInputs() {
		add(symbol{name: "inputs." + name, typ: inputType(in.GetType())})
	}
	for name := range c.msg.GetSecrets() {
		add(text(secretSymbol, "secrets."+name))
	}
	for name := range c.msg.GetValues() {
		add(text(valueSymbol, "values."+name))
	}
	for _, field := range []string{"id", "uid", "display_name", "plan", "region", "revision"} {
		add(text(plainSymbol, "tenant."+field))
	}
	add(text(endpointSymbol, "endpoint.url"))
	add(text(endpointSymbol, "endpoint.host"))
	add(symbol{name: "endpoint.port", kind: endpointSymbol, typ: cel.IntType, leaf: "port"})
	add(text(tmpSymbol, "tmp"))
	add(text(backupSymbol, "backup"))
	for _, name := range sortedKeys(c.msg.GetComponents()) {
		c.declareComponent(name, c.msg.GetComponents()[name], add, text)
	}
}

func (c *compiler) declareComponent(name string, component *typev1.Component, add func(symbol), text func(symbolKind, string) symbol) {
	local := func(what string) {
		s, known := c.symbols[what]
		if !known {
			s = text(localSymbol, what)
		}
		s.components = append(s.components, name)
		add(s)
	}
	for file := range component.GetFiles() {
		local("files." + file)
	}
	for _, volume := range component.GetVolumes() {
		local("volumes." + volume)
	}
	for port := range component.GetPorts() {
		for _, leaf := range []string{"host", "port", "addr", "bind"} {
			s := text(portSymbol, name+"."+port+"."+leaf)
			s.components, s.port = []string{name}, name+"."+port
			if leaf == "port" {
				s.typ = cel.IntType
			}
			add(s)
		}
	}
}

func inputType(t typev1.Input_Type) *cel.Type {
	switch t {
	case typev1.Input_INT:
		return cel.IntType
	case typev1.Input_DOUBLE:
		return cel.DoubleType
	case typev1.Input_BOOL:
		return cel.BoolType
	}
	return cel.StringType
}

// visible says why a known name cannot be used in a scope; empty when it can.
func (c *compiler) visible(s symbol, in scope) (message, expected string) {
	switch {
	case s.kind == localSymbol && in.component == "":
		return fmt.Sprintf("%q is known inside a component only", s.name), "it in the component that uses it"
	case s.kind == localSymbol && !slices.Contains(s.components, in.component):
		return fmt.Sprintf("%q is of %s, not of %s", s.name, strings.Join(s.components, " and "), in.component), "a file or volume of its own"
	case s.kind == tmpSymbol && in.component == "":
		return `"tmp" is known inside a component only`, "it in the component that uses it"
	case s.kind == backupSymbol && !in.backup:
		return `"backup" is known in backup and restore only`, "another directory, such as tmp or a volume"
	case s.kind == endpointSymbol && c.msg.GetEndpoint() == "":
		return fmt.Sprintf("%q is known only with an endpoint", s.name), `"endpoint: component.port" in the blueprint`
	case s.kind == portSymbol && s.leaf == "bind" && in.component != "" && s.components[0] != in.component:
		return fmt.Sprintf("%q is the address that %s listens on", s.name, s.components[0]), s.port + ".host or .addr to reach it"
	}
	return "", ""
}

// undefined words the complaint about a name that does not exist.
func (c *compiler) undefined(name string, in scope) (message, expected string) {
	var names, siblings []string
	root, _, _ := strings.Cut(name, ".")
	for _, known := range sortedKeys(c.symbols) {
		if why, _ := c.visible(c.symbols[known], in); why != "" {
			continue
		}
		names = append(names, known)
		if strings.HasPrefix(known, name+".") || strings.HasPrefix(known, root+".") {
			siblings = append(siblings, known)
		}
	}
	message = fmt.Sprintf("%q is not defined", name) + suggest.DidYouMean(name, names)
	const most = 8
	switch {
	case len(siblings) == 0 && root == "inputs" && root != name:
		expected = "an input that the blueprint declares; it declares none"
	case len(siblings) == 0:
		expected = "inputs, secrets, values, files, volumes, tenant, endpoint, tmp, backup or component.port"
	case len(siblings) > most:
		expected = "one of " + strings.Join(siblings[:most], ", ") + ", …"
	default:
		expected = "one of " + strings.Join(siblings, ", ")
	}
	return message, expected
}
