// Package hooks takes the messages of CRMs at /hooks/{source}. It reads the
// raw body once and hands all of it to the registry, which holds the secrets,
// proves the message, stores it, and says what to answer.
package hooks

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/body"
	"stampworks.dev/services/gateway/internal/problem"
)

// MaxBody is the largest message, in bytes.
const MaxBody = 64 << 10

// answerWithin is how long the registry may take: senders give up after five
// to ten seconds, and then send again what may have been stored.
const answerWithin = 4 * time.Second

// retryAfter is what a sender is asked to wait when nothing could be stored.
const retryAfter = 5 * time.Second

var sourceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// New builds the handler. Its pattern must bind {source}.
func New(registry registryv1.IntakeServiceClient) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := receive(w, r, registry)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		if kind := resp.GetContentType(); kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(int(resp.GetStatus()))
		_, _ = w.Write(resp.GetBody())
	})
}

// receive hands a message over and gives what the registry wants answered.
func receive(w http.ResponseWriter, r *http.Request, registry registryv1.IntakeServiceClient) (*registryv1.ReceiveDeliveryResponse, error) {
	req, err := request(w, r)
	if err != nil {
		return nil, err
	}
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("stampworks.source", req.GetName()))
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	resp, err := registry.ReceiveDelivery(ctx, req)
	switch known, _ := errs.As(err); {
	case known != nil && known.RetryAfter == 0 && (known.Kind == errs.Unavailable || known.Kind == errs.DeadlineExceeded):
		return nil, errs.New(errs.Unavailable, known.Reason, "%s; send the message again: it is taken once, however often it comes", known.Message).After(retryAfter)
	case err != nil:
		return nil, err
	case resp.GetStatus() < http.StatusOK || resp.GetStatus() > 599:
		return nil, errs.New(errs.Internal, "ANSWER_INVALID", "the registry wants status %d answered", resp.GetStatus())
	}
	return resp, nil
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
	text, err := body.Read(w, r, MaxBody)
	if err != nil {
		return nil, err
	}
	return &registryv1.ReceiveDeliveryRequest{
		Name: "sources/" + source, Method: r.Method, Path: strings.ToValidUTF8(r.URL.RequestURI(), "\uFFFD"),
		Headers: headers(r), Body: text, RemoteAddress: r.RemoteAddr,
	}, nil
}

// headers are those of the request, and the host that it was sent to: some
// senders sign the whole URL. Bytes that no gRPC string may hold are replaced.
func headers(r *http.Request) map[string]string {
	out := make(map[string]string, len(r.Header)+1)
	out["host"] = r.Host
	for name, values := range r.Header {
		out[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return out
}
