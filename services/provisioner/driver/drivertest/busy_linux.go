package drivertest

import "syscall"

func mount(dir, options string) error {
	return syscall.Mount("stampworks-test", dir, "tmpfs", 0, options)
}

func unmount(dir string) error { return syscall.Unmount(dir, 0) }
