package supervisor

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"stampworks.dev/services/provisioner/driver"
)

// openTerminal makes a pseudo terminal: the end that a person is joined to, and
// the one that a process gets, which belongs to the stamp's user.
func openTerminal(size driver.TerminalSize, user int) (person, process *os.File, err error) {
	person, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open terminal: %w", err)
	}
	process, err = otherEnd(person, user)
	if err == nil {
		err = resize(person, size)
	}
	if err != nil {
		if process != nil {
			_ = process.Close() // the first error is the one to tell
		}
		return nil, nil, errors.Join(fmt.Errorf("open terminal: %w", err), person.Close())
	}
	return person, process, nil
}

func otherEnd(person *os.File, user int) (*os.File, error) {
	var number, locked int32
	if err := ioctl(person, syscall.TIOCGPTN, &number); err != nil {
		return nil, err
	}
	if err := ioctl(person, syscall.TIOCSPTLCK, &locked); err != nil {
		return nil, err
	}
	// Opened apart from package os, which would make it answer at once and say
	// that nothing was typed yet.
	path := "/dev/pts/" + strconv.Itoa(int(number))
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	process := os.NewFile(uintptr(fd), path)
	if user != 0 {
		err = process.Chown(user, user)
	}
	return process, err
}

// terminalSize is struct winsize of ioctl_tty(2).
type terminalSize struct{ rows, columns, _, _ uint16 }

func resize(person *os.File, size driver.TerminalSize) error {
	to := terminalSize{rows: size.Rows, columns: size.Columns}
	return ioctl(person, syscall.TIOCSWINSZ, &to)
}

func ioctl[T any](f *os.File, request uintptr, arg *T) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(arg))) //nolint:gosec // ioctl(2) takes an address, and package syscall has no such call
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}
