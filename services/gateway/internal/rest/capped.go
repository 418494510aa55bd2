package rest

import (
	"errors"
	"io"
	"net/http"

	"stampworks.dev/services/gateway/internal/problem"
)

// cappedBody remembers that its limit was hit: the decoder above it tells its
// caller only that the JSON ended early.
type cappedBody struct {
	io.ReadCloser
	hit *http.MaxBytesError
}

func (b *cappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	errors.As(err, &b.hit)
	return n, err
}

// cappedWriter answers 413 in place of whatever was made of a body that was
// cut off.
type cappedWriter struct {
	http.ResponseWriter
	body    *cappedBody
	request *http.Request
	done    bool
}

func (w *cappedWriter) WriteHeader(status int) {
	if w.body.hit == nil || w.done {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.done = true
	problem.Write(w.ResponseWriter, w.request, w.body.hit)
}

func (w *cappedWriter) Write(p []byte) (int, error) {
	if w.done {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets a stream flush.
func (w *cappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
