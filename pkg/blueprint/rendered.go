package blueprint

import "time"

// Rendered is a recipe filled in for one tenant. What is not written in the
// recipe has its default here, so two renderings are equal when they mean the
// same. Times are in nanoseconds, processor in thousandths of a core, memory
// and disk in bytes.
type Rendered struct {
	Components map[string]Component `json:"components,omitempty"`
	Smoke      []SmokeCheck         `json:"smoke,omitempty"`
	Tasks      map[string]Task      `json:"tasks,omitempty"`
}

// Component is one process (Command) or chart (Helm) of a stamp.
type Component struct {
	// Artifact is the name of the artifact; empty with Helm.
	Artifact string   `json:"artifact,omitempty"`
	Command  []string `json:"command,omitempty"`
	Helm     *Helm    `json:"helm,omitempty"`
	// Env is the whole environment, Files the content of each file by name.
	Env   map[string]string `json:"env,omitempty"`
	Files map[string]string `json:"files,omitempty"`
	// Volumes are the names of its volumes, VolumeBytes their sizes.
	Volumes     []string         `json:"volumes,omitempty"`
	VolumeBytes map[string]int64 `json:"volume_bytes,omitempty"`
	// Locks are files, as "volume/path", that are removed before a start.
	Locks []string `json:"locks,omitempty"`

	Setup   *Job `json:"setup,omitempty"`
	Migrate *Job `json:"migrate,omitempty"`
	Backup  *Job `json:"backup,omitempty"`
	Restore *Job `json:"restore,omitempty"`

	Ready *Probe `json:"ready,omitempty"`
	Live  *Probe `json:"live,omitempty"`

	StopSignal string        `json:"stop_signal,omitempty"`
	StopGrace  time.Duration `json:"stop_grace,omitempty"`

	// CPURequest and MemoryRequest are reserved at placement, the limits
	// enforced. They are of one replica.
	CPURequest    int64 `json:"cpu_request,omitempty"`
	CPULimit      int64 `json:"cpu_limit,omitempty"`
	MemoryRequest int64 `json:"memory_request,omitempty"`
	MemoryLimit   int64 `json:"memory_limit,omitempty"`
	Replicas      int   `json:"replicas,omitempty"`

	// DependsOn are the components that start before it, Connects the
	// "component.port"s of others that it may connect to.
	DependsOn []string `json:"depends_on,omitempty"`
	Connects  []string `json:"connects,omitempty"`
}

// Helm is a chart and its values.
type Helm struct {
	Chart  string         `json:"chart"`
	Values map[string]any `json:"values,omitempty"`
}

// Job is one command that runs to its end. Env is its whole environment, the
// component's included.
type Job struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	Timeout time.Duration     `json:"timeout,omitempty"`
	// Stopped says that the component is stopped while the job runs.
	Stopped bool `json:"stopped,omitempty"`
}

// Probe asks a component whether it serves; exactly one of HTTP (a URL), TCP
// and GRPC (host:port) and Command is set. Status 0 accepts any 2xx; Slow 0
// calls nothing slow.
type Probe struct {
	HTTP    string        `json:"http,omitempty"`
	TCP     string        `json:"tcp,omitempty"`
	GRPC    string        `json:"grpc,omitempty"`
	Command []string      `json:"command,omitempty"`
	Status  int           `json:"status,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
	Every   time.Duration `json:"every,omitempty"`
	Slow    time.Duration `json:"slow,omitempty"`
}

// SmokeCheck proves that a stamp works: HTTPPath is asked at the customer's
// own address, or Command runs as a job of Component.
type SmokeCheck struct {
	HTTPPath  string        `json:"http_path,omitempty"`
	Status    int           `json:"status,omitempty"`
	Component string        `json:"component,omitempty"`
	Command   []string      `json:"command,omitempty"`
	Timeout   time.Duration `json:"timeout,omitempty"`
}

// Task is a named command for support and the DBA. It runs in the component's
// environment.
type Task struct {
	Component   string   `json:"component"`
	Command     []string `json:"command"`
	Interactive bool     `json:"interactive,omitempty"`
	Role        string   `json:"role,omitempty"`
}
