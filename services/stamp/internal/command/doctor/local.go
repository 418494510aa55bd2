package doctor

import (
	"os"
	"os/exec"
	"path/filepath"

	"stampworks.dev/services/stamp/internal/session"
)

// supervisorName is the program beside every stamp on a local cell; hostName, beside
// it, changes what they share.
const (
	supervisorName = "stamp-supervisor"
	hostName       = "stamp-host"
)

// local checks this machine, for those who run stamps on it.
func local(s *session.Session) []Finding {
	return []Finding{beside("supervisor", supervisorName), beside("host", hostName), postgres(s)}
}

// beside looks for a program that stamp dev starts.
func beside(check, name string) Finding {
	f := Finding{Check: check}
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), name); runnable(path) {
			f.Level, f.Saw = fine, path
			return f
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		f.Level, f.Saw = fine, path
		return f
	}
	f.Level, f.Saw = warn, name+" is neither beside stamp nor in PATH: stamp dev cannot start stamps here"
	f.Fix = "make build"
	return f
}

func postgres(s *session.Session) Finding {
	f := Finding{Check: "postgres"}
	places := []string{"/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres", "/opt/homebrew/opt/postgresql@*/bin/postgres"}
	for _, dir := range filepath.SplitList(s.Getenv("PATH")) {
		places = append([]string{filepath.Join(dir, "postgres")}, places...)
	}
	for _, place := range places {
		found, err := filepath.Glob(place)
		if err == nil && len(found) > 0 && runnable(found[len(found)-1]) {
			f.Level, f.Saw = fine, found[len(found)-1]
			return f
		}
	}
	f.Level, f.Saw = warn, "no PostgreSQL server on this machine: the sample product takes SQLite here"
	f.Fix = "install your system's PostgreSQL server, such as: apt install postgresql"
	return f
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
