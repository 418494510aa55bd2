package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"stampworks.dev/pkg/errs"
)

// download copies a source, a URL or an absolute path, to a file and gives its
// digest.
func (s *Store) download(ctx context.Context, source, to string) (string, error) {
	in, err := s.open(ctx, source)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("fetch artifact: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, mostBytes+1))
	err = errors.Join(err, out.Close())
	if err != nil {
		return "", errs.New(errs.Unavailable, "ARTIFACT_UNAVAILABLE", "fetch artifact %s: %w", source, err).With("source", source)
	}
	if n > mostBytes {
		return "", errs.New(errs.TooLarge, "ARTIFACT_TOO_LARGE", "fetch artifact %s: larger than %d bytes", source, int64(mostBytes)).With("source", source)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (s *Store) open(ctx context.Context, source string) (io.ReadCloser, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		return openPath(strings.TrimPrefix(source, "file://"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, errs.New(errs.InvalidArgument, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err).With("source", source)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // not read
		return nil, errs.New(errs.FailedPrecondition, "ARTIFACT_UNAVAILABLE", "fetch artifact %s: %s", source, resp.Status).With("source", source)
	}
	return resp.Body, nil
}

func openPath(path string) (io.ReadCloser, error) {
	if !filepath.IsAbs(path) {
		return nil, errs.New(errs.InvalidArgument, "ARTIFACT_UNAVAILABLE", "fetch artifact %q: want a URL or an absolute path", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errs.New(errs.FailedPrecondition, "ARTIFACT_UNAVAILABLE", "fetch artifact: %w", err).With("source", path)
	}
	return f, nil
}
