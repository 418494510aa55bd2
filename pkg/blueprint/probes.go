package blueprint

import (
	"fmt"
	"strings"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// probe is a probe ready to be filled in.
type probe struct {
	msg  *typev1.Probe
	exec command
	path *text
}

func (c *compiler) compileProbe(path string, m *typev1.Probe, of *typev1.Component, in scope) *probe {
	if m == nil {
		return nil
	}
	c.checkProbeKind(path, m, of)
	out := &probe{msg: m, exec: c.compileCommand(path+".exec", m.GetExec(), in)}
	if p := m.GetPath(); p != "" {
		out.path = c.compilePath(path+".path", p, in)
	}
	if m.GetHttp() == "" && (m.GetPath() != "" || m.GetStatus() != 0) {
		c.atKey(path, "has a path or status and does not ask over HTTP", "http with path and status")
	}
	c.checkStatus(path+".status", m.GetStatus())
	return out
}

// compilePath compiles the path of a URL, which every proxy logs.
func (c *compiler) compilePath(path, src string, in scope) *text {
	in.noSecrets = "the path"
	if !strings.HasPrefix(src, "/") {
		c.at(path, fmt.Sprintf("%q is not a path", src), `a path that begins with "/"`)
	}
	return c.compileText(path, src, in)
}

func (c *compiler) checkProbeKind(path string, m *typev1.Probe, of *typev1.Component) {
	var kinds []string
	for _, k := range []struct{ name, port string }{{"http", m.GetHttp()}, {"tcp", m.GetTcp()}, {"grpc", m.GetGrpc()}} {
		if k.port == "" {
			continue
		}
		kinds = append(kinds, k.name)
		if _, ok := of.GetPorts()[k.port]; !ok {
			ports := sortedKeys(of.GetPorts())
			c.at(path+"."+k.name, fmt.Sprintf("the component has no port %q", k.port)+suggest.DidYouMean(k.port, ports), "the name of a port of the component")
		}
	}
	if m.GetExec() != "" {
		kinds = append(kinds, "exec")
	}
	switch len(kinds) {
	case 1:
	case 0:
		c.atKey(path, "asks nothing", "one of http, tcp, grpc and exec")
	default:
		c.atKey(path, "has "+strings.Join(kinds, " and "), "one of http, tcp, grpc and exec")
	}
}

func (c *compiler) checkStatus(path string, status int32) {
	if status != 0 && (status < 100 || status > 599) {
		c.at(path, fmt.Sprintf("is %d", status), "an HTTP status, 100 to 599")
	}
}
