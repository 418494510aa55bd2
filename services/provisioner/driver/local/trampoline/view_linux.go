package trampoline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// mount makes the view. The namespace is the process's own, so it goes with
// the last process in it.
func (v *View) mount() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from mounts of the machine: %w", err)
	}
	// What lies below the mask is opened first: the mask hides it.
	var binds []bind
	for _, dir := range v.Visible {
		binds = append(binds, bind{from: dir, to: dir})
	}
	for _, dir := range v.ReadOnly {
		binds = append(binds, bind{from: dir, to: dir, flags: syscall.MS_RDONLY})
	}
	binds = append(binds, bind{from: v.Tmp, to: v.TmpAt},
		bind{from: v.Passwd, to: "/etc/passwd", flags: syscall.MS_RDONLY},
		bind{from: v.Group, to: "/etc/group", flags: syscall.MS_RDONLY})
	for i := range binds {
		fd, err := syscall.Open(binds[i].from, oPath|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", binds[i].from, err)
		}
		binds[i].fd = fd
	}
	if err := readOnly("/"); err != nil {
		return err
	}
	if err := v.replaceVarTmp(); err != nil {
		return err
	}
	empty := "mode=0711,size=64k" // directories only
	if v.Mask == "/tmp" {
		empty = "mode=1777,size=64m"
	}
	if err := syscall.Mount("stampworks", v.Mask, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, empty); err != nil {
		return fmt.Errorf("hide %s: %w", v.Mask, err)
	}
	for _, dir := range slices.Concat(v.Visible, v.ReadOnly, []string{v.TmpAt}) {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("show %s: %w", dir, err)
		}
	}
	for _, b := range binds {
		if err := b.mount(); err != nil {
			return err
		}
	}
	// Best effort: without them the process sees the names of others, no more.
	// "invisible" is understood since Linux 5.8, when it became the mount's own;
	// the older number would change the whole machine.
	if _, err := os.Stat("/dev/shm"); err == nil {
		_ = syscall.Mount("stampworks", "/dev/shm", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=1777")
	}
	_ = syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, "hidepid=invisible")
	return nil
}

// replaceVarTmp shows the stamp's own /tmp there as well, unless what is visible
// lies below it.
func (v *View) replaceVarTmp() error {
	const at = "/var/tmp"
	for _, path := range slices.Concat([]string{v.Mask}, v.Visible, v.ReadOnly) {
		if path == at || strings.HasPrefix(path, at+"/") {
			return nil
		}
	}
	if _, err := os.Lstat(at); err != nil {
		return nil //nolint:nilerr // the machine has none
	}
	fd, err := syscall.Open(v.Tmp, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", v.Tmp, err)
	}
	return bind{from: v.Tmp, to: at, fd: fd}.mount()
}

// readOnly makes all that is mounted at and below a path so: what the machine
// lets everybody write is no place for a stamp's files either. Kernels before
// 5.12 cannot, and some containers forbid it.
func readOnly(path string) error {
	const (
		sysMountSetattr = 442    // mount_setattr(2), on every architecture
		recursive       = 0x8000 // AT_RECURSIVE
		here            = -100   // AT_FDCWD
	)
	at, err := syscall.BytePtrFromString(path)
	if err != nil {
		return fmt.Errorf("protect %s: %w", path, err)
	}
	attr := struct{ set, clear, propagation, user uint64 }{set: syscall.MS_RDONLY}
	cwd := here
	_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(cwd), uintptr(unsafe.Pointer(at)), recursive, //nolint:gosec // as the kernel wants it
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // as the kernel wants it
	if errno != 0 && errno != syscall.ENOSYS && errno != syscall.EPERM {
		return fmt.Errorf("protect %s: %w", path, errno)
	}
	return nil
}

const oPath = 0x200000 // O_PATH, open(2)

type bind struct {
	from, to string
	fd       int
	flags    uintptr
}

func (b bind) mount() error {
	from := filepath.Join("/proc/self/fd", strconv.Itoa(b.fd))
	if err := syscall.Mount(from, b.to, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("show %s: %w", b.to, err)
	}
	flags := syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_NOSUID | syscall.MS_NODEV | b.flags
	if err := syscall.Mount("", b.to, "", flags, ""); err != nil {
		return fmt.Errorf("show %s: %w", b.to, err)
	}
	return syscall.Close(b.fd)
}
