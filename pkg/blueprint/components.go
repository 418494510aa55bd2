package blueprint

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// component is a component ready to be filled in.
type component struct {
	msg         *typev1.Component
	run         command
	helm        *chart
	env, files  map[string]*text
	setup       *job
	migrate     *job
	backup      *job
	restore     *job
	ready, live *probe
}

type job struct {
	run command
	env map[string]*text
	msg *typev1.Job
}

func (c *compiler) compileComponents() map[string]*component {
	out := map[string]*component{}
	for _, name := range sortedKeys(c.msg.GetComponents()) {
		out[name] = c.compileComponent("components."+name, name, c.msg.GetComponents()[name])
	}
	return out
}

func (c *compiler) compileComponent(path, name string, m *typev1.Component) *component {
	in := scope{component: name, orders: true}
	saved := in
	saved.backup = true
	c.checkKind(path, m)
	c.checkPorts(path, m)
	c.checkStop(path+".stop", m.GetStop())
	c.checkLocks(path+".locks", m)
	c.checkEnvNames(path+".env", m.GetEnv())
	out := &component{msg: m}
	out.run = c.compileCommand(path+".run", m.GetRun(), in)
	out.helm = c.compileChart(path+".helm", m.GetHelm(), in)
	out.env = c.compileTexts(path+".env", m.GetEnv(), in)
	out.files = c.compileTexts(path+".files", m.GetFiles(), in)
	if m.GetSetup() != nil && len(m.GetVolumes()) == 0 {
		c.atKey(path+".setup", "runs once per volume, and there is none", "volumes, or migrate, which runs once per revision")
	}
	for _, job := range []struct {
		name string
		msg  *typev1.Job
	}{{"setup", m.GetSetup()}, {"migrate", m.GetMigrate()}, {"backup", m.GetBackup()}} {
		if job.msg.GetStopped() && !c.stored { // a younger rule; nobody looks at it there
			c.atKey(path+"."+job.name+".stopped", "is for restore alone", "it in restore")
		}
	}
	out.setup = c.compileJob(path+".setup", m.GetSetup(), in)
	out.migrate = c.compileJob(path+".migrate", m.GetMigrate(), in)
	out.backup = c.compileJob(path+".backup", m.GetBackup(), saved)
	out.restore = c.compileJob(path+".restore", m.GetRestore(), saved)
	if m.GetRestore() != nil && m.GetBackup() == nil {
		c.atKey(path+".restore", "has no backup to bring back", "backup beside it")
	}
	out.ready = c.compileProbe(path+".ready", m.GetReady(), m, in)
	out.live = c.compileProbe(path+".live", m.GetLive(), m, in)
	c.checkAfter(path, name, m)
	return out
}

// checkKind: a component is a command of an artifact, or a chart.
func (c *compiler) checkKind(path string, m *typev1.Component) {
	artifacts := sortedKeys(c.msg.GetArtifacts())
	switch helm := m.GetHelm() != nil; {
	case helm && m.GetRun() != "":
		c.atKey(path, "has both run and helm", "one of them")
	case helm:
		c.checkChartAlone(path, m)
	case m.GetRun() == "":
		c.at(path+".run", "is missing", "run, or helm")
	case m.GetArtifact() == "":
		c.at(path+".artifact", "is missing", "the name of one under artifacts")
	case c.msg.GetArtifacts()[m.GetArtifact()] == nil:
		c.at(path+".artifact", fmt.Sprintf("there is no artifact %q", m.GetArtifact())+suggest.DidYouMean(m.GetArtifact(), artifacts), "one of "+strings.Join(artifacts, ", "))
	default:
		c.used["artifacts."+m.GetArtifact()] = true
	}
}

// checkChartAlone refuses what a chart would ignore.
func (c *compiler) checkChartAlone(path string, m *typev1.Component) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"artifact", m.GetArtifact() != ""}, {"volumes", len(m.GetVolumes()) > 0}, {"locks", len(m.GetLocks()) > 0}, {"files", len(m.GetFiles()) > 0},
		{"env", len(m.GetEnv()) > 0}, {"stop", m.GetStop() != nil}, {"setup", m.GetSetup() != nil}, {"migrate", m.GetMigrate() != nil},
		{"backup", m.GetBackup() != nil}, {"restore", m.GetRestore() != nil},
		{"ready.exec", m.GetReady().GetExec() != ""}, {"live.exec", m.GetLive().GetExec() != ""},
	} {
		if field.set {
			c.atKey(path+"."+field.name, "is of a component with helm", "it in the chart")
		}
	}
}

func (c *compiler) checkPorts(path string, m *typev1.Component) {
	byNumber := map[int32]string{}
	for _, name := range sortedKeys(m.GetPorts()) {
		n := m.GetPorts()[name]
		at := path + ".ports." + name
		if n < 1 || n > 65535 {
			c.at(at, fmt.Sprintf("is %d", n), "1 to 65535")
		} else if other := byNumber[n]; other != "" {
			c.at(at, fmt.Sprintf("is %d, as %s is", n, other), "each port once")
		}
		byNumber[n] = name
	}
}

var signalName = regexp.MustCompile(`^SIG(HUP|INT|QUIT|KILL|USR1|USR2|TERM|WINCH)$`)

func (c *compiler) checkStop(path string, m *typev1.Stop) {
	if s := m.GetSignal(); s != "" && !signalName.MatchString(s) {
		c.at(path+".signal", fmt.Sprintf("%q is not a signal to stop with", s), "one of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGKILL")
	}
}

// checkLocks: what a start removes lies in a volume of the component.
func (c *compiler) checkLocks(path string, m *typev1.Component) {
	for i, lock := range m.GetLocks() {
		at := fmt.Sprintf("%s[%d]", path, i)
		volume, file, _ := strings.Cut(lock, "/")
		if !slices.Contains(m.GetVolumes(), volume) {
			c.at(at, fmt.Sprintf("%q does not begin with a volume of the component", lock), "VOLUME/PATH")
		} else if !fs.ValidPath(file) || file == "." {
			c.at(at, fmt.Sprintf("%q is not a file in a volume", lock), "VOLUME/PATH, without . and ..")
		}
	}
}

func (c *compiler) checkAfter(path, name string, m *typev1.Component) {
	components := sortedKeys(c.msg.GetComponents())
	for i, other := range m.GetAfter() {
		at := fmt.Sprintf("%s.after[%d]", path, i)
		if c.msg.GetComponents()[other] == nil {
			c.at(at, fmt.Sprintf("there is no component %q", other)+suggest.DidYouMean(other, components), "one of "+strings.Join(components, ", "))
		} else if other == name {
			c.at(at, "is the component itself", "another component")
		}
	}
}

func (c *compiler) compileJob(path string, m *typev1.Job, in scope) *job {
	if m == nil {
		return nil
	}
	if m.GetExec() == "" {
		c.at(path+".exec", "is missing", "a command")
	}
	c.checkEnvNames(path+".env", m.GetEnv())
	return &job{msg: m, run: c.compileCommand(path+".exec", m.GetExec(), in), env: c.compileTexts(path+".env", m.GetEnv(), in)}
}
