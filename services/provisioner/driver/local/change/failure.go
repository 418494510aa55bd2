package change

import (
	"errors"
	"maps"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

// failure is an error on its way between two processes: it keeps its kind, its
// reason, and what it is made of (a full disk, a stale token).
type failure struct {
	*control.Failure
	Kind     errs.Kind         `json:"kind"`
	Reason   string            `json:"reason,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func fail(err error) *failure {
	if err == nil {
		return nil
	}
	code := control.CodeUnknown
	if errors.Is(err, driver.ErrStaleToken) {
		code = control.CodeStale
	}
	f := &failure{Failure: control.Fail(code, err)}
	if e := (*errs.Error)(nil); errors.As(err, &e) {
		f.Kind, f.Reason, f.Metadata = e.Kind, e.Reason, maps.Clone(e.Metadata)
	}
	return f
}

// err is the error of before, or one as good.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	if f.Reason == "" {
		return f.Failure
	}
	e := errs.New(f.Kind, f.Reason, "%w", f.Failure)
	for key, value := range f.Metadata {
		e = e.With(key, value)
	}
	return e
}
