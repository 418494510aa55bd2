// Package failure turns what goes wrong into a [typev1.Failure]: why, who
// acts, whether Stampworks tries again by itself, and what to do next.
//
// One table says all of it, a line a code:
//
//	f := failure.Of(err)                      // any error, from anywhere
//	f = failure.Attempt(f, 2)                 // was it the last attempt?
//	wait := failure.Backoff(2, rand.Float64()) // until the third
package failure
