package hub_test

import (
	"context"
	"io"
	"log"
	"os"

	"ckptledger/stream/hub"
)

// The first shard of WikiText from a byte in its middle, as any of Hugging
// Face's programs would find it.
func Example() {
	ctx := context.Background()
	opt, err := hub.FromEnv(os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	client, err := hub.New(opt)
	if err != nil {
		log.Fatal(err)
	}
	commit, err := client.Pin(ctx, "Salesforce/wikitext", "main")
	if err != nil {
		log.Fatal(err)
	}
	files, err := client.Files(ctx, "Salesforce/wikitext", commit, "wikitext-103-raw-v1")
	if err != nil {
		log.Fatal(err)
	}
	f, err := client.Open("Salesforce/wikitext", commit, files[1])
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	r := f.Stream(ctx, f.Size()/2, -1, 8<<20)
	defer r.Close()
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
}
