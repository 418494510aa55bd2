// Package secretbox encrypts small secrets for keeping in a store.
//
// Each Seal makes a data key of its own and wraps it with a key-encryption key
// from a file (envelope encryption), so that a key of the file never encrypts
// much, and rotating it means wrapping 32 bytes again. Both layers are
// XChaCha20-Poly1305 of golang.org/x/crypto: kept by the Go team, in the build
// already, and its 192-bit nonces may be random for ever. Associated data, the
// path of the key that holds the ciphertext, binds a secret to its place: moved
// elsewhere it does not open.
//
// The key file has mode 0600 and a line per key, "id base64", newest first: the
// first one seals, all open. Losing it loses every secret; [Keys] sees to it that
// nobody takes a new one for the one that was lost.
package secretbox
