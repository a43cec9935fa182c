package analysis

import "math"

// gridSize is the number of odds ratios that an e-process bets on.
const gridSize = 24

// capital is an e-process: the capital of each of a grid of odds ratios.
type capital struct {
	ratios [gridSize]float64 // logarithms
	logs   [gridSize]float64 // of the capitals, their weights included
}

// newCapital returns an e-process for a candidate that has about a share of the
// requests. The ratios are such that the share of the failures that fall on the
// candidate is spread from its share of the requests to all of them, denser
// towards all: a failure rate that is doubled and one that is multiplied by a
// thousand are both looked for, at every share, and the worse one sooner.
func newCapital(share float64) *capital {
	c := &capital{}
	for i := range c.ratios {
		q := 1 - (1-share)*math.Pow((float64(i)+0.5)/gridSize, 1.5)
		c.ratios[i] = math.Log(q*(1-share)) - math.Log(share*(1-q))
		c.logs[i] = -math.Log(gridSize)
	}
	return c
}

// bet takes in a block.
func (c *capital) bet(b block) {
	lowest, null := b.null()
	if len(null) == 1 {
		return // there was one way to deal the failures, and it proves nothing
	}
	terms := make([]float64, len(null))
	for j, r := range c.ratios {
		for i, p := range null {
			terms[i] = p + float64(lowest+int64(i))*r
		}
		c.logs[j] += float64(b.candidate.events)*r - logSum(terms)
	}
}

// log returns the logarithm of the e-value.
func (c *capital) log() float64 { return logSum(c.logs[:]) }
