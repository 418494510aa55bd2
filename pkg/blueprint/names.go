package blueprint

import (
	"fmt"
	"regexp"
	"slices"
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

const identifierForm = "lower-case letters, digits and underscores, beginning with a letter, at most 40: expressions use it as a name"

// variables are what expressions can name beside components.
var variables = []string{"inputs", "secrets", "values", "files", "volumes", "tenant", "endpoint", "tmp", "backup"}

// celReserved are the words that CEL keeps for itself.
var celReserved = []string{"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import",
	"in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while"}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkNames checks everything that the author names.
func (c *compiler) checkNames() {
	checkSlugs(c, "artifacts", c.msg.GetArtifacts())
	checkSlugs(c, "plans", c.msg.GetPlans())
	checkSlugs(c, "tasks", c.msg.GetTasks())
	checkIdentifiers(c, "inputs", c.msg.GetInputs())
	checkIdentifiers(c, "secrets", c.msg.GetSecrets())
	checkIdentifiers(c, "values", c.msg.GetValues())
	checkIdentifiers(c, "components", c.msg.GetComponents())
	for _, name := range sortedKeys(c.msg.GetComponents()) {
		path, component := "components."+name, c.msg.GetComponents()[name]
		if slices.Contains(variables, name) || name == "default" {
			c.atKey(path, fmt.Sprintf("%q means something else in a blueprint", name), "another name")
		}
		checkIdentifiers(c, path+".ports", component.GetPorts())
		checkIdentifiers(c, path+".files", component.GetFiles())
		for i, volume := range component.GetVolumes() {
			at := fmt.Sprintf("%s.volumes[%d]", path, i)
			c.checkIdentifier(at, volume)
			if slices.Index(component.GetVolumes(), volume) < i {
				c.at(at, fmt.Sprintf("volume %q is named twice", volume), "each volume once")
			}
		}
	}
}

func checkIdentifiers[V any](c *compiler, path string, m map[string]V) {
	for _, name := range sortedKeys(m) {
		c.checkIdentifier(path+"."+name, name)
	}
}

func (c *compiler) checkIdentifier(path, name string) {
	switch {
	case !identifier.MatchString(name):
		c.atKey(path, fmt.Sprintf("%q cannot be a name here", name), identifierForm)
	case slices.Contains(celReserved, name):
		c.atKey(path, fmt.Sprintf("%q is a reserved word of expressions", name), "another name")
	}
}

func checkSlugs[V any](c *compiler, path string, m map[string]V) {
	for _, name := range sortedKeys(m) {
		if !slug.MatchString(name) {
			c.atKey(path+"."+name, fmt.Sprintf("%q cannot be a name here", name), slugForm)
		}
	}
}

func (c *compiler) checkEnvNames(path string, env map[string]string) {
	for _, name := range sortedKeys(env) {
		if !envName.MatchString(name) {
			c.atKey(path+"."+name, fmt.Sprintf("%q cannot be the name of a variable", name), "letters, digits and underscores, not beginning with a digit")
		}
	}
}
