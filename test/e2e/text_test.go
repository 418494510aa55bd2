//go:build e2e

package e2e

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var errQueued = errors.New("it has not begun")

func marshal(m proto.Message) ([]byte, error) { return protojson.Marshal(m) }

func escape(query string) string { return url.QueryEscape(query) }

// replaceOnce fails the test when there is nothing to replace.
func replaceOnce(t *testing.T, text, old, by string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("found no %q to replace", old)
	}
	return strings.Replace(text, old, by, 1)
}
