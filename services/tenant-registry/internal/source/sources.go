package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// What sources refuse.
var (
	ErrNotFound  = errs.New(errs.NotFound, "SOURCE_NOT_FOUND", "source does not exist")
	ErrExists    = errs.New(errs.AlreadyExists, "SOURCE_EXISTS", "source exists already")
	ErrEtag      = errs.New(errs.Conflict, "ETAG_MISMATCH", "source was changed meanwhile: read it again")
	ErrKeyReused = errs.New(errs.AlreadyExists, "IDEMPOTENCY_KEY_REUSED", "request id was used for another request in the last 24 hours")
)

// Deps are what Sources needs.
type Deps struct {
	Backend store.Backend
	Prefix  string // of all keys, ends with "/"
	Keys    *secretbox.Keys
	// PublicURL is the gateway's address as senders reach it.
	PublicURL string
}

// Sources keeps all sources.
type Sources struct {
	backend   store.Backend
	sources   *store.Collection[*registryv1.Source]
	last      *store.Collection[*registryv1.Source] // only last_delivery and its time are set
	prefix    string
	keys      *secretbox.Keys
	publicURL string
}

// New gives the sources of a store.
func New(d Deps) *Sources {
	sources := func(prefix string) *store.Collection[*registryv1.Source] {
		return store.NewCollection(d.Backend, d.Prefix+prefix, func() *registryv1.Source { return &registryv1.Source{} })
	}
	return &Sources{
		backend: d.Backend, sources: sources("sources/"), last: sources("source-last/"),
		prefix: d.Prefix, keys: d.Keys, publicURL: strings.TrimSuffix(d.PublicURL, "/"),
	}
}

// RunKeys looks after the key file of the secrets.
func (s *Sources) RunKeys(ctx context.Context) error { return s.keys.Run(ctx) }

// Get reads a source. ErrNotFound.
func (s *Sources) Get(ctx context.Context, name names.Source) (*registryv1.Source, error) {
	item, err := s.sources.Get(ctx, name.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNotFound.Naming("source", name.String())
	}
	if err != nil {
		return nil, err
	}
	last, err := s.last.Get(ctx, name.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return s.whole(item, last.Value), nil
}

// List reads all sources, by name.
func (s *Sources) List(ctx context.Context) ([]*registryv1.Source, error) {
	items, _, err := s.sources.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	lasts, _, err := s.last.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list last deliveries of sources: %w", err)
	}
	byID := make(map[string]*registryv1.Source, len(lasts))
	for _, l := range lasts {
		byID[s.last.ID(l.Key)] = l.Value
	}
	list := make([]*registryv1.Source, len(items))
	for i, item := range items {
		list[i] = s.whole(item, byID[s.sources.ID(item.Key)])
	}
	return list, nil
}

// LastOp notes a delivery as the last one, as part of a transaction.
func (s *Sources) LastOp(d *registryv1.Delivery, source names.Source) store.Op {
	return s.last.PutOp(source.ID, &registryv1.Source{LastDelivery: d.GetName(), LastDeliveryTime: d.GetCreateTime()})
}

// Unchanged holds while the source is configured as it was when it was read.
func (s *Sources) Unchanged(source *registryv1.Source) store.Cond {
	revision, err := strconv.ParseInt(source.GetEtag(), 36, 64)
	if err != nil {
		revision = -1
	}
	return store.ModRevisionIs(s.sources.Key(strings.TrimPrefix(source.GetName(), "sources/")), revision)
}

func (s *Sources) whole(item store.Versioned[*registryv1.Source], last *registryv1.Source) *registryv1.Source {
	whole, _ := proto.Clone(item.Value).(*registryv1.Source)
	whole.Etag = strconv.FormatInt(item.ModRevision, 36)
	whole.LastDelivery, whole.LastDeliveryTime = last.GetLastDelivery(), last.GetLastDeliveryTime()
	whole.WebhookUrl = s.publicURL + "/hooks/" + s.sources.ID(item.Key)
	return whole
}
