package hub

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzHeaders(f *testing.F) {
	f.Add("bytes 0-9/10", `"api";r=0;t=55`, "5", "Expires=1700000000", `<https://x/y?cursor=1>; rel="next"`)
	f.Add("bytes */10", `"a";r=3;t=1, "b";r=0;t=9`, "-1", "X-Amz-Date=20240101T000000Z&X-Amz-Expires=3600", `<a>; rel="prev", <b>; rel=next`)
	f.Add("bytes 9999999999999999999-1/2", `";r=0`, "99999999999999999999", "Expires=-9223372036854775808", `<%zz>; rel="next"`)
	c, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, contentRangeOf, limit, after, query, link string) {
		h := http.Header{"Content-Range": {contentRangeOf}, "Ratelimit": {limit}, "Retry-After": {after}, "Link": {link}}
		if part, total, ok := contentRange(h); ok && part != (span{}) && (part.from < 0 || part.from >= part.to || part.to > total) {
			t.Errorf("range %v of %d", part, total)
		}
		if wait := serverWait(h); wait < 0 || wait > 24*time.Hour+time.Second {
			t.Errorf("wait of %s", wait)
		}
		now := time.Unix(1_700_000_000, 0)
		if life, signed := lifetime(&url.URL{RawQuery: query}, h, now); !signed && life != unsignedLife || strings.HasPrefix(query, "Expires=-") && signed && life > 0 {
			t.Errorf("%q lives for %s", query, life)
		}
		resp := &http.Response{Header: h, Request: &http.Request{URL: c.address("/api")}}
		if next, err := c.nextPage(resp); err == nil && next != nil && !c.own(next) {
			t.Errorf("the next page is elsewhere: %s", next)
		}
		if s := c.scrub("http://x/y?" + strings.Join(strings.Fields(query), "") + "="); query != "" && len(s) > 510 {
			t.Errorf("%d bytes of an unknown text", len(s))
		}
	})
}

func TestLifetime(t *testing.T) {
	server := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	ours := server.Add(-48 * time.Hour) // our clock is wrong
	dated := http.Header{"Date": {server.Format(http.TimeFormat)}}
	for _, c := range []struct {
		query  string
		header http.Header
		want   time.Duration
		signed bool
	}{
		{"X-Amz-Date=20240101T120000Z&X-Amz-Expires=3600", dated, 59 * time.Minute, true},
		{"X-Amz-Date=20240101T110000Z&X-Amz-Expires=3600", dated, -time.Minute, true},
		{"X-Amz-Expires=3600", nil, 59 * time.Minute, true},
		{"Expires=1704112200&Policy=x", dated, 29 * time.Minute, true},
		{"a=b", dated, unsignedLife, false},
	} {
		life, signed := lifetime(&url.URL{RawQuery: c.query}, c.header, ours)
		if life != c.want || signed != c.signed {
			t.Errorf("%s: %s, %t; want %s", c.query, life, signed, c.want)
		}
	}
}
