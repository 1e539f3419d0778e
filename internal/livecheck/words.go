package livecheck

import "strings"

// textWords have what a list may change: a line end of two characters, a letter
// in two characters, and white space at the end.
const textWords = "Parley live-check: please wait.\r\nCafe\u0301 \n"

// The words as a list may show them.
var changedWords = []struct {
	value  string // of list_words
	change func(string) string
}{
	{"trimmed", strings.TrimSpace},
	{"lf", strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace},
	{"nfc", strings.NewReplacer("e\u0301", "é").Replace},
}

// compare tells what the list made of a text's words and metadata.
func compare(e entry, s sent, shown string) finding {
	f := finding{evidence: []string{shown}}
	switch e.Metadata {
	case s.key:
		f.fact = "metadata shown, "
	case "":
		f.fact = "metadata hidden, "
		f.readings = append(f.readings, otherwise("list_hides_metadata", true))
	default:
		f.fact = "other metadata than ours, "
		f.readings = append(f.readings, inWords("other metadata"))
	}
	if e.Message.words() == s.words {
		f.fact += "words as sent"
		return f
	}
	// The smallest set of changes that explains the words.
	for set := 1; set < 1<<len(changedWords); set++ {
		words, names := s.words, []string(nil)
		for i, c := range changedWords {
			if set&(1<<i) != 0 {
				words, names = c.change(words), append(names, c.value)
			}
		}
		if words == e.Message.words() {
			f.fact += "words changed: " + strings.Join(names, ", ")
			f.readings = append(f.readings, otherwise("list_words", names[0])) // the simulator does one of them
			return f
		}
	}
	f.fact += "words changed in another way"
	f.readings = append(f.readings, inWords("other words"))
	return f
}
