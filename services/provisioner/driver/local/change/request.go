package change

import (
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/host"
)

// request is one change. One of those below Groups is set.
type request struct {
	Host   host.Config    `json:"host"`
	Walls  Walls          `json:"walls"`
	Groups cgroup.Version `json:"groups"`

	Clear   bool              `json:"clear,omitempty"`
	Reserve *host.Claim       `json:"reserve,omitempty"`
	Wall    []host.Allocation `json:"wall,omitempty"`
	Lacking []host.Allocation `json:"lacking,omitempty"`
	End     *host.Allocation  `json:"end,omitempty"`
	Release *driver.Ref       `json:"release,omitempty"`
	Return  []host.Allocation `json:"return,omitempty"`
	Collect bool              `json:"collect,omitempty"`
}

// Walls is how the firewall keeps stamps apart.
type Walls struct {
	// None: there is no firewall.
	None bool `json:"none,omitempty"`
	// Confine bounds what stamps connect to on loopback, too.
	Confine bool `json:"confine,omitempty"`
	// Ports of the machine that they may connect to all the same.
	Ports []int `json:"ports,omitempty"`
}

// answer is what became of it.
type answer struct {
	Given   host.Allocation   `json:"given,omitzero"`
	Stamps  []host.Allocation `json:"stamps,omitempty"`
	Orphans []Orphan          `json:"orphans,omitempty"`
	Failure *failure          `json:"failure,omitempty"`
}

// Orphan is a stamp whose data directory is gone, and of which something is left.
type Orphan struct {
	// Stamp names it, for people.
	Stamp string `json:"stamp"`
	// PIDs still run.
	PIDs []int `json:"pids,omitempty"`
	// Error is why it was not forgotten, though nothing runs.
	Error string `json:"error,omitempty"`
}
