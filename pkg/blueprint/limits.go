package blueprint

import "fmt"

// Limits of one blueprint. They are far above what products need, and keep the
// checks, which look at every mention under every plan, quick.
const (
	maxPlans      = 32
	maxComponents = 64
	maxNames      = 256 // inputs, secrets, values, artifacts, tasks, smoke checks: each
	maxProblems   = 200 // more are not reported
)

// withinLimits reports a blueprint that is too large to be checked.
func (c *compiler) withinLimits() bool {
	fine := true
	for _, s := range []struct {
		path    string
		n, most int
	}{
		{"plans", len(c.msg.GetPlans()), maxPlans},
		{"components", len(c.msg.GetComponents()), maxComponents},
		{"artifacts", len(c.msg.GetArtifacts()), maxNames},
		{"inputs", len(c.msg.GetInputs()), maxNames},
		{"secrets", len(c.msg.GetSecrets()), maxNames},
		{"values", len(c.msg.GetValues()), maxNames},
		{"tasks", len(c.msg.GetTasks()), maxNames},
		{"smoke", len(c.msg.GetSmoke()), maxNames},
	} {
		if s.n > s.most {
			fine = false
			c.atKey(s.path, fmt.Sprintf("has %d entries", s.n), fmt.Sprintf("at most %d", s.most))
		}
	}
	return fine
}
