package config

import (
	"fmt"
	"strings"
)

// suggest says which of the known words was probably meant, or which there
// are; "" when there are none.
func suggest(given string, known []string) string {
	best, least := "", 1+max(2, len(given)/3)
	for _, k := range known {
		d := distance(strings.ToLower(given), strings.ToLower(k))
		if d < least && d < len(k) {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return ""
	}
	return "choose from " + andWords(known)
}

// distance is the number of characters to insert, delete, replace or swap
// with their neighbour to come from a to b. Beyond 64 characters it gives up.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func oneOfWords(words []string) string { return joined(words, "or") }

func andWords(words []string) string { return joined(words, "and") }

// joined lists words as a sentence does: "a, b or c".
func joined(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
