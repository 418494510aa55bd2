// Package pki makes the certificates that services know each other by: one
// authority in a directory, and a certificate for each service whose identity
// is the URI stampworks://service/NAME and nothing else.
//
// The contract:
//
//   - Calling twice is fine: what exists and is good is kept. A service's
//     certificate is made anew when less than a third of its life is left, or
//     when another authority signed it.
//   - Keys are ECDSA P-256, files 0600, the directory 0700; files appear
//     whole, the key before its certificate.
//   - Servers and clients of package rpc read changed files by themselves, so
//     a renewal needs no restart.
//
// Example:
//
//	if err := pki.CreateCA(dir); err != nil {
//		return err
//	}
//	files, err := pki.Issue(dir, "gateway")
//	// rpc.TLSConfig{CA: files.CA, Cert: files.Cert, Key: files.Key}
package pki
