package davit_test

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestMeasuredInWords(t *testing.T) {
	ms := func(n int64) davit.Duration { return davit.Duration(time.Duration(n) * time.Millisecond) }
	for want, m := range map[string]davit.Measured{
		"18,204 probes, 0 failed; longest gap 51 ms, downtime 0 ms (±50 ms)": {
			Probes: 18204, LongestGap: davit.Duration(50600 * time.Microsecond), Resolution: ms(50),
		},
		"1,234,567 probes, 12 failed (5 dial, 7 timeout); longest gap 1,100 ms, downtime 1,020 ms (±50 ms); the probe itself was starved for 320 ms; nobody measured for 4,200 ms, when the server was away": {
			Probes: 1234567, Failed: 12, Failures: map[string]int64{"timeout": 7, "dial": 5}, LongestGap: ms(1100), Downtime: ms(1020),
			Resolution: ms(50), Starved: ms(320), Holes: 1, Unwatched: ms(4200),
		},
		"not measured: the release listens nowhere": {Absent: "the release listens nowhere"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%+v\nis  %q\nwant %q", m, got, want)
		}
	}
}
