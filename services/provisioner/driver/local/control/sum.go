package control

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"stampworks.dev/services/provisioner/driver/local/layout"
)

// changedLabel begins the digest of a component that was changed by hand.
const changedLabel = "changed:"

// encode gives the record as it is on disk.
func (r Record) encode() ([]byte, error) {
	r.Sum = ""
	sum, err := sumOf(r)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	r.Sum = sum
	return json.Marshal(r)
}

// Edited says whether the record was changed by hand since a program wrote it.
func (r Record) Edited() bool {
	said := r.Sum
	r.Sum = ""
	sum, err := sumOf(r)
	return said != "" && (err != nil || said != sum)
}

// OnDisk says whether what the disk has is this very record.
func (r Record) OnDisk(s layout.Stamp) bool {
	want, err := r.encode()
	if err != nil {
		return false
	}
	text, err := os.ReadFile(s.Manifest())
	return err == nil && bytes.Equal(text, want)
}

// Relabelled gives the record with another digest for every component that was
// changed by hand: the label says what would run, so that it is seen.
func (r Record) Relabelled() (Record, []string) {
	var changed []string
	for name, a := range r.Applied {
		sum, err := a.sum()
		if a.Sum == "" || err == nil && sum == a.Sum {
			continue
		}
		a.Digest, a.Sum = changedLabel+sum, ""
		r.Applied[name] = a
		changed = append(changed, name)
	}
	return r, changed
}

// Sealed gives the component with its sum.
func (a Applied) Sealed() (Applied, error) {
	var err error
	a.Sum, err = a.sum()
	return a, err
}

func (a Applied) sum() (string, error) {
	a.Sum, a.Stopped = "", false
	return sumOf(a)
}

func sumOf(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
