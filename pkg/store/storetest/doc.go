// Package storetest is what every store backend promises, as tests. A backend
// passes it in a few lines:
//
//	storetest.Run(t, storetest.Target{
//		New:     func(t *testing.T) store.Backend { … },
//		Compact: func(t *testing.T) { … },
//	})
package storetest
