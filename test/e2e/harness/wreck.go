package harness

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// wreck is a migration that destroys data and fails half-way.
const wreck = `#!/bin/sh
case "$DATABASE_URL" in
sqlite:*) echo junk > "${DATABASE_URL#sqlite:}" ;;
*) for psql in /usr/lib/postgresql/*/bin/psql; do "$psql" "$DATABASE_URL" -qc 'DELETE FROM tickets'; break; done ;;
esac
echo "went half-way" >&2
exit 3
`

var (
	revisionLine = regexp.MustCompile(`(?m)^revision: .*$`)
	artifactFile = regexp.MustCompile(`(?m)^    file: \S+\n    sha256: .*$`)
	migrateLine  = regexp.MustCompile(`helpdesk migrate --admin \$\{inputs\.admin_email\}`)
)

// Wrecked makes a broken revision of a published one: its program is in an
// archive beside a migration that destroys what there is.
func (p *Plane) Wrecked(revision string) func(blueprint string) string {
	p.T.Helper()
	path := filepath.Join(p.Dir, "wrecked-"+revision+".tar.gz")
	p.Must(pack(path, map[string]string{"wreck": wreck, "helpdesk": p.helpdesk("1.1.0")}))
	text, err := os.ReadFile(path)
	p.Must(err)
	sum := sha256.Sum256(text)
	return func(blueprint string) string {
		blueprint = revisionLine.ReplaceAllString(blueprint, "revision: "+revision)
		blueprint = artifactFile.ReplaceAllString(blueprint, fmt.Sprintf("    archive: %s\n    sha256: %q", path, hex.EncodeToString(sum[:])))
		return migrateLine.ReplaceAllString(blueprint, "wreck")
	}
}

// helpdesk is the program of a revision.
func (p *Plane) helpdesk(revision string) string {
	text, err := os.ReadFile(program(p.T, "products/helpdesk-"+revision))
	p.Must(err)
	return string(text)
}

// Must fails the test on an error.
func (p *Plane) Must(err error) {
	p.T.Helper()
	if err != nil {
		p.T.Fatal(err)
	}
}

// pack writes an archive of programs.
func pack(path string, programs map[string]string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // a second time is fine
	zipped := gzip.NewWriter(file)
	archive := tar.NewWriter(zipped)
	for name, text := range programs {
		header := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(text)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := zipped.Close(); err != nil {
		return err
	}
	return file.Close()
}
