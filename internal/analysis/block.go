package analysis

import "math"

// block counts what happened to both releases since the last block ended.
type block struct {
	candidate, stable tally
}

// tally counts requests and the events among them.
type tally struct{ requests, events int64 }

func (t tally) plus(o tally) tally {
	return tally{t.requests + o.requests, t.events + o.events}
}

func (b block) plus(o block) block {
	return block{b.candidate.plus(o.candidate), b.stable.plus(o.stable)}
}

func (b block) requests() int64 { return b.candidate.requests + b.stable.requests }
func (b block) events() int64   { return b.candidate.events + b.stable.events }

// mostRequests bounds the work and memory that one block takes.
const mostRequests = 1 << 20

// bounded returns the block, scaled down when it is of more requests than that:
// its evidence, which is overwhelming as it is, is that of fewer.
func (b block) bounded() block {
	d := b.requests()/mostRequests + 1
	scale := func(t tally) tally { return tally{t.requests / d, t.events / d} }
	return block{scale(b.candidate), scale(b.stable)}
}

// null returns the logarithms of P0(x) from x = lowest on.
func (b block) null() (lowest int64, logs []float64) {
	n, m, k := b.candidate.requests, b.stable.requests, b.events()
	lowest = max(0, k-m)
	logs = make([]float64, min(n, k)-lowest+1)
	// P0(x+1)/P0(x) = (n-x)(k-x) / ((x+1)(m-k+x+1))
	for i := 1; i < len(logs); i++ {
		x := float64(lowest + int64(i) - 1)
		logs[i] = logs[i-1] + math.Log((float64(n)-x)*(float64(k)-x)/((x+1)*(float64(m-k)+x+1)))
	}
	total := logSum(logs)
	for i := range logs {
		logs[i] -= total
	}
	return lowest, logs
}

// logSum returns log(sum(exp(v))).
func logSum(v []float64) float64 {
	most := math.Inf(-1)
	for _, x := range v {
		most = max(most, x)
	}
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for _, x := range v {
		sum += math.Exp(x - most)
	}
	return most + math.Log(sum)
}
