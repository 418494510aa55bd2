package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest labels the definition of one component, site included, so that the
// driver can tell whether what runs is what is wished. It is a label only:
// the engine compares field by field.
func (m Manifest) Digest(component string) (string, error) {
	c, ok := m.Components[component]
	if !ok {
		return "", fmt.Errorf("digest manifest: no component %q", component)
	}
	c.Stopped = false
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("digest component %q: %w", component, err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
