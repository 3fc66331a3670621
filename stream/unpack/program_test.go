package unpack

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestPrograms reads and resumes what the usual programs write, each skipped
// where it is not installed.
func TestPrograms(t *testing.T) {
	raw := words(700 << 10)
	for command, open := range map[string]openFunc{
		"gzip -1":                      everyFill,
		"gzip -9 --rsyncable":          everyFill,
		"pigz -p2":                     everyFill,
		"pigz -11":                     everyFill,
		"bgzip":                        everyFill,
		"zstd -1":                      Zstd,
		"zstd -19":                     Zstd,
		"zstd --long=27":               Zstd,
		"zstd --no-check -B100000 -T2": Zstd,
		"pzstd -p 2":                   Zstd,
	} {
		t.Run(command, func(t *testing.T) {
			args := strings.Fields(command)
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skipf("no %s here", args[0])
			}
			cmd := exec.Command(args[0], append(args[1:], "-c")...)
			cmd.Stdin = bytes.NewReader(raw)
			packed, err := cmd.Output()
			if err != nil {
				t.Skipf("%s: %v", command, err)
			}
			u, err := open(bytes.NewReader(packed), Point{})
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, n := range []int64{1, 100_000, 300_000, 299_999, 1 << 30} {
				b, err := io.ReadAll(io.LimitReader(u, n))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b...)
				p := viaJSON(t, u.Point())
				if u, err = open(bytes.NewReader(packed[p.From:]), p); err != nil {
					t.Fatal(err)
				}
				skipped := make([]byte, int64(len(got))-p.Raw)
				if _, err := io.ReadFull(u, skipped); err != nil || !bytes.Equal(skipped, got[p.Raw:]) {
					t.Fatalf("resumed at %d: %v, or other bytes", p.Raw, err)
				}
			}
			if !bytes.Equal(got, raw) {
				t.Errorf("%d of %d bytes, or others", len(got), len(raw))
			}
		})
	}
}
