package unpack_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"ckptledger/stream/unpack"
)

func Example() {
	var packed bytes.Buffer
	for _, part := range []string{"first line\n", "second line\n", "third line\n"} {
		w := gzip.NewWriter(&packed)
		io.WriteString(w, part)
		w.Close()
	}
	data := packed.Bytes()

	r, err := unpack.Gzip(bytes.NewReader(data), unpack.Point{})
	if err != nil {
		fmt.Println(err)
		return
	}
	read := make([]byte, 14)
	io.ReadFull(r, read)
	stored, _ := json.Marshal(r.Point()) // with what was done with the data

	var point unpack.Point
	if err := json.Unmarshal(stored, &point); err != nil {
		fmt.Println(err)
		return
	}
	r, err = unpack.Gzip(bytes.NewReader(data[point.From:]), point)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, discard := point.Cost(int64(len(read)))
	io.CopyN(io.Discard, r, discard)
	rest, err := io.ReadAll(r)
	fmt.Printf("%q %v\n", rest, err)
	// Output: "ond line\nthird line\n" <nil>
}
