package blueprint

import (
	"fmt"
	"strings"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

type smokeCheck struct {
	msg  *typev1.SmokeCheck
	path *text
	exec command
}

type task struct {
	msg  *typev1.Task
	exec command
}

// compileSmoke compiles the checks that run once everything is started; what
// they mention is connected to, and orders nothing.
func (c *compiler) compileSmoke() []*smokeCheck {
	var out []*smokeCheck
	for i, m := range c.msg.GetSmoke() {
		path := fmt.Sprintf("smoke[%d]", i)
		s := &smokeCheck{msg: m}
		switch http, exec := m.GetHttp() != "", m.GetExec() != ""; {
		case http == exec:
			c.at(path, "is not one check", "http, or component and exec")
		case http:
			s.path = c.compilePath(path+".http", m.GetHttp(), scope{})
			if m.GetComponent() != "" {
				c.at(path+".component", "is of a check over HTTP", "none: http asks the customer's own address")
			}
			if c.msg.GetEndpoint() == "" {
				c.at(path+".http", "needs an endpoint", `"endpoint: component.port" in the blueprint`)
			}
		default:
			c.checkComponent(path+".component", m.GetComponent())
			s.exec = c.compileCommand(path+".exec", m.GetExec(), scope{component: m.GetComponent()})
		}
		c.checkStatus(path+".status", m.GetStatus())
		out = append(out, s)
	}
	return out
}

// compileTasks compiles the commands of support; they connect like smoke.
func (c *compiler) compileTasks() map[string]*task {
	out := map[string]*task{}
	for _, name := range sortedKeys(c.msg.GetTasks()) {
		path, m := "tasks."+name, c.msg.GetTasks()[name]
		c.checkComponent(path+".component", m.GetComponent())
		if m.GetExec() == "" {
			c.at(path+".exec", "is missing", "a command")
		}
		switch m.GetRole() {
		case "", "viewer", "sales", "operator", "admin":
		default:
			c.at(path+".role", fmt.Sprintf("%q is not a role", m.GetRole()), "one of viewer, sales, operator, admin")
		}
		out[name] = &task{msg: m, exec: c.compileCommand(path+".exec", m.GetExec(), scope{component: m.GetComponent()})}
	}
	return out
}

// checkComponent checks the name of the component that a command runs in.
func (c *compiler) checkComponent(path, name string) {
	components := sortedKeys(c.msg.GetComponents())
	m := c.msg.GetComponents()[name]
	switch {
	case name == "":
		c.at(path, "is missing", "the component that the command runs in")
	case m == nil:
		c.at(path, fmt.Sprintf("there is no component %q", name)+suggest.DidYouMean(name, components), "one of "+strings.Join(components, ", "))
	case m.GetHelm() != nil:
		c.at(path, fmt.Sprintf("%q is a chart, in which no command runs", name), "a component with run")
	}
}

func (c *compiler) checkEndpoint() {
	endpoint := c.msg.GetEndpoint()
	if endpoint == "" {
		return
	}
	var ports []string
	for name, component := range c.msg.GetComponents() {
		for port := range component.GetPorts() {
			ports = append(ports, name+"."+port)
		}
	}
	component, port, _ := strings.Cut(endpoint, ".")
	if _, ok := c.msg.GetComponents()[component].GetPorts()[port]; !ok {
		c.at("endpoint", fmt.Sprintf("there is no port %q", endpoint)+suggest.DidYouMean(endpoint, ports), `"component.port"`)
	}
}
