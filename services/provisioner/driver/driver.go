package driver

import (
	"context"
	"errors"
	"io"
	"time"
)

// Driver makes stamps real in one cell. All verbs are idempotent: calling any
// of them twice is fine. All are safe for concurrent use; the engine makes at
// most one changing call at a time for one component.
type Driver interface {
	Jobs

	// Reserve takes the finite things that a stamp needs from the cell before
	// anything is made: a directory, a user, an address, a public port. The
	// same stamp always gets the same site. Full: an error of kind
	// ResourceExhausted that names the resource.
	Reserve(ctx context.Context, ref Ref, want SiteRequest) (Site, error)

	// Ensure makes one component of the manifest be there and, unless
	// Component.Stopped, run. The manifest is the whole wish for the stamp;
	// other components are left as they are. A component whose definition
	// changed is restarted; one that is the same and runs is not touched.
	Ensure(ctx context.Context, ref Ref, m Manifest, component string) error

	// Observe tells what there is, without changing anything. A stamp that was
	// never made is an empty Observation, not an error.
	Observe(ctx context.Context, ref Ref) (Observation, error)

	// Stop ends a component's processes and keeps its data. It returns when
	// they have ended. Stopping what does not run is fine. Its jobs are no part
	// of it: one that is under way goes on until [Jobs.EndJobs].
	Stop(ctx context.Context, ref Ref, component string) error

	// Destroy removes all that the stamp ever had in this cell, data included,
	// and gives its site back. It returns when nothing is left, or an error
	// that names what is.
	Destroy(ctx context.Context, ref Ref) error

	// Capacity lists every finite thing that the cell gives out.
	Capacity(ctx context.Context) (Capacity, error)

	// Logs gives a component's log lines, oldest first. With follow it ends
	// only with the context.
	Logs(ctx context.Context, ref Ref, q LogQuery) (io.ReadCloser, error)
}

// ErrStaleToken refuses a call whose fencing token is lower than one already
// seen for the stamp. It is final: the caller no longer owns the stamp.
var ErrStaleToken = errors.New("stale fencing token")

// Ref names a stamp to its driver.
type Ref struct {
	// Tenant is the tenant's id, at most 63 characters of [a-z0-9-].
	Tenant string
	// UID tells two tenants of the same id apart; it never changes.
	UID string
	// Token is the fencing token of the claim; zero for calls that only read.
	Token int64
	// Recovery is that under which the claim's owner knows the stamp to have been
	// taken over (see [Adopter]), empty when it never was. A token counts under
	// the recovery that the stamp was last taken over for, and no other.
	Recovery string
}

// Stale says whether who calls is not the owner any more, when last is the owner
// that was seen last.
func (r Ref) Stale(last Ref) bool { return r.Recovery != last.Recovery || r.Token < last.Token }

// SiteRequest says what Reserve must find.
type SiteRequest struct {
	// Ports are those of all components, by "component.port".
	Ports map[string]int
	// Endpoint is the "component.port" that is given a public port, or empty,
	// and, for when it is closed to customers, one that is not public.
	Endpoint string
	// Artifacts are the revision's programs; they are fetched and resolved.
	Artifacts map[string]Artifact
	// Components has every component of the revision, with the names of its
	// volumes. A component added by a later revision is added to the same site.
	Components map[string][]string
}

// Site is what a stamp has been given. It is written into the ledger as it is.
type Site struct {
	// Dir is the stamp's own directory.
	Dir string `json:"dir,omitempty"`
	// UserID is its numeric user and group, zero when it has none of its own.
	UserID int `json:"user_id,omitempty"`
	// Binds has, by "component.port", where the component listens and where
	// the others reach it.
	Binds map[string]Bind `json:"binds,omitempty"`
	// PublicURL is the base URL of the endpoint, without a trailing slash.
	PublicURL string `json:"public_url,omitempty"`
	// Closed is where the endpoint listens while it is closed to customers.
	Closed *Bind `json:"closed,omitempty"`
	// Volumes, Files, Tmp and Backup are directories, as the component sees
	// them: by "component.volume", by component, by component, and one. Tmp may
	// be the same path in all, private to each.
	Volumes map[string]string `json:"volumes,omitempty"`
	Files   map[string]string `json:"files,omitempty"`
	Tmp     map[string]string `json:"tmp,omitempty"`
	Backup  string            `json:"backup,omitempty"`
	// Artifacts are the resolved programs.
	Artifacts map[string]ResolvedArtifact `json:"artifacts,omitempty"`
	// Isolation says what really separates this stamp from its neighbours, by
	// kind ("users", "files", "network", "cpu", "memory", "disk"): the means,
	// or "NONE".
	Isolation map[string]string `json:"isolation,omitempty"`
}

// Bind is where one port of one component is.
type Bind struct {
	// Listen is the address to bind, Host the one to connect to.
	Listen string `json:"listen"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
}

// Artifact says where a program comes from: exactly one of the first four.
type Artifact struct {
	Archive string `json:"archive,omitempty"` // URL or path of a .tar.gz or .zip
	File    string `json:"file,omitempty"`    // URL or path of one program
	Host    string `json:"host,omitempty"`    // a program that the machine has
	Image   string `json:"image,omitempty"`   // a container image by digest
	SHA256  string `json:"sha256,omitempty"`  // of the archive or file, hex
	Version string `json:"version,omitempty"` // accepted versions of a host program
}

// ResolvedArtifact is an artifact as it was found in this cell.
type ResolvedArtifact struct {
	// Dir holds its programs; the first word of a command is looked up there.
	Dir string `json:"dir"`
	// Version is what a host program says of itself; Digest is of the rest.
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// Manifest is everything that a stamp is wished to be: rendered, with real
// secret values. It is never logged, and on disk only its user can read it.
type Manifest struct {
	Tenant     string               `json:"tenant"`
	UID        string               `json:"uid"`
	Generation int64                `json:"generation"`
	Revision   string               `json:"revision"`
	Site       Site                 `json:"site"`
	Components map[string]Component `json:"components"`
	// Recovery is what the tenant can be made again from. Nil leaves what was
	// given before.
	Recovery *Recovery `json:"recovery,omitempty"`
}

// Component is one rendered component.
type Component struct {
	// Artifact is the name of its program's artifact in the site.
	Artifact string `json:"artifact"`
	// Command is the program and its arguments; there is no shell.
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	// Telemetry is what its processes are told besides, of tracing; Env comes first.
	// It counts from the next start, and is no reason for one.
	Telemetry map[string]string `json:"telemetry,omitempty"`
	// Files are written with mode 0600 before a start, by name.
	Files   map[string]string `json:"files,omitempty"`
	Volumes []string          `json:"volumes,omitempty"`
	// Locks are files, as "volume/path", that a killed process may leave. They
	// are removed before a start, when none of the component's runs.
	Locks []string `json:"locks,omitempty"`
	// StopSignal is by name ("SIGTERM" when empty); StopGrace is how long the
	// process has before it is killed (default 10 s).
	StopSignal string        `json:"stop_signal,omitempty"`
	StopGrace  time.Duration `json:"stop_grace,omitempty"`
	// CPUMillis and MemoryBytes are limits; zero is none.
	CPUMillis   int64 `json:"cpu_millis,omitempty"`
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// CPUShareMillis is its part of the processor, compared to the others', where
	// all want it at once: what is reserved for it. It counts from the next start,
	// and is no reason for one. Zero is a core.
	CPUShareMillis int64 `json:"cpu_share_millis,omitempty"`
	// Replicas is how many processes run; zero is one.
	Replicas int `json:"replicas,omitempty"`
	// Connects are the "component.port"s that it may reach.
	Connects []string `json:"connects,omitempty"`
	// Stopped wishes it to be there but not to run.
	Stopped bool `json:"stopped,omitempty"`
}

// Observation is what there is of a stamp.
type Observation struct {
	// Exists is true from Reserve on, and false again after Destroy.
	Exists     bool
	Components map[string]ComponentObservation
	// Lost are the volumes, "component.volume", that were made and are not
	// there: data that is gone. No verb makes them again.
	Lost []string
	// Missing names what else of the site is gone, and Edited says that what the
	// driver keeps of the stamp was changed by hand. Reserve makes both good.
	Missing []string
	Edited  bool
	// Barred says why no verb touches the stamp, but Stop and Destroy: what it was
	// given is another stamp's by now. Nothing of it runs. Empty when none is.
	Barred string
	// Wished says what the stamp was last wished to be; the zero Wished when it
	// does not know.
	Wished Wished
}

// ComponentObservation is what there is of a component.
type ComponentObservation struct {
	Running bool
	// Digest is of the definition that runs; [Manifest.Digest] gives the
	// wished one.
	Digest string
	// PIDs of its processes, one a replica, where the driver has processes.
	PIDs     []int
	Restarts int
	Started  time.Time
	// LastExit tells how the last process ended, in words; empty when none did.
	LastExit string
	// LastLines are the end of its log, at most 20 lines, when it does not run.
	LastLines []string
	// ChangedFiles names the files, of those written for it, that are not as
	// they were written, or are gone; Missing, its directories that are gone.
	// Stop and Ensure make them good.
	ChangedFiles []string
	Missing      []string
}

// Capacity is what a cell gives out, by resource: "cpu_millis",
// "memory_bytes", "disk_bytes", "addresses", "ports", "users", "stamps".
type Capacity struct {
	Allocatable map[string]int64
	// Isolation is what a new stamp would get, as in [Site].
	Isolation map[string]string
	// Programs are the host programs found, by name, with their versions; a
	// cell without postgres cannot take a blueprint that needs it.
	Programs map[string]string
}

// LogQuery chooses log lines.
type LogQuery struct {
	Component string
	// Tail is how many lines of the end to begin with; zero is all that is kept.
	Tail   int
	Follow bool
}
