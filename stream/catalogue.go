package stream

import "slices"

// A Dataset is one entry of the catalogue.
type Dataset struct {
	Key         string   // what Spec.Dataset names it
	Repo        string   // where it lies on the hub, as owner/name; empty for the sample
	Config      string   // what the hub calls the part of the repo that is read; empty where that is all of it
	Split       string   // the part for training
	Files       []string // patterns of the files' paths within the repo: * and ? within a name, ** for any folders
	Format      string   // as Info.Format
	TextField   string   // the column that holds the text; empty for the sample
	Rows        int64    // raw rows, as its makers count them; -1 where nobody says
	Description string   // one line for people
	Status      Status
	Reason      string // why it cannot be streamed, and what to do; empty if it can
}

// Status says whether a dataset of the catalogue can be streamed.
type Status string

// What a dataset's status may be.
const (
	StatusOK      Status = "ok"
	StatusOffHub  Status = "off-hub" // the hub lists it, and its files lie elsewhere
	StatusDefunct Status = "defunct" // its files are nowhere any more
)

var catalogue = []Dataset{{
	Key:         sampleKey,
	Format:      kindSample,
	Rows:        sampleRows,
	Description: "made-up English in the shape of WikiText, the same on every machine",
	Status:      StatusOK,
}, {
	Key:         "bookcorpus",
	Repo:        "defunct-datasets/bookcorpusopen",
	Split:       "train",
	Format:      formatText,
	TextField:   "text",
	Rows:        -1,
	Description: "books by unpublished authors",
	Status:      StatusDefunct,
	Reason:      "the hub has a script that fetches it from a host that is gone; if you have the files, give them by --data",
}, {
	Key:         "c4",
	Repo:        "allenai/c4",
	Config:      "en",
	Split:       "train",
	Files:       []string{"en/c4-train.*.json.gz"},
	Format:      formatJSONLGzip,
	TextField:   "text",
	Rows:        364_868_892,
	Description: "Common Crawl's English web pages, cleaned (C4)",
	Status:      StatusOK,
}, {
	Key:         "dolma",
	Repo:        "allenai/dolma",
	Split:       "train",
	Format:      formatJSONLGzip,
	TextField:   "text",
	Rows:        -1,
	Description: "three trillion tokens of web, books, code and papers (Dolma)",
	Status:      StatusOffHub,
	Reason:      "the hub has no more than lists of its files' addresses, in the folder urls of the repo; give some of these by --data URL, or downloaded by --data PATH",
}, {
	Key:         "openwebtext",
	Repo:        "Skylion007/openwebtext",
	Config:      "plain_text",
	Split:       "train",
	Files:       []string{"plain_text/train-*.parquet"},
	Format:      formatParquet,
	TextField:   "text",
	Rows:        8_013_769,
	Description: "web pages that Reddit's users linked to (OpenWebText)",
	Status:      StatusOK,
}, {
	Key:         "pile",
	Repo:        "monology/pile-uncopyrighted",
	Split:       "train",
	Files:       []string{"train/*.jsonl.zst"},
	Format:      formatJSONLZstd,
	TextField:   "text",
	Rows:        177_008_913,
	Description: "22 sources, without those that rights are claimed to (The Pile)",
	Status:      StatusOK,
}, {
	Key:         "redpajama_sample",
	Repo:        "togethercomputer/RedPajama-Data-1T-Sample",
	Split:       "train",
	Files:       []string{"*_sample.jsonl"},
	Format:      formatJSONL,
	TextField:   "text",
	Rows:        930_514,
	Description: "a thousandth of RedPajama, the reproduction of LLaMA's training data",
	Status:      StatusOK,
}, {
	Key:         "refinedweb",
	Repo:        "tiiuae/falcon-refinedweb",
	Split:       "train",
	Files:       []string{"data/train-*.parquet"},
	Format:      formatParquet,
	TextField:   "content",
	Rows:        968_000_015,
	Description: "Common Crawl, filtered and deduplicated for Falcon (RefinedWeb)",
	Status:      StatusOK,
}, {
	Key:         "simple_wiki",
	Repo:        "legacy-datasets/wikipedia",
	Config:      "20220301.simple",
	Split:       "train",
	Files:       []string{"data/20220301.simple/train-*.parquet"},
	Format:      formatParquet,
	TextField:   "text",
	Rows:        205_328,
	Description: "Wikipedia in simple English, March 2022",
	Status:      StatusOK,
}, {
	Key:         "wikitext",
	Repo:        "Salesforce/wikitext",
	Config:      "wikitext-103-raw-v1",
	Split:       "train",
	Files:       []string{"wikitext-103-raw-v1/train-*.parquet"},
	Format:      formatParquet,
	TextField:   "text",
	Rows:        1_801_350,
	Description: "good and featured articles of Wikipedia, a line a row (WikiText-103)",
	Status:      StatusOK,
}}

// Datasets returns the datasets that Open knows by their key, the sample first
// and the others sorted.
func Datasets() []Dataset { return slices.Clone(catalogue) }

// Lookup returns the dataset of the catalogue with that key.
func Lookup(key string) (Dataset, bool) {
	i := slices.IndexFunc(catalogue, func(d Dataset) bool { return d.Key == key })
	if i < 0 {
		return Dataset{}, false
	}
	return catalogue[i], true
}

// TextField returns the column that holds the text of a dataset, unless somebody
// says otherwise: the catalogue's, or "text".
func TextField(dataset string) string {
	if d, _ := Lookup(dataset); d.TextField != "" {
		return d.TextField
	}
	return defaultTextField
}

func datasetKeys() []string {
	keys := make([]string, len(catalogue))
	for i, d := range catalogue {
		keys[i] = d.Key
	}
	return keys
}
