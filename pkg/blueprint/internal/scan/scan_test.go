package scan

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// flat writes parts as text, expressions between guillemets.
func flat(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Expr {
			b.WriteString("«" + p.Text + "»")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func TestWords(t *testing.T) {
	for src, want := range map[string][]string{
		`a b  c`:                   {"a", "b", "c"},
		"a\tb\n  c\r\n":            {"a", "b", "c"},
		`a 'b c' "d e"`:            {"a", "b c", "d e"},
		`a 'b"c' "d'e"`:            {"a", `b"c`, "d'e"},
		`a b\ c \'d \\`:            {"a", "b c", "'d", `\`},
		`a '\n' "\n" "\"" "\\"`:    {"a", `\n`, `\n`, `"`, `\`},
		`a '' ""`:                  {"a", "", ""},
		`a b''c"d"`:                {"a", "bcd"},
		`a $HOME * ~ $(x) #no`:     {"a", "$HOME", "*", "~", "$(x)", "#no"},
		`a ${x}`:                   {"a", "«x»"},
		`a pre${x + y}post`:        {"a", "pre«x + y»post"},
		`a '${x} y' "${z} w"`:      {"a", "«x» y", "«z» w"},
		`a ${'b c'} ${"d } e"}`:    {"a", "«'b c'»", `«"d } e"»`},
		`a ${ {'k': 'v'}['k'] }`:   {"a", "« {'k': 'v'}['k'] »"},
		`a ${r'\'} ${'\'}'}`:       {"a", `«r'\'»`, `«'\'}'»`},
		`a ${'''it's'''}`:          {"a", "«'''it's'''»"},
		`a $${x} \${x}`:            {"a", "${x}", "${x}"},
		`a "$${x}" "\${x}"`:        {"a", "${x}", "${x}"},
		`a '|' "&&" \; x|y`:        {"a", "|", "&&", ";", "x|y"},
		`a -c 'x=${y}' --z=${'1'}`: {"a", "-c", "x=«y»", "--z=«'1'»"},
	} {
		words, err := Words(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got := make([]string, len(words))
		for i, w := range words {
			got[i] = flat(w)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

func TestWordsRefused(t *testing.T) {
	for src, offset := range map[string]int{
		``: 0, ` `: 0, `a 'b`: 2, `a "b`: 2, `a \`: 2, `a ${x`: 2, `a ${'}`: 2, `a ${}`: 2,
		`a | b`: 2, `a b > c`: 4, `${x} a`: 0, `'' a`: 0, `a${x} b`: 1, `a && b`: 2,
	} {
		_, err := Words(src)
		var at *Error
		if !errors.As(err, &at) || at.Offset != offset {
			t.Errorf("%s: got %v at %+v, want an error at %d", src, err, at, offset)
		}
	}
}

func TestText(t *testing.T) {
	for src, want := range map[string]string{
		"": "", "a b": "a b", "'a ${b} \"": "'a «b» \"", "$${a}${b}": "${a}«b»", "$$${a}": "$${a}", "$a {b}": "$a {b}", `\${a}`: `\«a»`,
	} {
		parts, err := Text(src)
		if err != nil || flat(parts) != want {
			t.Errorf("%s: got %q, %v; want %q", src, flat(parts), err, want)
		}
	}
}

// TestOffsets: an expression is found at its offset in the scalar.
func TestOffsets(t *testing.T) {
	const src = `a "é ${x}" $${no} 'b${ y }'`
	words, err := Words(src)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range words {
		for _, p := range word {
			if p.Expr && !strings.HasPrefix(src[p.Offset:], p.Text+"}") {
				t.Errorf("%q is not at %d", p.Text, p.Offset)
			}
		}
	}
}

// TestQuotedIsOneWord: whatever a text holds, quoted it is one argument.
func TestQuotedIsOneWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringN(0, 12, -1)).Draw(t, "arguments")
		command := "program"
		for _, arg := range want {
			quoted := strings.ReplaceAll(strings.ReplaceAll(arg, "${", "$${"), `'`, `'\''`)
			command += " '" + quoted + "'"
		}
		words, err := Words(command)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		if len(words) != len(want)+1 {
			t.Fatalf("%s: %d words, want %d", command, len(words), len(want)+1)
		}
		for i, arg := range want {
			if flat(words[i+1]) != arg {
				t.Fatalf("%s: argument %d is %q, want %q", command, i, flat(words[i+1]), arg)
			}
		}
	})
}

// FuzzSplit: splitting ends, keeps every expression, and says where it fails.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`a 'b c' "d\"e" f\ g`, `a ${x + "} "}`, `a $${b} | c`, `a ${'''`, "a\x00b", `a "`, `${a}`, "a \xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		words, err := Words(src)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > len(src) {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		for _, word := range words {
			for _, p := range word {
				if p.Expr && src[p.Offset:p.Offset+len(p.Text)] != p.Text {
					t.Fatalf("%q: %q is not at %d", src, p.Text, p.Offset)
				}
			}
		}
	})
}
