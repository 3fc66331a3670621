package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
)

func TestProgressBlock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123000000, time.UTC)
	most := Progress{
		Run: RunID(ulid.Make().String()), Attempt: math.MaxUint64, Host: strings.Repeat("h", 64), PID: math.MaxInt32,
		Started: now.Add(987654321), Beat: math.MaxUint64, Time: now, Moved: now, Rate: math.MaxFloat64,
		Counters: Counters{Row: math.MaxInt64, Trained: math.MaxInt64, Errored: math.MaxInt64, Filtered: math.MaxInt64},
	}
	for _, p := range []Progress{{}, {Attempt: 1, PID: 2}, most} {
		block, err := encodeProgress(p)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := decodeProgress(block)
		if !ok || !cmp.Equal(p, got) {
			t.Errorf("%+v became %+v", p, got)
		}
		for i := range block { // torn anywhere
			torn := append([]byte(nil), block...)
			torn[i] ^= 0x40
			if _, ok := decodeProgress(torn); ok {
				t.Fatalf("byte %d is changed, and the block is believed", i)
			}
		}
	}
	if _, err := encodeProgress(Progress{Host: strings.Repeat("h", leaseBlock)}); !errors.Is(err, ErrRule) {
		t.Errorf("a block that is too long: %v", err)
	}
}

func TestUnreadableProgressIsNoProgress(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	for _, garbage := range []string{"", "short", strings.Repeat("\xff", leaseBlock)} {
		if err := os.WriteFile(l.leasePath(s.Run().ID), []byte(garbage), 0o644); err != nil {
			t.Fatal(err)
		}
		live, err := l.Probe(s.Run().ID)
		if err != nil || !live.Held || live.Progress != (Progress{}) {
			t.Errorf("live is %+v (%v)", live, err)
		}
		_, err = l.Acquire(context.Background(), s.Run().ID, LeaseOptions{})
		var held *HeldError
		if !errors.As(err, &held) || !strings.Contains(err.Error(), "another trainer") {
			t.Errorf("error is %v", err)
		}
	}
}

func FuzzDecodeProgress(f *testing.F) {
	block, err := encodeProgress(Progress{Run: "x", Attempt: 3, Host: "h", Beat: 9})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block)
	f.Add(block[:100])
	f.Add(make([]byte, leaseBlock))
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeProgress(b)
		// With a fitting checksum, so that what is behind it is reached.
		sealed := make([]byte, leaseBlock)
		copy(sealed[:leaseBlock-4], b)
		binary.BigEndian.PutUint32(sealed[leaseBlock-4:], crc32.Checksum(sealed[:leaseBlock-4], castagnoli))
		p, ok := decodeProgress(sealed)
		if !ok && p != (Progress{}) {
			t.Errorf("refused, and yet %+v", p)
		}
	})
}
