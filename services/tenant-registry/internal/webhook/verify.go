package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
)

// Tolerance is how far a timestamp may be off, either way.
const Tolerance = 5 * time.Minute

// Header names, in lower case.
const (
	IDHeader        = "webhook-id"
	TimestampHeader = "webhook-timestamp"
	SignatureHeader = "webhook-signature"
)

const (
	version       = "v1"
	maxID         = 256
	maxSignatures = 16
)

// What a proof lacks.
var (
	ErrSignature = errs.New(errs.Unauthenticated, "SIGNATURE_INVALID", "signature does not prove the message")
	ErrTooOld    = errs.New(errs.Unauthenticated, "TIMESTAMP_TOO_OLD", "timestamp is more than %s old", Tolerance)
	ErrTooNew    = errs.New(errs.Unauthenticated, "TIMESTAMP_IN_FUTURE", "timestamp is more than %s ahead", Tolerance)
)

// Message is what is proven.
type Message struct {
	Headers map[string]string // names in lower case
	Body    []byte
}

// ID is the sender's id of the event: the dedupe key.
func (m Message) ID() string { return m.Headers[IDHeader] }

// Verify says whether one of the secrets signed the message lately. Secrets are
// compared in constant time. ErrSignature, ErrTooOld, ErrTooNew.
func Verify(m Message, secrets [][]byte, now time.Time) error {
	id, stamp := m.ID(), m.Headers[TimestampHeader]
	if id == "" || len(id) > maxID {
		return ErrSignature.With("header", IDHeader)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 || strconv.FormatInt(seconds, 10) != stamp {
		return ErrSignature.With("header", TimestampHeader)
	}
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case age > Tolerance:
		return ErrTooOld
	case age < -Tolerance:
		return ErrTooNew
	}
	given := strings.Fields(m.Headers[SignatureHeader])
	if len(given) > maxSignatures {
		return ErrSignature.With("header", SignatureHeader)
	}
	for _, secret := range secrets {
		want := []byte(sign(secret, id, stamp, m.Body))
		for _, one := range given {
			v, got, _ := strings.Cut(strings.TrimSuffix(one, ","), ",") // several headers come joined by ", "
			if v == version && hmac.Equal([]byte(got), want) {
				return nil
			}
		}
	}
	return ErrSignature.With("header", SignatureHeader)
}

// Sign gives the headers that prove a body.
func Sign(secret []byte, id string, at time.Time, body []byte) map[string]string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{IDHeader: id, TimestampHeader: stamp, SignatureHeader: version + "," + sign(secret, id, stamp, body)}
}

func sign(secret []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
