package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	// maxLine is how much of a line is given.
	maxLine = 64 << 10
	// cutHere ends a line that is longer.
	cutHere = " [cut]"
)

// eachLine gives the lines of a log, cut to a length that a message can hold:
// one bad line must not hide the others. NULs, which a rotation leaves in a file,
// are dropped. An incomplete last line is given too.
func eachLine(r io.Reader, send func(string) error) error {
	from := bufio.NewReader(r)
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		ended := err == nil
		part = bytes.ReplaceAll(bytes.TrimSuffix(part, []byte("\n")), []byte{0}, nil)
		line = append(line, part[:min(len(part), maxLine+1-len(line))]...)
		switch {
		case ended, errors.Is(err, io.EOF) && len(line) > 0:
			if err := send(shown(line)); err != nil {
				return err
			}
			line = line[:0]
		case !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF):
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// shown is a line as text; what is no UTF-8, which no message can hold, is replaced.
func shown(line []byte) string {
	end := ""
	if len(line) > maxLine {
		line, end = line[:maxLine], cutHere
	}
	return string(bytes.ToValidUTF8(bytes.TrimSuffix(line, []byte("\r")), []byte("\uFFFD"))) + end
}
