package driver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
)

// Importer is the extra of keepers that keep what was made elsewhere.
type Importer interface {
	// ImportBackup keeps the files of a tar, all of it or, after a crash, nothing.
	// The UID of the backup must be its own: that of no stamp, and of no other
	// import, and begins with [ImportUID]. The note is kept beside it. What cannot
	// be in a backup is of kind InvalidArgument. DropBackup removes also what a
	// crash left of it.
	ImportBackup(ctx context.Context, of BackupRef, note json.RawMessage, files io.Reader) (Kept, error)
}

// ImportUID begins the UIDs of imports.
const ImportUID = "import-"

// ErrNoTar says that files do not come as a tar.
var ErrNoTar = errors.New("it is no tar of files and directories")
