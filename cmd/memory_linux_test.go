package cmd

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"ckptledger/stream/hub/hubtest"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	pq "github.com/parquet-go/parquet-go/format"
)

// maxResident is how much memory a process may have while it streams, in bytes.
const maxResident = 200 << 20

var streamGigabytes = flag.Float64("stream-gigabytes", 1, "how much TestResident streams in all, in GB of shards")

// TestResident streams shards from a hub in every format, one large shard and
// many small ones, and finds each row in its place and the process small.
func TestResident(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	cases := []struct {
		name, format string
		shard        int64 // the least size of each, in bytes; 0: there is but one
		window       int64 // that rows are shuffled in; 1: they are not
	}{
		{"one shard", "jsonl", 0, 1},
		{"one shard", "jsonl.gz", 0, 1},
		{"one shard", "jsonl.zst", 0, 1},
		{"one shard, one row group", "parquet", 0, 1},
		{"one shard, many row groups", "groups.parquet", 0, 1},
		{"many shards", "jsonl", 8e6, 1},
		{"many shards", "jsonl.gz", 8e6, 1},
		{"many shards", "jsonl.zst", 8e6, 1},
		{"many shards", "parquet", 8e6, 1},
		{"shuffled", "jsonl.zst", 8e6, 10_000},
		{"shuffled", "parquet", 0, 10_000},
	}
	size := int64(*streamGigabytes * 1e9)
	if testing.Short() {
		size = min(size, 200e6)
	}
	size /= int64(len(cases))
	texts := pageTexts(4000)
	for _, c := range cases {
		t.Run(c.format+", "+c.name, func(t *testing.T) {
			shard := newShard(t, c.format, texts, cmp.Or(c.shard, size))
			files := map[string]hubtest.File{}
			for sent := int64(0); sent < size; sent += shard.file.Size {
				files[fmt.Sprintf("data/train-%05d.%s", len(files), c.format)] = shard.file
			}
			h := hubtest.New(t)
			h.Repo("owner/big").Commit(files)
			n := int64(len(files))
			start := time.Now()
			peak := streamed(t, h, texts, n*shard.rows, c.window)
			t.Logf("%d rows in %d shards of %d bytes each: peak %d MiB, %.0f MB/s",
				n*shard.rows, n, shard.file.Size, peak>>20, float64(n*shard.file.Size)/1e6/time.Since(start).Seconds())
			if peak > maxResident {
				t.Errorf("the process took %d MiB, more than %d", peak>>20, maxResident>>20)
			}
		})
	}
}

// streamed has a process print all rows of owner/big, of which row n is texts[n]
// again and again, and compares each: it must be one of its window that was not
// printed yet. It returns the most memory the process had, in bytes.
func streamed(t *testing.T, h *hubtest.Hub, texts []string, rows, window int64) (peak int64) {
	t.Helper()
	args := []string{"rows", "hf:owner/big"}
	if window > 1 {
		args = append(args, "--order", "shuffle", "--window", fmt.Sprint(window))
	}
	c := program(t.TempDir(), "trainer", args...)
	c.Env = append(c.Env, "HF_ENDPOINT="+h.URL, "HF_HOME="+c.Dir, "HF_TOKEN=", "HF_HUB_CACHE=", "HF_HUB_OFFLINE=")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	index := make(map[string]int, len(texts)) // of a text, by its JSON
	for i, text := range texts {
		index[string(asJSON(t, text))] = i
	}
	due := make([]int, len(texts)) // how often a text is still to come in the window
	out := bufio.NewReaderSize(stdout, 1<<20)
	n := int64(0)
	for ; ; n++ {
		line, err := out.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil || n == rows {
			t.Fatalf("row %d of %d: %.100q, %v\n%s", n, rows, line, err, stderr.String())
		}
		if n%window == 0 {
			for row := n; row < min(n+window, rows); row++ {
				due[row%int64(len(due))]++
			}
		}
		text, ok := bytes.CutPrefix(line, fmt.Appendf(nil, `{"row":%d,"text":`, n))
		i, known := index[string(bytes.TrimSuffix(text, []byte("}\n")))]
		if !ok || !known || due[i] == 0 {
			t.Fatalf("row %d is %.100q", n, line)
		}
		due[i]--
		// It lives as long as it has more to write than the buffers on the way hold.
		if n%1000 == 0 && n < rows-2000 {
			peak = peakResident(t, c.Process.Pid)
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if n != rows {
		t.Fatalf("%d rows, want %d", n, rows)
	}
	return peak
}

// peakResident returns the most memory a process had so far, in bytes. What wait
// says of a process that has ended is no use: it counts the test's own memory,
// which the process shared until it was another program.
func peakResident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "\nVmHWM:")
	var kib int64
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Fatalf("no peak in %s: %v", status, err)
	}
	return kib << 10
}

func asJSON(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// pageTexts returns texts as long as pages of the web, 2 KB on average and some
// fifty times that, of words as uneven as a language's.
func pageTexts(n int) []string {
	random := rand.New(rand.NewPCG(3, 3))
	words := make([]string, 20_000)
	for i := range words {
		w := make([]byte, 2+random.IntN(8))
		for j := range w {
			w[j] = byte('a' + random.IntN(26))
		}
		words[i] = string(w)
	}
	zipf := rand.NewZipf(random, 1.1, 4, uint64(len(words)-1))
	texts := make([]string, n)
	for i := range texts {
		size := int(200 + 1800*random.ExpFloat64())
		if i%500 == 7 {
			size = 100_000
		}
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(words[zipf.Uint64()])
			b.WriteByte(" \n"[min(random.IntN(12)/11, 1)])
		}
		texts[i] = b.String()
	}
	return texts
}

// A shard is a file that is made up as it is read: a head, a period so and so
// often, and a tail.
type shard struct {
	file hubtest.File
	rows int64
}

// newShard returns a shard of at least size bytes that holds texts again and again.
func newShard(t *testing.T, format string, texts []string, size int64) shard {
	t.Helper()
	data := packed(t, strings.TrimPrefix(format, "groups."), texts, parquet.MaxRowsPerRowGroup(int64(len(texts))), parquet.PageBufferSize(1<<20))
	var r repeated
	if !strings.HasSuffix(format, "parquet") {
		r = repeated{period: data, times: 1 + (size-1)/int64(len(data))}
	} else {
		r = repeatedParquet(t, data, size, format != "parquet")
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", format, r.size())) // nobody computes the true one
	return shard{
		file: hubtest.File{Content: r, Size: r.size(), SHA256: hex.EncodeToString(sum[:]), Large: true},
		rows: r.times * int64(len(texts)),
	}
}

// repeatedParquet returns a Parquet file of at least size bytes made of one that
// has a single column: as so many row groups, or as one with so many times its
// pages.
func repeatedParquet(t *testing.T, data []byte, size int64, groups bool) repeated {
	t.Helper()
	const magic = "PAR1"
	var protocol thrift.CompactProtocol
	var md pq.FileMetaData
	footer := int64(len(data)) - 8 - int64(binary.LittleEndian.Uint32(data[len(data)-8:]))
	if err := thrift.Unmarshal(&protocol, data[footer:len(data)-8], &md); err != nil {
		t.Fatal(err)
	}
	if len(md.RowGroups) != 1 || len(md.RowGroups[0].Columns) != 1 {
		t.Fatalf("%d row groups, of which the first has %d columns", len(md.RowGroups), len(md.RowGroups[0].Columns))
	}
	group := md.RowGroups[0]
	column := group.Columns[0]
	period := data[len(magic):][:column.MetaData.TotalCompressedSize]
	r := repeated{head: []byte(magic), period: period, times: 1 + (size-1)/int64(len(period))}
	md.NumRows *= r.times
	column.OffsetIndexOffset, column.OffsetIndexLength = 0, 0
	column.ColumnIndexOffset, column.ColumnIndexLength = 0, 0
	n := r.times // of periods in a row group
	if groups {
		n = 1
	}
	group.NumRows *= n
	group.TotalByteSize *= n
	group.TotalCompressedSize *= n
	column.MetaData.NumValues *= n
	column.MetaData.TotalCompressedSize *= n
	column.MetaData.TotalUncompressedSize *= n
	md.RowGroups = nil
	for i := range r.times / n {
		group.Ordinal = int16(i)
		group.Columns = []pq.ColumnChunk{column}
		md.RowGroups = append(md.RowGroups, group)
		group.FileOffset += int64(len(period))
		column.MetaData.DataPageOffset += int64(len(period))
	}
	tail, err := thrift.Marshal(&protocol, &md)
	if err != nil {
		t.Fatal(err)
	}
	r.tail = append(binary.LittleEndian.AppendUint32(tail, uint32(len(tail))), magic...)
	return r
}

// repeated is the bytes of head, then so many times of period, then of tail.
type repeated struct {
	head, period, tail []byte
	times              int64
}

func (r repeated) size() int64 {
	return int64(len(r.head)) + r.times*int64(len(r.period)) + int64(len(r.tail))
}

// ReadAt implements io.ReaderAt.
func (r repeated) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		var from []byte
		at := off + int64(n) - int64(len(r.head)) // in what is repeated
		switch end := r.times * int64(len(r.period)); {
		case at < 0:
			from = r.head[at+int64(len(r.head)):]
		case at < end:
			from = r.period[at%int64(len(r.period)):]
		case at-end < int64(len(r.tail)):
			from = r.tail[at-end:]
		default:
			return n, io.EOF
		}
		n += copy(p[n:], from)
	}
	return n, nil
}
