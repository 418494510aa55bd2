package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// Probe tries whether a process can be given a user of its own, and with the
// kind "view" a view of its own of the files, by running true(1) so. It leaves
// nothing.
func Probe(kind, user, program string) error {
	number, err := strconv.Atoi(user)
	if err != nil {
		return fmt.Errorf("probe isolation: %w", err)
	}
	dir, err := os.MkdirTemp("/tmp", "stampworks-probe-")
	if err != nil {
		return fmt.Errorf("probe isolation: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a few empty directories
	s := layout.Stamp(filepath.Join(dir, "stamp"))
	if err := s.Make(number); err != nil {
		return err
	}
	if err := s.MakeComponent("probe", nil, number); err != nil {
		return err
	}
	c := s.Component("probe")
	out, err := openLog(c.Log(), number)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // it says nothing that matters
	spec := trampoline.Spec{
		Program: "/bin/true", Args: []string{"/bin/true"}, Dir: "/", Nonce: "probe", User: number,
		ProcFile: filepath.Join(c.Proc(), "probe"),
	}
	if kind == "view" {
		spec.View = &trampoline.View{
			Mask: "/tmp", Visible: []string{string(s)}, Tmp: c.Tmp(), TmpAt: "/tmp/own",
			Passwd: filepath.Join(s.Etc(), "passwd"), Group: filepath.Join(s.Etc(), "group"),
		}
	}
	scope, err := trampoline.NewScope()
	if err != nil {
		return err
	}
	p, err := trampoline.Start(program, spec, trampoline.To(out), scope)
	if err != nil {
		return fmt.Errorf("probe isolation: %w", err)
	}
	if how, code := p.Wait(); code != 0 {
		return fmt.Errorf("probe isolation: %s", how)
	}
	return nil
}
