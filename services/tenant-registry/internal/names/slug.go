package names

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Slug makes an id out of what people call something: "Müller & Söhne GmbH"
// becomes "muller-sohne-gmbh". It is empty when nothing is left, and begins with
// "t-" when it would begin with a digit.
func Slug(text string) string {
	var b strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			if b.Len() == 0 && r <= '9' {
				b.WriteString("t-")
			} else if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
		case r == 'ß':
			b.WriteString("ss")
		case unicode.Is(unicode.Mn, r): // the accent of the letter before
		case r == '\'' || r == '’': // "O'Neil" is one word
		default:
			dash = true
		}
		if b.Len() >= MaxID {
			break
		}
	}
	return strings.Trim(cut(b.String(), MaxID), "-")
}

// OfDeal makes an id for a customer whose name has no letters for one, such as
// 日本語: "deal-42", or of a digest where the deal's id has none either.
func OfDeal(dealID string) string {
	if id := Slug("deal " + dealID); id != "deal" {
		return id
	}
	return fmt.Sprintf("deal-%x", sha256.Sum256([]byte(dealID)))[:len("deal-")+12]
}

// Hidden says that a character is not seen where it is written: control
// characters, and those that format (Unicode's Cf), such as the ones that turn
// the direction of a text around. In a name they make one pass for another.
func Hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// Numbered is the n-th id to try when id is taken: id itself, then "acme-2",
// "acme-3" and so on, cut to fit.
func Numbered(id string, n int) string {
	if n <= 1 {
		return id
	}
	suffix := "-" + strconv.Itoa(n)
	return strings.TrimRight(cut(id, MaxID-len(suffix)), "-") + suffix
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
