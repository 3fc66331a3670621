// Package cmd tests both programs as their users run them: real processes of
// real binaries, in scripts under testdata/script.
package cmd

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected files of the scripts")

// bin is the folder in which TestMain builds the programs.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ckpt-bin-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		args := []string{"build", "-o", dir}
		if raceEnabled {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "./trainer", "./ckpt")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build programs: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("NO_COLOR", "1")
			e.Setenv("CKPT_LEDGER", "")
			e.Setenv("KATO_URL", "")
			for _, name := range []string{"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"} {
				e.Setenv(name, "")
			}
			e.Setenv("HF_HOME", filepath.Join(e.WorkDir, "hf"))
			e.Values[hubKey{}] = new(scriptHub)
			e.Values[katoKey{}] = new(scriptKato)
			if text := sharedText(); text != "" {
				e.Setenv("WIKITEXT", text)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "wikitext" {
				return sharedText() != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"rc":       cmdRC,
			"field":    cmdField,
			"paste":    cmdPaste,
			"sum":      cmdSum,
			"waitline": cmdWaitLine,
			"flip":     cmdFlip,
			"lines":    cmdLines,
			"hub":      cmdHub(t),
			"kato":     cmdKato,
			"pack":     cmdPack,
		},
	})
}

// sharedText is the path of the WikiText rows that may lie beside the project.
func sharedText() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", "data", "wikitext-2-valid.txt")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// rc CODE COMMAND… runs a command and compares its exit code.
func cmdRC(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: rc CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	expectCode(ts, ts.Exec(args[1], args[2:]...), want)
}

func expectCode(ts *testscript.TestScript, err error, want int) {
	got := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// field FILE PATH [VALUE] finds a dotted path in a JSON file (numbers index
// arrays, "-1" the last); with VALUE it is compared, else kept in the environment
// under the path's last name.
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: field FILE PATH [VALUE]")
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	ts.Check(dec.Decode(&v))
	names := strings.Split(args[1], ".")
	for _, name := range names {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			ts.Check(err)
			if i < 0 {
				i += len(x)
			}
			if i < 0 || i >= len(x) {
				ts.Fatalf("%s: no element %s", args[1], name)
			}
			v = x[i]
		default:
			ts.Fatalf("%s: nothing at %s", args[1], name)
		}
	}
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		ts.Check(err)
		text = string(b)
	}
	if len(args) == 2 {
		ts.Setenv(names[len(names)-1], text)
		return
	}
	if (text == args[2]) == neg {
		ts.Fatalf("%s is %q, want %q", args[1], text, args[2])
	}
}

// paste CODE LABEL runs, in a shell, the command that the last command
// suggested under a label that begins so.
func cmdPaste(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: paste CODE LABEL")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	said := ts.ReadFile("stderr") + "\n" + ts.ReadFile("stdout")
	m := regexp.MustCompile(`(?m)(?:^\s*|; )` + regexp.QuoteMeta(args[1]) + `[^:]*:\s+(.*)$`).FindStringSubmatch(said)
	if m == nil {
		ts.Fatalf("no command suggested %q", args[1])
	}
	ts.Logf("pasting: %s", m[1])
	expectCode(ts, ts.Exec("sh", "-c", m[1]), want)
}

// sum NAME DIR keeps, in the environment, a digest of every file of a folder.
func cmdSum(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sum NAME DIR")
	}
	sum, err := digestDir(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], sum)
}

// waitline FILE REGEXP waits until a line of a file that a process is writing
// matches.
func cmdWaitLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitline FILE REGEXP")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	if !waitUntil(30*time.Second, func() bool {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && re.Match(b)
	}) {
		ts.Fatalf("no line of %s matches %s", args[0], args[1])
	}
}

// flip FILE OFFSET changes one byte of a file, and leaves its size.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	matches, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(matches) == 0 {
		ts.Fatalf("no file %s", args[0])
	}
	for _, path := range matches {
		b, err := os.ReadFile(path)
		ts.Check(err)
		b[offset] ^= 0x01
		ts.Check(os.WriteFile(path, b, 0o644))
	}
}

// lines FILE N compares the number of lines of a file.
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := bytes.Count([]byte(ts.ReadFile(args[0])), []byte("\n")); got != want {
		ts.Fatalf("%s has %d lines, want %d", args[0], got, want)
	}
}

// pack FILE compresses a file to FILE.gz and to FILE.zst, a single frame.
func cmdPack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pack FILE")
	}
	data := []byte(ts.ReadFile(args[0]))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".gz"), b.Bytes(), 0o644))
	z, err := zstd.NewWriter(nil)
	ts.Check(err)
	defer z.Close()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".zst"), z.EncodeAll(data, nil), 0o644))
}
