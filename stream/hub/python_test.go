package hub_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// python returns an interpreter that has Hugging Face's packages, or skips.
func python(t *testing.T) string {
	t.Helper()
	name := cmp.Or(os.Getenv("CKPT_TEST_PYTHON"), "python3")
	if out, err := exec.Command(name, "-c", "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ['datasets', 'huggingface_hub'])))").CombinedOutput(); err != nil {
		t.Skipf("%s without datasets and huggingface_hub (CKPT_TEST_PYTHON names another): %v %s", name, err, lastLine(out))
	}
	return name
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// texts returns n rows, some of them empty or not in ASCII.
func texts(name string, n int) []string {
	rows := make([]string, n)
	for i := range rows {
		switch i % 7 {
		case 3:
		case 5:
			rows[i] = fmt.Sprintf("%s %d: \"ünï\\cödé\"\t漢字 😀\n", name, i)
		default:
			rows[i] = fmt.Sprintf("%s, row %d, %s", name, i, strings.Repeat("and so on ", i%50))
		}
	}
	return rows
}

type record struct {
	Text string `parquet:"text" json:"text"`
}

func parquetOf(t *testing.T, rows []string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[record](&b, parquet.MaxRowsPerRowGroup(300))
	for _, text := range rows {
		if _, err := w.Write([]record{{text}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jsonlOf(t *testing.T, rows []string) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, text := range rows {
		if err := e.Encode(record{text}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func gzipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstdOf(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// The test's hub is believed because Hugging Face's own clients read from it
// what was put there; and this client because it reads the same from it, and
// what those left in the cache.
func TestHuggingFacesClientsReadTheSame(t *testing.T) {
	interpreter := python(t)
	h := hubtest.New(t)
	h.Token = token
	h.Page = 3 // so that they have to go by pages
	repo := h.Repo("owner/real")
	repo.Gated = true
	rows := map[string][]string{"real": texts("parquet", 2000), "lines": texts("lines", 500), "gz": texts("gz", 700), "zst": texts("zst", 300)}
	commit := repo.Commit(map[string]hubtest.File{
		"README.md":                            hubtest.Small("---\nconfigs:\n- config_name: some\n  data_files: \"data/train-*\"\n---\n# Texts\n"),
		".gitattributes":                       hubtest.Small("*.parquet filter=lfs\n"),
		"data/train-00000-of-00002.parquet":    hubtest.Large(parquetOf(t, rows["real"][:1100])),
		"data/train-00001-of-00002.parquet":    hubtest.Large(parquetOf(t, rows["real"][1100:])),
		"notes/a b/1.txt":                      hubtest.Small("not of the data"),
		"validation/validation-0-of-1.parquet": hubtest.Large(parquetOf(t, []string{"not of the split"})),
	})
	for name, files := range map[string]map[string]hubtest.File{
		"lines": {"train.jsonl": hubtest.Small(string(jsonlOf(t, rows["lines"])))},
		"gz": {
			"en/c4-train.00000-of-00002.json.gz": hubtest.Large(gzipOf(t, jsonlOf(t, rows["gz"][:300]))),
			"en/c4-train.00001-of-00002.json.gz": hubtest.Large(gzipOf(t, jsonlOf(t, rows["gz"][300:]))),
		},
		"zst": {"train/00.jsonl.zst": hubtest.Large(zstdOf(t, jsonlOf(t, rows["zst"])))},
	} {
		h.Repo("owner/" + name).Commit(files)
	}
	repo.Tag("v1", commit)
	renamed := h.Repo("owner/before")
	renamed.Commit(map[string]hubtest.File{"train.jsonl": hubtest.Small(string(jsonlOf(t, rows["lines"])))})
	renamed.Rename("owner/after")

	home := t.TempDir()
	run := exec.Command(interpreter, filepath.Join("testdata", "read.py"), repo.Name, "v1", token)
	run.Env = append(os.Environ(), "HF_ENDPOINT="+h.URL, "HF_HOME="+home, "HF_HUB_CACHE="+filepath.Join(home, "hub"),
		"HF_TOKEN=", "HF_TOKEN_PATH=", "HF_HUB_OFFLINE=", "HF_DATASETS_OFFLINE=", "HF_HUB_DISABLE_TELEMETRY=1", "NO_PROXY=*")
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got struct {
		Commit   string
		Siblings []string
		Files    map[string]struct {
			Size   int64
			OID    string
			SHA256 string
		}
		Rows        map[string][]string
		Refs        map[string]string
		Magic       string
		NoRevision  bool `json:"no_revision"`
		NoEntry     bool `json:"no_entry"`
		NoRepo      bool `json:"no_repo"`
		Gated       bool
		Renamed     string
		RenamedRows int `json:"renamed_rows"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check(t, "commit", got.Commit, commit)
	check(t, "tag", got.Refs["v1"], commit)
	check(t, "name of a renamed dataset", got.Renamed, "owner/after")
	check(t, "rows by its old name", got.RenamedRows, len(rows["lines"]))
	check(t, "magic", got.Magic, "PAR1")
	check(t, "errors", got.NoRevision && got.NoEntry && got.NoRepo && got.Gated, true)
	if got.Rows["zst"] == nil {
		delete(rows, "zst") // needs a package more
	}
	if diff := gocmp.Diff(rows, got.Rows); diff != "" {
		t.Errorf("rows, - put there, + read:\n%s", diff)
	}

	cache := hub.Options{Endpoint: h.URL, Token: token, CacheDir: filepath.Join(home, "hub")}
	online, offline := cache, cache
	online.CacheDir, offline.Offline = "", true
	for name, opt := range map[string]hub.Options{"online": online, "offline": offline} {
		c := newClient(t, opt)
		pinned, err := c.Pin(t.Context(), repo.Name, "v1")
		if err != nil || pinned != commit {
			t.Fatalf("%s: pin: %s, %v", name, pinned, err)
		}
		listed, err := c.Files(t.Context(), repo.Name, commit, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var paths []string
		for _, l := range listed {
			paths = append(paths, l.Path)
			if g := got.Files[l.Path]; g.Size != l.Size || g.OID != l.OID {
				t.Errorf("%s: %s is listed as %+v, there as %+v", name, l.Path, l, g)
			}
			f, err := c.Open(repo.Name, commit, l)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			check(t, "read from the cache", f.Local() != "", name == "offline")
			hash := sha256.New()
			r := f.Stream(t.Context(), 0, -1, 1<<20)
			if _, err := io.Copy(hash, r); err != nil {
				t.Errorf("%s: %s: %v", name, l.Path, err)
			}
			r.Close()
			f.Close()
			check(t, name+" "+l.Path, hex.EncodeToString(hash.Sum(nil)), got.Files[l.Path].SHA256)
		}
		if !slices.Equal(paths, got.Siblings) {
			t.Errorf("%s: files %q, there %q", name, paths, got.Siblings)
		}
	}
}
