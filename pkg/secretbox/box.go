package secretbox

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"stampworks.dev/pkg/errs"
)

const (
	version1  = 1
	keySize   = chacha20poly1305.KeySize
	nonceSize = chacha20poly1305.NonceSizeX
	wrapped   = nonceSize + keySize + chacha20poly1305.Overhead
	headSize  = 1 + 4 + wrapped // version, key id, wrapped data key

	// MaxPlaintext is the largest secret.
	MaxPlaintext = 64 << 10
)

// ErrSealed is every reason why a ciphertext does not open: cut, changed, from
// another place, or under a key that the file does not have. It does not say
// which to anybody but the log.
var ErrSealed = errs.New(errs.Internal, "SECRET_DOES_NOT_OPEN", "secret does not open")

// key is one key-encryption key.
type key struct {
	id   uint32
	aead cipher.AEAD
	raw  []byte
}

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	keys []key // newest first
}

// Seal encrypts plaintext. aad is not in the ciphertext and must be the same at
// Open. Sealing the same twice gives two different ciphertexts.
func (b *Box) Seal(plaintext, aad []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, errs.New(errs.TooLarge, "SECRET_TOO_LARGE", "secret has %d bytes, the limit is %d", len(plaintext), MaxPlaintext)
	}
	kek := b.keys[0]
	dataKey := make([]byte, keySize)
	_, _ = rand.Read(dataKey) // never fails: see crypto/rand
	defer clear(dataKey)
	data, err := chacha20poly1305.NewX(dataKey)
	if err != nil {
		return nil, fmt.Errorf("make data key: %w", err)
	}
	out := make([]byte, 0, headSize+nonceSize+len(plaintext)+chacha20poly1305.Overhead)
	out = append(out, version1)
	out = binary.BigEndian.AppendUint32(out, kek.id)
	out = sealTo(out, kek.aead, dataKey, bind(out[:5], aad))
	return sealTo(out, data, plaintext, bind(out[:headSize], aad)), nil
}

// Open decrypts what Seal made with the same aad. ErrSealed when it cannot.
func (b *Box) Open(ciphertext, aad []byte) ([]byte, error) {
	if len(ciphertext) < headSize+nonceSize+chacha20poly1305.Overhead {
		return nil, fmt.Errorf("%d bytes are too few: %w", len(ciphertext), ErrSealed)
	}
	if ciphertext[0] != version1 {
		return nil, fmt.Errorf("format version %d is unknown: %w", ciphertext[0], ErrSealed)
	}
	id := binary.BigEndian.Uint32(ciphertext[1:5])
	for _, kek := range b.keys {
		if kek.id != id {
			continue
		}
		dataKey, err := open(kek.aead, ciphertext[5:headSize], bind(ciphertext[:5], aad))
		if err != nil {
			return nil, fmt.Errorf("data key: %w", ErrSealed)
		}
		defer clear(dataKey)
		data, err := chacha20poly1305.NewX(dataKey)
		if err != nil {
			return nil, fmt.Errorf("data key: %w", ErrSealed)
		}
		plaintext, err := open(data, ciphertext[headSize:], bind(ciphertext[:headSize], aad))
		if err != nil {
			return nil, fmt.Errorf("data: %w", ErrSealed)
		}
		return plaintext, nil
	}
	return nil, fmt.Errorf("key %08x is not in the key file: %w", id, ErrSealed)
}

// Current says whether a ciphertext is under the newest key; seal again what is
// not, and an old key can leave the file.
func (b *Box) Current(ciphertext []byte) bool {
	return len(ciphertext) >= headSize && binary.BigEndian.Uint32(ciphertext[1:5]) == b.keys[0].id
}

// Has says whether the key of a ciphertext is in the file.
func (b *Box) Has(ciphertext []byte) bool {
	return len(ciphertext) >= headSize && slices.ContainsFunc(b.keys, func(k key) bool { return k.id == binary.BigEndian.Uint32(ciphertext[1:5]) })
}

// opensWhatSeals says whether the key that seals in the other box is in this one.
func (b *Box) opensWhatSeals(other *Box) bool {
	return slices.ContainsFunc(b.keys, other.keys[0].is)
}

// same says whether both have the same keys in the same order.
func (b *Box) same(other *Box) bool {
	return slices.EqualFunc(b.keys, other.keys, key.is)
}

// is says whether both are the same key.
func (k key) is(other key) bool {
	return k.id == other.id && subtle.ConstantTimeCompare(k.raw, other.raw) == 1
}

// bind makes the associated data of a layer: all that stands before it, then
// what the caller gave. The head has a fixed length, so no two pairs are alike.
func bind(head, aad []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(aad)), head...), aad...)
}

// sealTo appends a random nonce and the ciphertext.
func sealTo(out []byte, aead cipher.AEAD, plaintext, aad []byte) []byte {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce)
	return aead.Seal(append(out, nonce...), nonce, plaintext, aad)
}

func open(aead cipher.AEAD, sealed, aad []byte) ([]byte, error) {
	return aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], aad)
}
