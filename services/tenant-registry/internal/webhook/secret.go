package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"stampworks.dev/pkg/errs"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // of those made here
	minSecret    = 16
	maxSecret    = 64
)

// NewSecret makes a secret in the form that people paste.
func NewSecret() string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// ParseSecret gives the key in a pasted secret. What is wrong is a violation of
// the field, and never quotes the secret.
func ParseSecret(field, text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) < minSecret || len(raw) > maxSecret {
		return nil, errs.Invalid("SECRET_INVALID", errs.Violation{Field: field, Description: `must be "whsec_" and 16 to 64 bytes in base64`})
	}
	return raw, nil
}
