package trampoline

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"stampworks.dev/services/provisioner/driver/local/control"
)

// cannotRun says that the program is not there, or none of this machine's, or
// else why it could not be executed.
func cannotRun(program string, err error) error {
	err = fmt.Errorf("execute %s: %w", filepath.Base(program), err)
	for _, why := range []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.ENOEXEC, syscall.EACCES} {
		if errors.Is(err, why) {
			return control.Fail(control.CodeProgram, err)
		}
	}
	return err
}

// refusal is what Exec said.
func refusal(answer []byte) error {
	f := &control.Failure{}
	if err := json.Unmarshal(answer, f); err != nil {
		return errors.New(string(answer))
	}
	return f
}
