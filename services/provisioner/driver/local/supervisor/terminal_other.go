//go:build !linux

package supervisor

import (
	"errors"
	"os"

	"stampworks.dev/services/provisioner/driver"
)

func openTerminal(driver.TerminalSize, int) (person, process *os.File, err error) {
	return nil, nil, errors.New("open terminal: only on Linux; pipe into the command, and out of it")
}

func resize(*os.File, driver.TerminalSize) error { return nil }
