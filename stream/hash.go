package stream

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A file of more than hashedWhole bytes is hashed in part: its size, and
// sampledBlocks blocks of sampledBlock bytes, the first and last of which are
// its head and tail.
const (
	hashedWhole   = 1 << 30
	sampledBlocks = 66
	sampledBlock  = 64 << 10
)

// A hasher hashes the files of a source.
type hasher struct {
	cache       FileCache
	now         func() time.Time
	hashedWhole int64
	progress    func(bytes int64) // called with what was hashed since the last call

	// like is what was recorded of the local file that is next, which may be a copy
	// of one of the hub: then it is known by what the hub knows it by. Empty: none.
	like FileInfo
}

// bytes returns how many bytes of a file of this size are hashed.
func (h *hasher) bytes(size int64) int64 {
	if h.samples(size) {
		return sampledBlocks * sampledBlock
	}
	return size
}

// samples reports whether a file of this size is hashed in part.
func (h *hasher) samples(size int64) bool {
	whole := h.like.Size == size && h.like.SHA256 != "" && !h.like.Sampled
	return size > h.hashedWhole && !whole
}

// hash returns what is in f, from the cache if it can.
func (h *hasher) hash(ctx context.Context, f *localFile) (FileInfo, error) {
	info := FileInfo{Path: f.path, Size: f.id.size, Sampled: h.samples(f.id.size)}
	r, err := f.openBlob()
	if err != nil {
		return info, err
	}
	defer r.Close()
	// The descriptor's own identity: f's ctime may be old.
	id, err := identify(r.File)
	if err != nil {
		return info, fmt.Errorf("stat data: %w", err)
	}
	key := cacheKey(f.path, id)
	if sum, ok := h.recall(key); ok && sum.Sampled == info.Sampled {
		h.progress(h.bytes(info.Size))
		info.SHA256 = sum.SHA256
		return info, nil
	}
	if info.Sampled {
		info.SHA256, err = h.sample(ctx, r, info.Size)
	} else {
		info.SHA256, err = h.whole(ctx, r, info.Size)
	}
	if err != nil {
		return info, fmt.Errorf("hash %s: %w", f.path, err)
	}
	after, err := identify(r.File)
	if err != nil {
		return info, fmt.Errorf("stat data: %w", err)
	}
	if err := r.unchanged(); err != nil {
		return info, err
	}
	if h.cache != nil && after == id && !id.racy(h.now()) {
		value, err := json.Marshal(cachedSum{info.SHA256, info.Sampled})
		if err != nil {
			return info, err
		}
		h.cache.Put(key, value)
	}
	return info, nil
}

// cachedSum is the value of a FileCache.
type cachedSum struct {
	SHA256  string `json:"sha256"`
	Sampled bool   `json:"sampled"`
}

func cacheKey(path string, id fileID) string {
	return fmt.Sprintf("sha256/1 %s %d %d %d %d %d", path, id.size, id.mtime, id.ctime, id.dev, id.inode)
}

func (h *hasher) recall(key string) (sum cachedSum, ok bool) {
	if h.cache == nil {
		return sum, false
	}
	value, ok := h.cache.Get(key)
	if !ok || json.Unmarshal(value, &sum) != nil || len(sum.SHA256) != 2*sha256.Size {
		return sum, false
	}
	return sum, true
}

// whole returns the SHA-256 of size bytes of r.
func (h *hasher) whole(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	hash := sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		buf = buf[:min(int64(len(buf)), size-off)]
		if err := readFullAt(r, buf, off); err != nil {
			return "", err
		}
		hash.Write(buf)
		h.progress(int64(len(buf)))
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// sample returns the SHA-256 of size, as 8 bytes in big-endian order, and of
// blocks spread evenly over r.
func (h *hasher) sample(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	hash := sha256.New()
	hash.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
	buf := make([]byte, sampledBlock)
	for i := range int64(sampledBlocks) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		off := (size - sampledBlock) / (sampledBlocks - 1) * i
		if i == sampledBlocks-1 {
			off = size - sampledBlock
		}
		if err := readFullAt(r, buf, off); err != nil {
			return "", err
		}
		hash.Write(buf)
		h.progress(sampledBlock)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// readFullAt reads len(p) bytes at off.
func readFullAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == io.EOF:
		return fmt.Errorf("file ends at byte %d: %w", off+int64(n), io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read at byte %d: %w", off+int64(n), err)
}
