package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/source"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// What deliveries refuse.
var (
	ErrNotFound   = errs.New(errs.NotFound, "DELIVERY_NOT_FOUND", "delivery does not exist")
	ErrNotWaiting = errs.New(errs.FailedPrecondition, "DELIVERY_NOT_WAITING", "delivery does not wait for approval")
	ErrFull       = errs.New(errs.ResourceExhausted, "SOURCE_FULL", "source keeps as many deliveries as it may").After(time.Minute)
)

// Deps are what Deliveries needs.
type Deps struct {
	Backend   store.Backend
	Prefix    string // of all keys, ends with "/"
	Sources   *source.Sources
	Tenants   *tenant.Tenants
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Deliveries keeps all deliveries and works on them. It is safe for concurrent
// use; several replicas may share a store.
type Deliveries struct {
	backend  store.Backend
	prefix   string
	records  *store.Collection[*registryv1.Delivery] // body is its length in decimal
	cache    *store.Cache[*registryv1.Delivery]
	queue    *store.Collection[*registryv1.Delivery] // see queue.go
	sources  *source.Sources
	tenants  *tenant.Tenants
	log      *slog.Logger
	tracer   trace.Tracer
	outcomes metric.Int64Counter
	programs programs
	usage    usage
	wake     chan names.Delivery
	working  sync.Map // names.Delivery being worked on here
}

// New gives the deliveries of a store.
func New(d Deps) (*Deliveries, error) {
	deliveries := func(prefix string) *store.Collection[*registryv1.Delivery] {
		return store.NewCollection(d.Backend, d.Prefix+prefix, func() *registryv1.Delivery { return &registryv1.Delivery{} }).
			WithMaxBytes(store.LargeMaxBytes) // a preview is as large as a tenant in JSON
	}
	outcomes, err := d.Telemetry.Meter().Int64Counter(telemetry.MetricDeliveries, metric.WithUnit("{delivery}"),
		metric.WithDescription("Deliveries by source and outcome."))
	if err != nil {
		return nil, fmt.Errorf("create metric %s: %w", telemetry.MetricDeliveries, err)
	}
	all := &Deliveries{
		backend: d.Backend, prefix: d.Prefix, records: deliveries("deliveries/"), queue: deliveries("queue/"),
		sources: d.Sources, tenants: d.Tenants, log: d.Log, tracer: d.Telemetry.Tracer(), outcomes: outcomes,
		wake: make(chan names.Delivery, 256),
	}
	all.cache = store.NewCacheWith(all.records, store.CacheConfig{Log: d.Log})
	return all, nil
}

// Run keeps the watch that lists share, until ctx ends.
func (d *Deliveries) Run(ctx context.Context) error { return d.cache.Run(ctx) }

// recordID is the id of a delivery in its collections.
func recordID(name names.Delivery) string { return name.Source + "/" + name.ID }

func (d *Deliveries) bodyKey(name names.Delivery) string {
	return d.prefix + "bodies/" + recordID(name)
}

// length is how many bytes the body of a record has, and withLength says so.
func length(record *registryv1.Delivery) int64 {
	n, _ := strconv.ParseInt(string(record.GetBody()), 10, 64)
	return n
}

func withLength(record *registryv1.Delivery, n int) *registryv1.Delivery {
	record.Body = strconv.AppendInt(nil, int64(n), 10)
	return record
}

func (d *Deliveries) count(ctx context.Context, name names.Delivery, outcome registryv1.Delivery_Outcome) {
	d.outcomes.Add(ctx, 1, metric.WithAttributes(telemetry.Source.String(name.Source), telemetry.Outcome.String(outcome.String())))
}

func clone(record *registryv1.Delivery) *registryv1.Delivery {
	copied, _ := proto.Clone(record).(*registryv1.Delivery)
	return copied
}
