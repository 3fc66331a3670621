package stream

import (
	"github.com/parquet-go/parquet-go/encoding/thrift"
	pq "github.com/parquet-go/parquet-go/format"
)

// maxPageHeader is the longest header of a page that is looked into, in bytes:
// statistics may hold whole values.
const maxPageHeader = 1 << 20

// A pageWalk learns where the pages of a column chunk are from the bytes of it
// that are read anyway: a page's header says where the next one is. So a
// position knows its page in files without a page index too.
type pageWalk struct {
	next  PageAt // the page behind those that were seen; Offset is -1 once the walk got lost
	head  []byte // the start of the header there, cut where a read ended
	tried int    // how long head was when it was last found to be cut
	pages []walkedPage
}

type walkedPage struct {
	PageAt
	end int64 // the row behind it
}

// start begins at a page, or at the dictionary before the first.
func (w *pageWalk) start(at PageAt) {
	*w = pageWalk{next: at}
}

// see looks at the bytes p, which are at off in the file, for headers.
func (w *pageWalk) see(p []byte, off int64) {
	if w.head != nil {
		if off != w.next.Offset+int64(len(w.head)) {
			return // a dictionary that is read meanwhile
		}
		p, off = append(w.head, p...), w.next.Offset
		if w.head = p; len(p) > 4096 && len(p) < 2*w.tried {
			return // what is damaged is not decoded at each byte anew
		}
		w.head = nil
	}
	for w.next.Offset >= 0 {
		at := w.next.Offset
		if at >= off+int64(len(p)) {
			return
		}
		if at < off {
			w.lose()
			return
		}
		data := p[at-off:]
		header, size, err := pageHeader(data)
		if err != nil {
			if len(data) >= maxPageHeader {
				w.lose()
				return
			}
			w.head, w.tried = append([]byte(nil), data...), len(data) // more is to come
			return
		}
		w.tried = 0
		rows := int64(0)
		switch header.Type {
		case pq.DataPage:
			rows = int64(header.DataPageHeader.V.NumValues)
		case pq.DataPageV2:
			rows = int64(header.DataPageHeaderV2.V.NumRows)
		}
		if rows < 0 || header.CompressedPageSize < 0 {
			w.lose()
			return
		}
		if rows > 0 {
			w.pages = append(w.pages, walkedPage{w.next, w.next.Row + rows})
		}
		w.next = PageAt{Offset: at + int64(size) + int64(header.CompressedPageSize), Row: w.next.Row + rows}
	}
}

// lose gives up: the pages behind those that were seen stay unknown.
func (w *pageWalk) lose() { w.next, w.head, w.tried = PageAt{Offset: -1}, nil, 0 }

// page returns the page of a row, no page if it is not known. Rows have to be
// asked for in order.
func (w *pageWalk) page(row int64) PageAt {
	for len(w.pages) > 0 && row >= w.pages[0].end {
		w.pages = w.pages[1:]
	}
	switch {
	case len(w.pages) > 0 && row >= w.pages[0].Row:
		return w.pages[0].PageAt
	case len(w.pages) == 0 && row == w.next.Row && w.next.Offset >= 0:
		return w.next
	}
	return PageAt{}
}

// pageHeader decodes the header that data starts with, and returns how long it
// is. A header that is cut is an error.
func pageHeader(data []byte) (header pq.PageHeader, size int, err error) {
	defer recoverParquet(&err)
	var protocol thrift.CompactProtocol
	r := protocol.NewReaderFromBytes(data)
	err = thrift.NewDecoder(r).Decode(&header)
	return header, r.BytesRead(), err
}
