package headers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
)

// recorder keeps the request that a call was made with.
type recorder struct {
	grpc.ClientConnInterface
	got proto.Message
}

func (r *recorder) Invoke(_ context.Context, _ string, args, _ any, _ ...grpc.CallOption) error {
	r.got, _ = args.(proto.Message)
	return nil
}

// send makes a call with a request, under HTTP headers.
func send(t *testing.T, req proto.Message, header http.Header) (proto.Message, error) {
	t.Helper()
	rec := &recorder{}
	var err error
	h := Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err = Conn{rec}.Invoke(r.Context(), "/x", req, nil)
	}))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header = header
	h.ServeHTTP(httptest.NewRecorder(), r)
	return rec.got, err
}

func TestIfMatchBecomesTheEtag(t *testing.T) {
	for _, tag := range []string{`"7"`, `W/"7"`, "7"} {
		got, err := send(t, &registryv1.DeleteTenantRequest{}, http.Header{"If-Match": {tag}})
		if err != nil || got.(*registryv1.DeleteTenantRequest).GetEtag() != "7" {
			t.Errorf("%s: got %v, %v", tag, got, err)
		}
	}
	got, err := send(t, &registryv1.UpdateTenantRequest{Tenant: &registryv1.Tenant{}}, http.Header{"If-Match": {`"7"`}})
	if err != nil || got.(*registryv1.UpdateTenantRequest).GetTenant().GetEtag() != "7" {
		t.Errorf("in the resource: got %v, %v", got, err)
	}
	if _, err := send(t, &registryv1.ListTenantsRequest{}, http.Header{"If-Match": {`"7"`}}); !errs.Is(err, errs.InvalidArgument) {
		t.Errorf("a method without etag: got %v", err)
	}
}

func TestIdempotencyKeyBecomesTheRequestID(t *testing.T) {
	header := http.Header{"Idempotency-Key": {`"abc"`}}
	got, err := send(t, &registryv1.CreateTenantRequest{}, header)
	if err != nil || got.(*registryv1.CreateTenantRequest).GetRequestId() != "abc" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := send(t, &registryv1.CreateTenantRequest{RequestId: "other"}, header); errs.ReasonOf(err) != "REQUEST_ID_AMBIGUOUS" {
		t.Errorf("two of them: got %v", err)
	}
	if _, err := send(t, &registryv1.SuspendTenantRequest{}, header); err != nil {
		t.Errorf("a method that is repeatable as it is: got %v", err)
	}
}
