package stream

import (
	"strconv"
	"strings"
	"sync"
)

// A row of the sample is drawn as WikiText is written: articles of a title,
// sections and paragraphs, with a blank row before and after each heading.
// Everything is a function of the row's number in integers, so it is the same
// on every machine.

// layouts are what articles look like, 20 rows each: _ is blank, 1 a title, 2
// and 3 headings of sections, p a paragraph.
var layouts = [4]string{
	"_1_pp_2_ppp_2_pppppp",
	"_1_p_2_pp_3_pp_2_ppp",
	"_1_ppp_2_pppp_2_pppp",
	"_1_p_2_pp_2_pp_3_ppp",
}

const layoutRows = 20

// appendSampleRow appends the text of a row.
func appendSampleRow(dst []byte, row int64) []byte {
	article := random(uint64(row / layoutRows))
	layout := layouts[article.next()%uint64(len(layouts))]
	draw := random(uint64(row) + 1<<32)
	switch kind := layout[row%layoutRows]; kind {
	case '_':
		return dst
	case 'p':
		return appendParagraph(dst, &draw)
	default:
		return appendHeading(dst, &draw, int(kind-'0'))
	}
}

// appendHeading appends a title between as many equals signs as its level.
func appendHeading(dst []byte, draw *random, level int) []byte {
	words := vocabulary()
	signs := " = = ="[:2*level]
	dst = append(dst, signs...)
	for range 1 + draw.next()%4 {
		dst = words.appendWord(dst, uint16(draw.next()), true)
	}
	dst = append(dst, signs...)
	return append(dst, ' ')
}

// appendParagraph appends sentences of 40 to 150 words in all. One random
// number is spent on each word: 16 bits choose it, the others what stands
// around it.
func appendParagraph(dst []byte, draw *random) []byte {
	words := vocabulary()
	left := 40 + int(draw.next()%111)
	for left > 0 {
		sentence := 6 + int(draw.next()%25)
		for i := range sentence {
			bits := draw.next()
			dst = words.appendWord(dst, uint16(bits), i == 0)
			switch around := bits >> 16 & 0xFF; {
			case i == sentence-1:
			case around < 14:
				dst = append(dst, " ,"...)
			case around < 16:
				dst = append(dst, " @-@"...)
			case around < 17:
				dst = append(dst, " ;"...)
			case around < 19:
				dst = append(dst, " \""...)
			}
		}
		dst = append(dst, " ."...)
		left -= sentence
	}
	return append(dst, ' ')
}

// A random is a splitmix64 generator: its seed may be any number, also the
// next one.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// A wordTable draws words by Zipf's law: each has, by its rank, a share of the
// 65,536 tickets.
type wordTable struct {
	tickets [1 << 16]span
	arena   []byte // all words, each with a space before it
}

// A span is where a word lies in the arena.
type span struct {
	start uint32
	size  uint8
}

// appendWord appends the word of a ticket, with a space before it.
func (t *wordTable) appendWord(dst []byte, ticket uint16, capital bool) []byte {
	s := t.tickets[ticket]
	start := len(dst)
	dst = append(dst, t.arena[s.start:s.start+uint32(s.size)]...)
	if c := dst[start+1]; capital && 'a' <= c && c <= 'z' {
		dst[start+1] = c - 'a' + 'A'
	}
	return dst
}

// vocabulary makes the table when it is first used.
var vocabulary = sync.OnceValue(func() *wordTable {
	words := sampleWords()
	spans := make([]span, len(words))
	t := new(wordTable)
	for i, w := range words {
		spans[i] = span{uint32(len(t.arena)), uint8(1 + len(w))}
		t.arena = append(append(t.arena, ' '), w...)
	}
	// The word of rank i weighs 1/(i+offset), in integers.
	const scale, offset = 1 << 40, 2
	var total, sum uint64
	for i := range words {
		total += scale / uint64(i+offset)
	}
	next := 0
	for i := range words {
		sum += scale / uint64(i+offset)
		for ; next < int(sum*uint64(len(t.tickets))/total); next++ {
			t.tickets[next] = spans[i]
		}
	}
	return t
})

// sampleWords returns all words by rank: the common ones, then the tail, in
// which made-up words, names and numbers take turns.
func sampleWords() []string {
	seen := make(map[string]bool)
	var words []string
	add := func(w string) {
		if !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	for _, w := range strings.Fields(commonWords) {
		add(w)
	}
	made := combine(wordStems, wordEndings)
	names := append(combine(nameHeads, nameTails), combine(nameHeads, nameMiddles, nameTails)...)
	for i := 0; len(words) < sampleVocabulary; i++ {
		add(made[i%len(made)])
		add(made[(i+len(made)/2)%len(made)])
		add(names[i%len(names)])
		add(strconv.Itoa(2*i + 1))
	}
	return words[:sampleVocabulary]
}

// combine returns every combination of one word from each list; those that
// follow another differ in the first.
func combine(lists ...string) []string {
	all := []string{""}
	for i := len(lists) - 1; i >= 0; i-- {
		var longer []string
		for _, tail := range all {
			for _, head := range strings.Fields(lists[i]) {
				if strings.HasSuffix(head, "e") && strings.ContainsRune("aei", rune((tail + " ")[0])) {
					head = strings.TrimSuffix(head, "e") // as in moving
				}
				longer = append(longer, head+tail)
			}
		}
		all = longer
	}
	return all
}
