// Package render turns a tenant and its recipe into what the engine works
// with: what the site must offer, each component's form for the ledger, and
// the manifest for the driver.
//
// Everything is rendered twice from the same environment: once with
// placeholders such as "secret:db_password@1", for the ledger, and once with
// the values, for the manifest. Only the ledger's form is ever compared,
// stored or shown.
package render
