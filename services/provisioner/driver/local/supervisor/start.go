package supervisor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// processLimit bounds the processes of one component: a fork bomb ends there.
const processLimit = 1024

// start is one process to be started.
type start struct {
	command []string
	env     map[string]string // besides the component's
	nonce   string
	leaf    string // its control group: "run" or "jobs"
	log     string
	replica int
	streams *trampoline.Streams // in place of the log
}

// start starts a process in the place of a component.
func (s *Supervisor) start(name string, a control.Applied, st start) (*trampoline.Process, error) {
	set := s.settings()
	group, err := set.Groups.Make(name, limits(a))
	if err != nil {
		return nil, err
	}
	program, err := findProgram(a.ProgramDir, st.command[0])
	if err != nil {
		return nil, err
	}
	if st.streams == nil {
		out, err := openLog(st.log, set.User)
		if err != nil {
			return nil, err
		}
		defer func() { _ = out.Close() }() // the process has its own
		to := trampoline.To(out)
		st.streams = &to
	}
	dir := s.stamp.Component(name)
	if err := dir.KeepTmp(set.User); err != nil {
		return nil, err
	}
	tmp := dir.Tmp()
	spec := trampoline.Spec{
		Program: program, Args: append([]string{program}, st.command[1:]...),
		Dir: tmp, Nonce: st.nonce, ProcFile: filepath.Join(dir.Proc(), st.nonce),
		GroupFiles: group.ProcFiles(st.leaf), User: set.User,
	}
	if set.Mask != "" {
		spec.View = s.view(set, dir, a.ProgramDir)
		tmp, spec.Dir = set.Tmp, set.Tmp
	}
	spec.Env = environment(a, st, tmp)
	return trampoline.Start(s.program, spec, *st.streams, s.scope)
}

func limits(a control.Applied) cgroup.Limits {
	n := int64(max(a.Replicas, 1))
	return cgroup.Limits{CPUMillis: a.CPUMillis * n, CPUShareMillis: a.CPUShareMillis * n, MemoryBytes: a.MemoryBytes * n, Processes: processLimit}
}

func (s *Supervisor) view(set control.Settings, dir layout.Component, programs string) *trampoline.View {
	v := &trampoline.View{
		Mask: set.Mask, Visible: []string{string(s.stamp)}, Tmp: dir.Tmp(), TmpAt: set.Tmp,
		Passwd: filepath.Join(s.stamp.Etc(), "passwd"), Group: filepath.Join(s.stamp.Etc(), "group"),
	}
	// Of the store only the component's own artifact: the others are of others.
	if rest, err := filepath.Rel(set.Artifacts, programs); err == nil && rest != "." && filepath.IsLocal(rest) {
		own, _, _ := strings.Cut(rest, string(filepath.Separator))
		v.ReadOnly = []string{filepath.Join(set.Artifacts, own)}
	} else if within(programs, set.Mask) {
		v.ReadOnly = []string{programs} // a program of the host that lies below the mask
	}
	return v
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// findProgram looks a command's first word up in the artifact, and in its bin.
func findProgram(dir, word string) (string, error) {
	if !filepath.IsLocal(word) {
		return "", control.Fail(control.CodeProgram, fmt.Errorf("find program %q: want a name within the artifact", word))
	}
	for _, path := range []string{filepath.Join(dir, word), filepath.Join(dir, "bin", word)} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", control.Fail(control.CodeProgram, fmt.Errorf("find program %q: the component's artifact does not have it", word))
}

// environment is closed: nothing of the supervisor's own goes into it.
func environment(a control.Applied, st start, tmp string) []string {
	env := map[string]string{
		"PATH": a.ProgramDir + ":/usr/local/bin:/usr/bin:/bin", "HOME": tmp, "TMPDIR": tmp,
		"LANG": "C.UTF-8", "USER": "stamp", "LOGNAME": "stamp",
		"STAMPWORKS_REPLICA": strconv.Itoa(st.replica),
	}
	maps.Copy(env, a.Telemetry)
	maps.Copy(env, a.Env)
	maps.Copy(env, st.env)
	env[trampoline.NonceVariable] = st.nonce
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// openLog opens a log to be written on at its end. Its directory is not the
// stamp's, the file is: so that a program can open /dev/stdout.
func openLog(path string, user int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if user != 0 {
		if err := f.Chown(user, user); err != nil {
			_ = f.Close() // the first error is the one to tell
			return nil, fmt.Errorf("open log: %w", err)
		}
	}
	return f, nil
}

// endRest kills what is left of a process that has ended: its group, and what
// left the group but not the nonce.
func (s *Supervisor) endRest(ctx context.Context, id process.Identity, nonce string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := process.EndGroup(ctx, id.PID); err != nil {
		return err
	}
	if nonce == "" {
		return nil
	}
	return process.EndAll(ctx, func() ([]int, error) { return process.WithEnv(trampoline.NonceVariable + "=" + nonce) })
}
