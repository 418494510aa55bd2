package page

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/services/gateway/internal/auth"
)

// cookie holds the token of a person who signed in.
const cookie = "stampworks_token"

// largestForm is more than any token needs, in bytes.
const largestForm = 4 << 10

// SignIn keeps a person's token in a cookie that no script can read.
func (p *Page) SignIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	token := strings.TrimSpace(r.PostFormValue("token"))
	if _, err := p.deps.Tokens.Authenticate(token); err != nil {
		http.Redirect(w, r, "/?again", http.StatusSeeOther)
		return
	}
	http.SetCookie(w, newCookie(r, token, 0))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// SignOut takes the cookie back.
func (p *Page) SignOut(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, newCookie(r, "", -1))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// newCookie is Secure where the page itself came over TLS, here or at a proxy.
func newCookie(r *http.Request, token string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // see above
		Name: cookie, Value: token, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// who looks at the page.
func (p *Page) who(r *http.Request) (rpc.Principal, error) {
	if token := auth.Bearer(r); token != "" {
		return p.deps.Tokens.Authenticate(token)
	}
	if c, err := r.Cookie(cookie); err == nil && c.Value != "" {
		who, err := p.deps.Tokens.Authenticate(c.Value)
		if err == nil || !p.deps.Open {
			return who, err
		}
	}
	if p.deps.Open && onThisMachine(r) {
		return rpc.Principal{Name: "page", Role: identity.Viewer}, nil
	}
	return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_MISSING", "sign in first")
}

// onThisMachine tells a person at this machine from a page elsewhere whose name
// was bent towards it (DNS rebinding), from other machines, from whoever comes
// through a proxy, and from customers' programs.
func onThisMachine(r *http.Request) bool {
	for _, passedOn := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(passedOn) != "" {
			return false
		}
	}
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !net.ParseIP(peer).IsLoopback() || !loopbackName(r.Host) {
		return false
	}
	here, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && isPerson(r.RemoteAddr, here.String())
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}

// policy lets the page use its own script and style and nothing else.
var policy = "default-src 'none'; img-src data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'" +
	"; script-src " + digest("script") + "; style-src " + digest("style")

// digest is the one under which the source's element may be used (CSP 3).
func digest(element string) string {
	_, rest, _ := strings.Cut(source, "<"+element+">")
	text, _, _ := strings.Cut(rest, "</"+element+">")
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
}
