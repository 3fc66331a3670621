package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "ckptledger/"

// mayImport says which packages of ours each package may import, beside those
// below itself. The ledger and the stream never meet: the ledger keeps a
// position as it is given.
var mayImport = map[string][]string{
	"stream":              {},
	"stream/unpack":       {},
	"stream/hub":          {},
	"stream/hub/hubtest":  {},
	"migrations":          {},
	"ledger":              {"migrations"},
	"trainer":             {"ledger", "stream"},
	"trainer/learnertest": {"ledger", "trainer"},
	"trainer/local":       {"ledger", "trainer"},
	"trainer/local/gpt2":  {},
	"trainer/kato":        {"ledger", "trainer", "trainer/local"}, // its mirror

	"trainer/kato/katotest": {},
}

// testsMayImport says what their tests may import beyond that.
var testsMayImport = map[string][]string{
	"trainer":       {"trainer/local"},
	"trainer/local": {"stream", "trainer/learnertest"},
	"trainer/kato":  {"stream", "trainer/learnertest"},
}

type goPackage struct {
	ImportPath, Doc                             string
	Imports, TestImports, XTestImports, GoFiles []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,TestImports,XTestImports,GoFiles", "./...")
	list.Dir = ".."
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, held := mayImport[name]
		if !held {
			if !strings.HasPrefix(name, "cmd") {
				t.Errorf("package %s stands in no line of mayImport", name)
			}
			continue
		}
		check := func(who string, imports, allowed []string) {
			for _, imported := range imports {
				of, ours := strings.CutPrefix(imported, module)
				if ours && of != name && !slices.Contains(allowed, of) && !strings.HasPrefix(of, name+"/") {
					t.Errorf("%s of package %s must not import %s", who, name, of)
				}
			}
		}
		check("the code", p.Imports, allowed)
		check("a test", slices.Concat(p.TestImports, p.XTestImports), slices.Concat(allowed, testsMayImport[name]))
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("package %s has no comment", p.ImportPath)
		}
	}
}

// TestOneDoor holds that bbolt is touched in one place.
func TestOneDoor(t *testing.T) {
	doors := map[string]string{"go.etcd.io/bbolt": "ledger/db.go"}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for imported, door := range doors {
			if bytes.Contains(b, []byte(`"`+imported+`"`)) && filepath.ToSlash(path) != "../"+door && !strings.HasPrefix(filepath.ToSlash(path), "../migrations/") {
				t.Errorf("%s imports %s; only %s may", path, imported, door)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTopLevel holds the project's folders.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"cmd", "ledger", "trainer", "stream", "migrations"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) && e.Name() != "checkpoints" {
			t.Errorf("folder %s does not belong at the top", e.Name())
		}
	}
}
