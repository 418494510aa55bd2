package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// LogBytes is what a log grows to before it is rotated. A log can be far longer
// meanwhile, and with a hole in it as long as its stamp likes: no more than
// mostRead of its end is read.
const LogBytes = 5 << 20

const mostRead = 2 * LogBytes

const (
	tailBytes = 64 << 10 // how much of a log's end is looked at for lines
	lineBytes = 2 << 10  // how much of one line is kept
)

// LastLines gives the last n lines of a log; a file that is not there has
// none. Long lines are cut.
func LastLines(path string, n int) ([]string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(max(0, size-tailBytes), io.SeekStart)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, tailBytes))
	}
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	if len(text) == 0 {
		return nil, nil
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = strings.ToValidUTF8(line[:min(len(line), lineBytes)], "\uFFFD")
	}
	return lines, nil
}

// TailOffset gives where the last n lines of a file begin, and how many there
// are: fewer when the file has fewer, or when they are too long.
func TailOffset(f *os.File, n int) (int64, int, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, 0, err
	}
	buf := make([]byte, 32<<10)
	lines, at, first := 0, end, max(end-mostRead, 0)
	for at > first {
		part := buf[:min(int64(len(buf)), at-first)]
		at -= int64(len(part))
		if _, err := f.ReadAt(part, at); err != nil && err != io.EOF {
			return 0, 0, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			pos := at + int64(i)
			if part[i] != '\n' || pos == end-1 {
				continue
			}
			if lines++; lines == n {
				return pos + 1, n, nil
			}
		}
	}
	if end > 0 {
		lines++ // the first has no newline before it
	}
	return first, lines, nil
}

// ToKept goes to where reading the whole of a log begins.
func ToKept(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(max(end-mostRead, 0), io.SeekStart)
	}
	return err
}
