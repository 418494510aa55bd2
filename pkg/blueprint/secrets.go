package blueprint

import (
	"fmt"
	"strings"
)

// checkSecrets checks how secrets are made and rotated.
func (c *compiler) checkSecrets() {
	for _, name := range sortedKeys(c.msg.GetSecrets()) {
		path, s := "secrets."+name, c.msg.GetSecrets()[name]
		if n := s.GetLength(); n != 0 && (n < 8 || n > 256) {
			c.at(path+".length", fmt.Sprintf("is %d", n), "8 to 256 characters")
		}
		component, what, _ := strings.Cut(s.GetRotate(), ".")
		switch {
		case s.GetRotate() == "" || s.GetRotate() == "restart":
		case what != "migrate" || c.msg.GetComponents()[component] == nil:
			c.at(path+".rotate", fmt.Sprintf("%q is not a way to rotate", s.GetRotate()), `"component.migrate", the job that installs a new value, or "restart"`)
		case c.msg.GetComponents()[component].GetMigrate() == nil:
			c.at(path+".rotate", fmt.Sprintf("component %q has no migrate", component), "migrate in that component, or restart")
		}
	}
}

// note remarks on what is fine and may not be meant.
func (c *compiler) note() {
	remark := func(path, message string) { c.notes = append(c.notes, c.problem(path, -1, message, "")) }
	for _, name := range sortedKeys(c.msg.GetSecrets()) {
		switch path := "secrets." + name; {
		case !c.used[path]:
			remark(path, "is never used")
		case c.msg.GetSecrets()[name].GetRotate() == "":
			remark(path, "has no rotate: it cannot be rotated")
		}
	}
	for _, name := range sortedKeys(c.msg.GetInputs()) {
		if !c.used["inputs."+name] {
			remark("inputs."+name, "is never used")
		}
	}
	for _, name := range sortedKeys(c.msg.GetValues()) {
		if !c.used["values."+name] {
			remark("values."+name, "is never used")
		}
	}
	for _, name := range sortedKeys(c.msg.GetArtifacts()) {
		if !c.used["artifacts."+name] {
			remark("artifacts."+name, "is never used")
		}
	}
}
