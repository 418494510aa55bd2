// Package rpcerr carries errs.Error over gRPC: a server turns it into a
// status with google.rpc details, a client turns the status back.
//
// The forms follow AIP-193: ErrorInfo holds the reason, the domain
// "stampworks.dev" and the metadata; BadRequest the field violations;
// RetryInfo the wait. Kinds and codes are one to one (TooLarge travels as
// OUT_OF_RANGE), so that a kind survives any number of hops.
//
// An error without a kind becomes INTERNAL with a fixed text: its own text
// never leaves the process. So does nothing that an error was told to be
// caused by (errs.Error.Because).
package rpcerr
