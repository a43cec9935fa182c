package davit

import "fmt"

// Reweigh returns the split with other weights, in which as few users as possible
// get another variant than before: those that the shrinking variants have to give
// up, and nobody else. So raising a variant's weight only adds users to it, and
// lowering it only removes some. The split need not have shares yet.
func (s FlagSplit) Reweigh(want []FlagShare) (FlagSplit, error) {
	wanted, err := summed(want)
	if err != nil {
		return FlagSplit{}, err
	}
	old, err := summed(s.Shares)
	if len(s.Shares) == 0 || err != nil {
		s.Shares = merged(want)
		return s, nil
	}
	total := commonTotal(old, wanted)
	r := reweighing{ranges: scaled(s.Shares, old, total), lacks: map[string]int{}}
	for _, share := range scaled(want, wanted, total) {
		if _, known := r.lacks[share.Variant]; !known {
			r.order = append(r.order, share.Variant)
		}
		r.lacks[share.Variant] += share.Weight
	}
	for _, share := range r.ranges {
		r.lacks[share.Variant] -= share.Weight
	}
	s.Shares = reduced(merged(r.run()))
	return s, nil
}

// reweighing takes from the ranges of variants that have too much, and gives to
// those that have too little.
type reweighing struct {
	ranges []FlagShare
	order  []string       // of those that get something
	lacks  map[string]int // negative for those that have too much
}

// run goes from the last range to the first. What a range gives up is cut off
// beside a neighbor that takes it, so that ranges stay whole where they can.
func (r *reweighing) run() []FlagShare {
	pieces := make([][]FlagShare, len(r.ranges))
	for i := len(r.ranges) - 1; i >= 0; i-- {
		share := r.ranges[i]
		give := max(0, min(share.Weight, -r.lacks[share.Variant]))
		r.lacks[share.Variant] += give
		share.Weight -= give
		before, after := r.neighbor(i-1), r.neighbor(i+1)
		if before != "" {
			pieces[i] = append(r.take(before, give), share)
			continue
		}
		taken := r.take(after, give)
		pieces[i] = []FlagShare{share}
		for j := len(taken) - 1; j >= 0; j-- { // the neighbor takes what is next to it
			pieces[i] = append(pieces[i], taken[j])
		}
	}
	var all []FlagShare
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}

// neighbor returns the variant of a range if it lacks something.
func (r *reweighing) neighbor(i int) string {
	if i < 0 || i >= len(r.ranges) || r.lacks[r.ranges[i].Variant] <= 0 {
		return ""
	}
	return r.ranges[i].Variant
}

// take hands out a weight to those that lack some, to one of them first.
func (r *reweighing) take(first string, weight int) []FlagShare {
	var taken []FlagShare
	for _, variant := range append([]string{first}, r.order...) {
		if part := min(weight, r.lacks[variant]); part > 0 {
			taken = append(taken, FlagShare{Variant: variant, Weight: part})
			r.lacks[variant] -= part
			weight -= part
		}
	}
	return taken
}

// summed returns the sum of weights.
func summed(shares []FlagShare) (int, error) {
	total := 0
	for _, share := range shares {
		if share.Weight < 0 || share.Weight > MaxFlagWeight-total {
			return 0, &Error{
				Code:    CodeInvalid,
				Message: fmt.Sprintf("the weight %d of variant %q is negative, or brings the sum above %d", share.Weight, share.Variant, MaxFlagWeight),
			}
		}
		total += share.Weight
	}
	if total == 0 {
		return 0, &Error{Code: CodeInvalid, Message: "the weights sum to 0", Hint: "give one variant a weight above 0"}
	}
	return total, nil
}

// commonTotal returns a sum of weights in which both can be said exactly, or, when
// that would be too large, the largest in which the new one can.
func commonTotal(old, wanted int) int {
	if common := old / gcd(old, wanted) * wanted; common <= MaxFlagWeight {
		return common
	}
	return MaxFlagWeight / wanted * wanted
}

// scaled returns the shares with weights that sum to another total. Each range
// ends where it did, rounded down.
func scaled(shares []FlagShare, old, total int) []FlagShare {
	made := make([]FlagShare, 0, len(shares))
	sum, end := 0, 0
	for _, share := range shares {
		sum += share.Weight
		next := int(int64(sum) * int64(total) / int64(old)) // both below 2^31
		made = append(made, FlagShare{Variant: share.Variant, Weight: next - end})
		end = next
	}
	return made
}

// merged returns the shares without those of no weight, and neighbors of one
// variant as one.
func merged(shares []FlagShare) []FlagShare {
	var made []FlagShare
	for _, share := range shares {
		switch n := len(made); {
		case share.Weight == 0:
		case n > 0 && made[n-1].Variant == share.Variant:
			made[n-1].Weight += share.Weight
		default:
			made = append(made, share)
		}
	}
	return made
}

// reduced returns the shares with the least weights that say the same, but sums
// to FlagWhole where that says it too.
func reduced(shares []FlagShare) []FlagShare {
	common, total := 0, 0
	for _, share := range shares {
		common, total = gcd(common, share.Weight), total+share.Weight
	}
	multiple := 1
	if FlagWhole%(total/common) == 0 {
		multiple = FlagWhole / (total / common)
	}
	for i := range shares {
		shares[i].Weight = shares[i].Weight / common * multiple
	}
	return shares
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
