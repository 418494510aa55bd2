package blueprint

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What a blueprint means where it says nothing. docs/blueprints.md tells the
// same.
const (
	defaultSecretLength = 32
	defaultMaxLength    = 256 // of a text input, in characters

	defaultJobTimeout   = 10 * time.Minute
	defaultReadyTimeout = time.Minute
	defaultReadyEvery   = 200 * time.Millisecond
	defaultLiveTimeout  = 3 * time.Second
	defaultLiveEvery    = 10 * time.Second
	defaultSmokeTimeout = 30 * time.Second
	defaultSmokeStatus  = 200
	defaultStopSignal   = "SIGTERM"
	defaultStopGrace    = 10 * time.Second
	defaultRole         = "operator"

	defaultCPU         = 100       // thousandths of a core
	defaultMemory      = 128 << 20 // bytes
	defaultVolumeBytes = 1 << 30
)

// Limits on what is filled in.
const (
	maxExpression = 4 << 10  // bytes of one expression
	maxRendered   = 64 << 10 // bytes of one scalar after filling in
	maxCost       = 100_000  // CEL cost units of one expression
	maxElements   = 100_000  // of a value on the way, those inside of others counted each time
)

// shorthand: a job may be given as just its command.
var shorthand = map[protoreflect.FullName]protoreflect.Name{"stampworks.type.v1.Job": "exec"}

func durationOr(d *durationpb.Duration, def time.Duration) time.Duration {
	if v := d.AsDuration(); v > 0 {
		return v
	}
	return def
}
