// Package hooks takes the messages of CRMs at /hooks/{source}. It reads the
// raw body once and hands all of it to the registry, which holds the secrets,
// proves the message, stores it, and says what to answer.
package hooks

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/problem"
)

// MaxBody is the largest message, in bytes.
const MaxBody = 64 << 10

// readWithin is how long a sender may take to send its message.
const readWithin = 10 * time.Second

var sourceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// New builds the handler. Its pattern must bind {source}.
func New(registry registryv1.IntakeServiceClient) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := request(w, r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("stampworks.source", req.GetName()))
		resp, err := registry.ReceiveDelivery(r.Context(), req)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		w.Header().Set("Content-Type", resp.GetContentType())
		w.WriteHeader(int(resp.GetStatus()))
		_, _ = w.Write(resp.GetBody())
	})
}

// request is the message as it came.
func request(w http.ResponseWriter, r *http.Request) (*registryv1.ReceiveDeliveryRequest, error) {
	source := r.PathValue("source")
	if !sourceID.MatchString(source) {
		return nil, errs.New(errs.NotFound, "SOURCE_NOT_FOUND", "no source %q; create it first with: stamp source create", source)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, errs.New(errs.Unimplemented, "METHOD_NOT_ALLOWED", "%s takes only POST", r.URL.Path)
	}
	if r.ContentLength > MaxBody {
		return nil, &http.MaxBytesError{Limit: MaxBody}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, errs.New(errs.InvalidArgument, "BODY_UNREADABLE", "the body ended before it was whole")
	}
	return &registryv1.ReceiveDeliveryRequest{
		Name: "sources/" + source, Method: r.Method, Path: r.URL.RequestURI(),
		Headers: headers(r.Header), Body: body, RemoteAddress: r.RemoteAddr,
	}, nil
}

func headers(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return out
}
