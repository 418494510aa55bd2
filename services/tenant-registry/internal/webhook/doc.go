// Package webhook proves messages in the way of Standard Webhooks 1.0
// (standardwebhooks.com): an HMAC-SHA256 over "id.timestamp.body" with the
// base64 part of a secret "whsec_…", any of several signatures being enough, and
// a timestamp not more than five minutes off.
package webhook
