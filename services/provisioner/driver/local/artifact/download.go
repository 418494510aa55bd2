package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"stampworks.dev/pkg/errs"
)

// download copies a source, a URL or an absolute path, to a file and gives its
// digest.
func (s *Store) download(ctx context.Context, source, to string) (string, error) {
	in, size, err := s.open(ctx, source)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // only read
	if size > mostBytes {
		return "", tooLarge(source)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("fetch artifact: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(untilEnd{ctx, in}, mostBytes+1))
	err = errors.Join(err, out.Close())
	if err != nil {
		return "", errs.New(errs.Unavailable, "ARTIFACT_UNAVAILABLE", "fetch artifact %s: %w", source, err).With("source", source)
	}
	if n > mostBytes {
		return "", tooLarge(source)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func tooLarge(source string) error {
	return errs.New(errs.TooLarge, "ARTIFACT_TOO_LARGE", "fetch artifact %s: larger than %d bytes", source, int64(mostBytes)).With("source", source)
}

// open gives a source and its size; -1 when that is not known.
func (s *Store) open(ctx context.Context, source string) (io.ReadCloser, int64, error) {
	if strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") {
		return s.openURL(ctx, source)
	}
	return s.openPath(strings.TrimPrefix(source, "file://"))
}

// untilEnd reads until the context ends.
type untilEnd struct {
	ctx context.Context
	in  io.Reader
}

func (r untilEnd) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
