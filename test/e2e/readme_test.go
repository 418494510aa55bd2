//go:build e2e

package e2e

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
)

var update = flag.Bool("update", false, "write the transcript of this run into the README")

const readme = "../../README.md"

// storyWithin is how long `make run` may take to tell its story, answerWithin
// until the first customer is served.
const (
	storyWithin  = time.Minute
	answerWithin = 15 * time.Second
)

// What the README says is run: its story as it prints it, the commands of
// "break it" in their order, and the product in ten lines.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	desk := newDesk(t)
	desk.answer(t)
	story := desk.tell(t)
	breaking := block(t, string(page), "bin/stamp source send")
	if strings.Contains(story, "helpdesk-lite") { // it has no db of its own to break
		t.Log("no PostgreSQL here: the transcript, which has it, is not compared")
		breaking = strings.ReplaceAll(breaking, "break acme-rockets db", "break acme-rockets app")
	} else {
		t.Run("transcript", func(t *testing.T) { compareTranscript(t, string(page), story) })
	}
	t.Run("break it", func(t *testing.T) { desk.runAll(t, breaking) })
	t.Run("your own product", func(t *testing.T) {
		desk.write(t, "pages.yaml", block(t, string(page), "blueprint: pages"))
		desk.runAll(t, block(t, string(page), "bin/stamp blueprint publish"))
	})
	desk.end(t)
}

// desk is a folder with `stamp dev --demo` running in it.
type desk struct {
	dir   string
	began time.Time
	cmd   *exec.Cmd
	out   lockedBuffer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	bin, err := filepath.Abs(os.Getenv("STAMPWORKS_BIN"))
	if err == nil {
		err = os.Symlink(bin, filepath.Join(dir, "bin"))
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{dir: dir}
	// The sample product is found beside the real program, so it is called by
	// that path and under the name that people use.
	d.cmd = exec.CommandContext(t.Context(), filepath.Join(bin, "stamp"), "dev", "--demo", "--listen", "127.0.0.1:0")
	d.cmd.Args[0], d.cmd.Dir = "bin/stamp", dir
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.began = time.Now()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			_ = d.cmd.Process.Kill()
			_ = d.cmd.Wait()
		}
		_ = exec.Command(filepath.Join(bin, "stamp"), "dev", "stop", "--data-dir", filepath.Join(dir, ".stamp", "data")).Run()
	})
	return d
}

// answer waits for the first good answer of the first customer's copy.
func (d *desk) answer(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, storyWithin, func() error {
		if text := d.out.String(); strings.Contains(text, "from webhook to first good answer") {
			return nil
		}
		return errStory(d.out.String())
	})
	if took := time.Since(d.began); took > answerWithin {
		t.Errorf("the first good answer came after %v, want less than %v", took, answerWithin)
	}
}

// tell waits for the end of the story and gives it.
func (d *desk) tell(t *testing.T) string {
	t.Helper()
	testkit.Eventually(t, storyWithin, func() error {
		if text := d.out.String(); strings.Contains(text, "goes red, then heals\n") {
			return nil
		}
		return errStory(d.out.String())
	})
	return d.out.String()
}

type errStory string

func (e errStory) Error() string { return "the story is at:\n" + string(e) }

// runAll runs each command of a block, as a reader would, and wants exit 0.
func (d *desk) runAll(t *testing.T, commands string) {
	t.Helper()
	for line := range strings.Lines(commands) {
		command := strings.TrimSpace(line)
		if command == "" || strings.HasPrefix(command, "make ") {
			continue
		}
		shell := exec.CommandContext(t.Context(), "sh", "-c", command)
		shell.Dir = d.dir
		if out, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\nwhat stamp dev said:\n%s", command, err, out, d.out.String())
		}
	}
}

func (d *desk) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// end interrupts it once, as Ctrl-C does.
func (d *desk) end(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("end of the demo: %v\n%s", err, d.out.String())
	}
	for _, want := range []string{"Acme Rockets: 200, with no control plane", "stopped; the data is kept in"} {
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("the end does not say %q:\n%s", want, d.out.String())
		}
	}
}

// block gives the fenced block of a page that has a line with that beginning.
func block(t *testing.T, page, begins string) string {
	t.Helper()
	for i, text := range strings.Split(page, "```") {
		_, body, _ := strings.Cut(text, "\n")
		if i%2 == 1 && strings.Contains("\n"+body, "\n"+begins) {
			return body
		}
	}
	t.Fatalf("README.md: no block with a line that begins with %q", begins)
	return ""
}

var (
	address  = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	figure   = regexp.MustCompile(`\d+(\.\d+)*`)
	traceID  = regexp.MustCompile(`\([0-9a-f]{8}…\)`)
	bar      = regexp.MustCompile(`[█░]+`)
	spaces   = regexp.MustCompile(` +`)
	step     = regexp.MustCompile(`(?m)^ +\d+\.\ds  .*\n`)
	isolated = regexp.MustCompile(`isolation: .*`) // root has it, others do not
	headroom = regexp.MustCompile(`\((memory|cpu|disk) is tightest\)`)
	// parts are the rows of components, which are ordered by when they began.
	parts = regexp.MustCompile(`(?m)(^  \w+ +BAR.*\n)+`)
)

// compareTranscript holds a run against the page: the same words, whatever the
// figures. With -update the page gets this run's.
func compareTranscript(t *testing.T, page, story string) {
	t.Helper()
	before, rest, _ := strings.Cut(page, "<!-- transcript:begin -->\n```\n")
	old, after, found := strings.Cut(rest, "```\n<!-- transcript:end -->")
	if !found {
		t.Fatal("README.md has no marks around the transcript")
	}
	story = asRead(story)
	if *update {
		text := before + "<!-- transcript:begin -->\n```\n" + story + "```\n<!-- transcript:end -->" + after
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, want := shape(story), shape(old); got != want {
		t.Errorf("a run reads\n%s\nand the README\n%s\nwrite it anew: go test -tags e2e ./test/e2e -run TestReadme -update", got, want)
	}
}

// asRead is the story as it looks on a terminal, at the address of `make run`:
// without the lines of single steps, which a terminal does not show.
func asRead(story string) string {
	gateway := address.FindString(story)
	story = step.ReplaceAllString(story, "")
	return strings.ReplaceAll(story, gateway, "http://127.0.0.1:8080")
}

// shape leaves out what differs from run to run.
func shape(story string) string {
	story = traceID.ReplaceAllString(story, "(TRACE)")
	story = headroom.ReplaceAllString(bar.ReplaceAllString(story, "BAR"), "(X is tightest)")
	story = isolated.ReplaceAllString(address.ReplaceAllString(story, "URL"), "isolation: X")
	story = parts.ReplaceAllString(story, "  PARTS\n")
	return spaces.ReplaceAllString(figure.ReplaceAllString(story, "N"), " ")
}

// lockedBuffer takes a program's output while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
