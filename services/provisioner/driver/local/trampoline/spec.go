package trampoline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// NonceVariable marks a process and all that it starts.
const NonceVariable = "STAMPWORKS_NONCE"

// AskNobody and AskSelf are who [Ask] may be asked to be.
const (
	AskNobody = "nobody"
	AskSelf   = "self"
)

// askEnv is closed.
var askEnv = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent"}

// The trampoline's inherited files.
const (
	specFD   = 3
	statusFD = 4
)

// Spec is one process.
type Spec struct {
	Program string   `json:"program"` // absolute
	Args    []string `json:"args"`    // the first one included
	Env     []string `json:"env"`
	Dir     string   `json:"dir"`
	Nonce   string   `json:"nonce"`
	// ProcFile is made with the process's identity; it must not be there.
	ProcFile string `json:"proc_file"`
	// GroupFiles are written the pid to.
	GroupFiles []string `json:"group_files,omitempty"`
	// User is who it becomes; zero stays who it is, and has no View.
	User int   `json:"user,omitempty"`
	View *View `json:"view,omitempty"`
}

// View is what of the file system a process of a stamp sees otherwise than the
// rest of the machine.
type View struct {
	// Mask is shown empty, but for what is visible below it.
	Mask     string   `json:"mask"`
	Visible  []string `json:"visible"`
	ReadOnly []string `json:"read_only"`
	Passwd   string   `json:"passwd"`
	Group    string   `json:"group"`
	Tmp      string   `json:"tmp"`    // is shown at TmpAt
	TmpAt    string   `json:"tmp_at"` // "/tmp", or below it when that is the mask
}

// Process is a started one.
type Process struct {
	process.Identity
	cmd *exec.Cmd
}

// Wait returns when it has ended, and tells how in words and as exit code (-1
// after a signal). It must be called once.
func (p *Process) Wait() (string, int) {
	err := p.cmd.Wait()
	if p.cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return p.cmd.ProcessState.String(), p.cmd.ProcessState.ExitCode()
}

// Streams are the three files that a process is given. Without In it reads
// nothing.
type Streams struct {
	In, Out, Err *os.File
	// Terminal says that In is a terminal, which is to be the one of the session.
	Terminal bool
}

// To gives a process that reads nothing one place for all that it says.
func To(out *os.File) Streams { return Streams{Out: out, Err: out} }

// Start starts the process through the trampoline program and returns when it
// has become what it is to be, or could not. It leads its own session and
// process group. One with a user of its own is started within the scope, if there
// is one.
func Start(program string, spec Spec, streams Streams, scope *Scope) (*Process, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode process: %w", err)
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	defer func() { _ = specRead.Close() }() // the child's end
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start process: %w", err), specWrite.Close())
	}
	defer func() { _ = statusRead.Close() }() // only read
	cmd := &exec.Cmd{
		Path: program, Args: []string{"stamp-supervisor", "exec"},
		Env: []string{NonceVariable + "=" + spec.Nonce}, Dir: "/",
		Stdout: streams.Out, Stderr: streams.Err, ExtraFiles: []*os.File{specRead, statusWrite},
		SysProcAttr: attributes(spec),
	}
	if streams.In != nil {
		cmd.Stdin = streams.In
	}
	cmd.SysProcAttr.Setctty = streams.Terminal // Ctty is 0: its standard input
	if spec.User == 0 {
		scope = nil
	}
	err = scope.do(cmd.Start)
	_ = statusWrite.Close() // the child's end
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start process: %w", err), specWrite.Close())
	}
	p := &Process{cmd: cmd}
	_, err = specWrite.Write(text)
	err = errors.Join(err, specWrite.Close())
	answer, readErr := io.ReadAll(statusRead)
	if len(answer) > 0 {
		err = refusal(answer)
	}
	if err = errors.Join(err, readErr); err == nil {
		p.Identity, err = process.Of(cmd.Process.Pid)
		if err != nil { // it has become the program, and ended already
			p.Identity, err = process.Identity{PID: cmd.Process.Pid, Start: "ended"}, nil
		}
	}
	if err != nil {
		_ = cmd.Process.Kill() // it ends by itself
		_ = cmd.Wait()         // how is said by answer
		return nil, err
	}
	return p, nil
}

// Exec is the trampoline's own main: it returns only when it could not become
// the program, and has told the starter why.
func Exec() error {
	status := os.NewFile(statusFD, "status")
	syscall.CloseOnExec(statusFD)
	spec, err := readSpec()
	if err == nil {
		err = become(spec)
	}
	if status != nil {
		err = errors.Join(err, json.NewEncoder(status).Encode(control.Fail(control.CodeStart, err)))
	}
	return err
}

func readSpec() (Spec, error) {
	var spec Spec
	in := os.NewFile(specFD, "spec")
	if in == nil {
		return spec, errors.New("read process: no specification was given")
	}
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return spec, fmt.Errorf("read process: %w", err)
	}
	return spec, in.Close()
}

// record leaves the identity under the nonce. That the file must be new fences
// starts: a supervisor gives one up by making the file itself.
func record(spec Spec) error {
	me, err := process.Of(os.Getpid())
	if err != nil {
		return err
	}
	text, err := json.Marshal(me)
	if err != nil {
		return fmt.Errorf("encode identity: %w", err)
	}
	return claim(spec.ProcFile, text)
}

// claim makes a file that must not be there, whole at once.
func claim(path string, text []byte) error {
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return fmt.Errorf("record process: %w", err)
	}
	err := os.Link(part, path)
	if err = errors.Join(err, os.Remove(part)); err != nil {
		return fmt.Errorf("record process: %w", err)
	}
	return nil
}

// GiveUp makes sure that a start whose outcome is unknown comes to nothing. It
// gives the process when it has come to something.
func GiveUp(procFile string) (process.Identity, error) {
	err := claim(procFile, []byte("{}"))
	if err == nil {
		return process.Identity{}, nil
	}
	if !errors.Is(err, os.ErrExist) {
		return process.Identity{}, err
	}
	var id process.Identity
	text, err := os.ReadFile(procFile)
	if err == nil {
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		return process.Identity{}, fmt.Errorf("read process record: %w", err)
	}
	return id, nil
}
