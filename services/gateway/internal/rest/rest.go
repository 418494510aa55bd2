// Package rest serves the REST API: grpc-gateway over all services, behind
// the checks that HTTP needs before gRPC sees a request.
package rest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operations "stampworks.dev/proto/gen/go/google/longrunning"
	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/encoding"
	"stampworks.dev/services/gateway/internal/headers"
	"stampworks.dev/services/gateway/internal/problem"
)

// MaxBody is the largest request body, in bytes.
const MaxBody = 1 << 20

// Deps are the services behind the API, and who may come in.
type Deps struct {
	Registry, Provisioner, Health grpc.ClientConnInterface
	Tokens                        *auth.Tokens
}

// New builds the handler of /v1/.
func New(ctx context.Context, deps Deps) (http.Handler, error) {
	var mux *runtime.ServeMux
	mux = runtime.NewServeMux(append(encoding.Options(),
		runtime.WithErrorHandler(writeError),
		runtime.WithStreamErrorHandler(problem.StreamStatus),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.WithMiddlewares(found(func() *runtime.ServeMux { return mux })),
		runtime.SetQueryParameterParser(&strictQuery{}),
		runtime.WithDisableChunkedEncoding(), // net/http does it
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(principal),
		runtime.WithForwardResponseOption(nameHeaders),
	)...)
	if err := register(ctx, mux, deps); err != nil {
		return nil, err
	}
	paths := http.NewServeMux()
	paths.Handle("/", mux)
	paths.Handle(attachPattern, attach(provisionerv1.NewStampServiceClient(conn{deps.Provisioner}), attachMost))
	var h http.Handler = paths
	for _, layer := range []func(http.Handler) http.Handler{headers.Middleware, noteMask, resume, accept, readBody} {
		h = layer(h)
	}
	whole := http.NewServeMux() // what is not read in whole is apart
	whole.Handle("/", h)
	whole.Handle(importPattern, importBackup(provisionerv1.NewBackupServiceClient(conn{deps.Provisioner}), importPatience))
	h = whole
	for _, layer := range []func(http.Handler) http.Handler{authenticate(deps.Tokens), refuseBytes, refuseMetadata, notCached} {
		h = layer(h)
	}
	return h, nil
}

func register(ctx context.Context, mux *runtime.ServeMux, deps Deps) error {
	over := func(c grpc.ClientConnInterface) grpc.ClientConnInterface {
		return headers.Conn{ClientConnInterface: conn{c}}
	}
	registry, provisioner, health := over(deps.Registry), over(deps.Provisioner), over(deps.Health)
	for _, err := range []error{
		registryv1.RegisterTenantServiceHandlerClient(ctx, mux, registryv1.NewTenantServiceClient(registry)),
		registryv1.RegisterBlueprintServiceHandlerClient(ctx, mux, registryv1.NewBlueprintServiceClient(registry)),
		registryv1.RegisterCellServiceHandlerClient(ctx, mux, registryv1.NewCellServiceClient(registry)),
		registryv1.RegisterIntakeServiceHandlerClient(ctx, mux, registryv1.NewIntakeServiceClient(registry)),
		provisionerv1.RegisterStampServiceHandlerClient(ctx, mux, provisionerv1.NewStampServiceClient(provisioner)),
		provisionerv1.RegisterReadinessServiceHandlerClient(ctx, mux, provisionerv1.NewReadinessServiceClient(provisioner)),
		provisionerv1.RegisterBackupServiceHandlerClient(ctx, mux, provisionerv1.NewBackupServiceClient(provisioner)),
		operations.RegisterOperationsHandlerClient(ctx, mux, longrunningpb.NewOperationsClient(provisioner)),
		healthv1.RegisterHealthServiceHandlerClient(ctx, mux, healthv1.NewHealthServiceClient(health)),
	} {
		if err != nil {
			return fmt.Errorf("register rest handlers: %w", err)
		}
	}
	return nil
}

// principal hands the authenticated caller on to the services.
func principal(ctx context.Context, _ *http.Request) metadata.MD {
	md, _ := metadata.FromOutgoingContext(ctx)
	return md
}

// nameHeaders says in headers what tools look for there: where an operation
// is found (RFC 9110 Location), a resource's etag, and the next page of a
// form that has no place for its token. A stream begins with no message; no
// proxy is to collect what it sends.
func nameHeaders(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	switch m := m.(type) {
	case nil:
		w.Header().Set("X-Accel-Buffering", "no")
	case *longrunningpb.Operation:
		w.Header().Set("Location", "/v1/"+m.GetName())
		if !m.GetDone() {
			w.Header().Set("Retry-After", "1")
		}
	case interface{ GetEtag() string }:
		if m.GetEtag() != "" {
			w.Header().Set("ETag", `"`+m.GetEtag()+`"`)
		}
	case *registryv1.ListTenantsResponse:
		if m.GetNextPageToken() != "" {
			w.Header().Set("X-Next-Page-Token", m.GetNextPageToken())
		}
	}
	return nil
}
