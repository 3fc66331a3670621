package stream

// A Dataset is one entry of the catalogue.
type Dataset struct {
	Key         string // what Spec.Dataset names it
	Kind        string // as in Info.Kind
	Rows        int64  // raw rows, -1 where not known
	Description string // one line for people
	Status      string // whether it can be read: "built in"
}

var catalogue = []Dataset{{
	Key:         sampleKey,
	Kind:        kindSample,
	Rows:        sampleRows,
	Description: "made-up English in the shape of WikiText, the same on every machine",
	Status:      "built in",
}}

// Datasets returns the datasets that Open knows by their key, in the order in
// which to list them.
func Datasets() []Dataset { return append([]Dataset(nil), catalogue...) }

func datasetKeys() []string {
	keys := make([]string, len(catalogue))
	for i, d := range catalogue {
		keys[i] = d.Key
	}
	return keys
}
