// Package scripts tests what a user sees of `stamp`: each testdata/*.txtar is
// a script against a gateway whose answers are files of the script.
//
// The answer to GET /v1/tenants/acme is the file gateway/GET/v1/tenants/acme.json.
// Where that is acme.1.json, acme.2.json and so on, each is given once and the
// last one from then on. A file that ends in .problem.json is a problem with
// the status that it says. What was asked is in the file requests.
//
//	code 6 stamp tenant get nobody       the command must end with 6
//	asked GET /v1/tenants/acme           wait until the gateway was asked this
//	assume crm helpdesk              what stamp dev --demo notes for the commands here
//
// Goldens are updated by: go test ./internal/command/scripts -update
package scripts
