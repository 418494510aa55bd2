package gateway

import "stampworks.dev/services/gateway/internal/auth"

// TokenLine gives the line of Config.TokensFile for a token: whoever makes a
// token writes this, and keeps the token itself nowhere.
func TokenLine(name, role, token string) string { return auth.Line(name, role, token) }
