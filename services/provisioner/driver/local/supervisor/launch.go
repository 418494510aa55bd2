package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"stampworks.dev/services/provisioner/driver/local/layout"
)

// readyFD is where a supervisor that was launched says that it is ready;
// readyVariable says that it was.
const (
	readyFD       = 3
	readyVariable = "STAMPWORKS_READY"
)

// readyWord is said by one that is.
const readyWord = "ready"

// Launch starts a supervisor for the stamp that outlives the caller, and
// returns when it can be asked. One that is there already is as good.
func Launch(dir, program string) error {
	out, err := openLog(layout.Stamp(dir).SupervisorLog(), 0)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the supervisor has its own
	if err := rotate(out.Name(), layout.LogBytes, rotateKept); err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("launch supervisor: %w", err)
	}
	defer func() { _ = read.Close() }() // only read
	cmd := exec.Cmd{
		Path: program, Args: []string{"stamp-supervisor", "run", dir}, Dir: "/",
		Env: append(runtimeSettings(), readyVariable+"=1"), Stdout: out, Stderr: out,
		ExtraFiles: []*os.File{write}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = cmd.Start()
	_ = write.Close() // the supervisor's end
	if err != nil {
		return fmt.Errorf("launch supervisor: %w", err)
	}
	line, _ := bufio.NewReader(read).ReadString('\n') // its end without a word is the error
	switch line = strings.TrimSpace(line); line {
	case readyWord:
		return cmd.Process.Release()
	case "":
		return errors.New("launch supervisor: it ended at once")
	}
	return fmt.Errorf("launch supervisor: %s", line)
}

// runtimeSettings keep a supervisor small. The caller's own (GODEBUG, GORACE)
// are kept; nothing else of its environment is.
func runtimeSettings() []string {
	settings := []string{"GOMAXPROCS=2", "GOGC=50"}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "GO") {
			settings = append(settings, entry)
		}
	}
	return settings
}

// Launched gives the way to tell who launched this supervisor that it is
// ready, or why not. It must be called before anything is started.
func Launched() func(error) {
	if os.Getenv(readyVariable) == "" {
		return func(error) {}
	}
	syscall.CloseOnExec(readyFD)
	pipe := os.NewFile(readyFD, "ready")
	return func(err error) {
		word := readyWord
		if err != nil && !errors.Is(err, ErrRunning) {
			word = err.Error()
		}
		_, _ = fmt.Fprintln(pipe, strings.ReplaceAll(word, "\n", " ")) // nobody may be listening
		_ = pipe.Close()
	}
}
