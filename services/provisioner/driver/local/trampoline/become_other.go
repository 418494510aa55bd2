//go:build !linux

package trampoline

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func attributes(Spec) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// Ask becomes a program of the machine that is only asked for its version.
func Ask(program, _ string) error {
	syscall.Umask(0o077)
	if err := syscall.Exec(program, []string{program, "--version"}, askEnv); err != nil {
		return fmt.Errorf("execute %s: %w", program, err)
	}
	return nil
}

// become turns this process into the program, with what isolation there is.
func become(spec Spec) error {
	if spec.User != 0 || spec.View != nil {
		return errors.New("become user: only on Linux")
	}
	if err := record(spec); err != nil {
		return err
	}
	syscall.Umask(0o077)
	if err := os.Chdir(spec.Dir); err != nil {
		return fmt.Errorf("enter directory: %w", err)
	}
	if err := syscall.Exec(spec.Program, spec.Args, spec.Env); err != nil {
		return cannotRun(spec.Program, err)
	}
	return nil
}
