package trampoline

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Landlock's numbers, the same on every architecture (landlock_create_ruleset(2)).
const (
	sysCreateRuleset    = 444
	sysRestrictSelf     = 446
	versionOfLandlock   = 1 // LANDLOCK_CREATE_RULESET_VERSION
	scopeAbstractSocket = 1 // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	firstWithScopes     = 6 // Linux 6.12
)

// Scopes says whether the kernel can keep abstract sockets of one stamp from
// another: they are in no file system and have no owner, so neither users nor
// the firewall keep anybody from them.
func Scopes() bool {
	version, _, errno := syscall.Syscall(sysCreateRuleset, 0, 0, versionOfLandlock)
	return errno == 0 && version >= firstWithScopes
}

// Scope is a thread that can connect to no abstract socket but those of what
// it has started itself: a stamp's processes reach one another's, and trace one
// another, and nobody else's. Those of an earlier supervisor are others.
type Scope struct{ starts chan func() }

// NewScope begins one; it is nil where the kernel has none. The thread ends
// with the process.
func NewScope() (*Scope, error) {
	if !Scopes() {
		return nil, nil //nolint:nilnil // a scope that is not there limits nothing
	}
	s, ready := &Scope{starts: make(chan func())}, make(chan error)
	go func() { // ends with the supervisor, as children of other threads must not be started
		runtime.LockOSThread() // never unlocked: what is given up is not had again
		err := restrict()
		ready <- err
		for err == nil {
			(<-s.starts)()
		}
	}()
	return s, <-ready
}

// do calls fn on the scope's thread.
func (s *Scope) do(fn func() error) error {
	if s == nil {
		return fn()
	}
	done := make(chan error, 1)
	s.starts <- func() { done <- fn() }
	return <-done
}

// restrict is for the calling thread and what it starts.
func restrict() error {
	rules := struct{ files, network, scoped uint64 }{scoped: scopeAbstractSocket}
	fd, _, errno := syscall.Syscall(sysCreateRuleset, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0) //nolint:gosec // as the kernel wants it
	if errno != 0 {
		return fmt.Errorf("make scope: %w", errno)
	}
	defer func() { _ = syscall.Close(int(fd)) }() // the thread keeps it
	if _, _, errno := syscall.Syscall(sysRestrictSelf, fd, 0, 0); errno != 0 {
		return fmt.Errorf("enter scope: %w", errno)
	}
	return nil
}
