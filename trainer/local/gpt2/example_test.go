package gpt2_test

import (
	"fmt"

	"ckptledger/trainer/local/gpt2"
)

func Example() {
	vocabulary, err := gpt2.Shared()
	if err != nil {
		fmt.Println(err)
		return
	}
	encoder := vocabulary.NewEncoder()
	for _, id := range encoder.Append(nil, []byte("The cat isn't here.")) {
		fmt.Println(id, vocabulary.Symbol(id))
	}
	// Output:
	// 464 The
	// 3797 Ġcat
	// 2125 Ġisn
	// 470 't
	// 994 Ġhere
	// 13 .
}
