package rest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stampworks.dev/pkg/errs"
)

// mayUpgrade refuses what websocket.Accept would, before anything is begun for
// it: a page of another site, and what does not speak the protocol.
func mayUpgrade(r *http.Request) error {
	if !r.ProtoAtLeast(1, 1) || !lists(r, "Connection", "upgrade") || !lists(r, "Upgrade", "websocket") {
		return errs.New(errs.FailedPrecondition, "UPGRADE_REQUIRED", "this is a WebSocket: connect with a client for those, or with: stamp task TENANT TASK")
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		return errs.New(errs.InvalidArgument, "HANDSHAKE_MALFORMED", "Sec-WebSocket-Version must be 13: connect with a current client")
	}
	keys := r.Header.Values("Sec-WebSocket-Key")
	if len(keys) != 1 {
		return errs.New(errs.InvalidArgument, "HANDSHAKE_MALFORMED", "Sec-WebSocket-Key came %d times, and must come once", len(keys))
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err != nil || len(key) != 16 {
		return errs.New(errs.InvalidArgument, "HANDSHAKE_MALFORMED", "Sec-WebSocket-Key must be 16 bytes in base64")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if from, err := url.Parse(origin); err != nil || !strings.EqualFold(from.Host, r.Host) {
			return errs.New(errs.PermissionDenied, "ORIGIN_REFUSED", "a page of %q may not connect to %q", origin, r.Host)
		}
	}
	return nil
}

// lists says whether a header that is a list has the word.
func lists(r *http.Request, header, word string) bool {
	for _, value := range r.Header.Values(header) {
		if slices.ContainsFunc(strings.Split(value, ","), func(one string) bool { return strings.EqualFold(strings.TrimSpace(one), word) }) {
			return true
		}
	}
	return false
}
