package delivery

import (
	"fmt"
	"sync"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
)

// programs keeps each source's expressions compiled, of its newest configuration.
type programs struct {
	mu       sync.Mutex
	bySource map[string]compiled
}

type compiled struct {
	uid, etag string
	program   *mapping.Program
}

func (p *programs) of(source *registryv1.Source) (*mapping.Program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.bySource[source.GetName()]; c.program != nil && c.uid == source.GetUid() && c.etag == source.GetEtag() {
		return c.program, nil
	}
	program, err := mapping.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("compile %q: %w", source.GetName(), err)
	}
	if p.bySource == nil {
		p.bySource = map[string]compiled{}
	}
	p.bySource[source.GetName()] = compiled{uid: source.GetUid(), etag: source.GetEtag(), program: program}
	return program, nil
}
