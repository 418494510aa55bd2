package local

// BeforeRemove lets a test stop a replica just before it removes.
func BeforeRemove(fn func()) (undo func()) {
	beforeRemove = fn
	return func() { beforeRemove = func() {} }
}
