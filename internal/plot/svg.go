package plot

import (
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
	"time"
)

// The chart's measures, in pixels of its own; it scales to where it is shown.
const (
	width, height = 720, 280
	left, right   = 64, 16 // margins
	top, bottom   = 52, 34
	letter        = 6.2 // width of a letter of a label, about
)

// colors tell series apart, also for most people who do not see all colors
// (Okabe and Ito), on a light and on a dark ground.
var colors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// style is scoped by the class, since several charts may share a page.
const style = `<style>` +
	`.davit-plot{font:11px system-ui,sans-serif;fill:#444;background:#fff}` +
	`.davit-plot .t{font-size:13px;font-weight:600;fill:#111}` +
	`.davit-plot .g{stroke:#ddd;fill:none}.davit-plot .l{stroke:#b00;stroke-dasharray:5 4;fill:none}` +
	`.davit-plot .m{stroke:#888;stroke-dasharray:2 3;fill:none}` +
	`@media(prefers-color-scheme:dark){.davit-plot{fill:#bbb;background:#161616}.davit-plot .t{fill:#eee}` +
	`.davit-plot .g{stroke:#333}.davit-plot .l{stroke:#f66}}` +
	`</style>`

// WriteSVG writes the chart as one svg element.
func (c *Chart) WriteSVG(w io.Writer) error {
	_, err := io.WriteString(w, c.SVG())
	return err
}

// SVG returns the chart as one svg element, which can stand in a file of its own
// or within an HTML page.
func (c *Chart) SVG() string {
	d := &drawing{chart: c}
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="davit-plot" viewBox="0 0 %d %d" role="img" aria-label=%s>%s`+"\n",
		width, height, quote(c.Title), style)
	d.printf(`<text class="t" x="%d" y="18">%s</text>`+"\n", left, text(c.Title))
	low, high, some := c.bounds()
	if some {
		d.frame(low, high)
		d.marks()
		d.limits()
		d.series()
		d.legend()
	} else {
		d.printf(`<text x="%d" y="%d" text-anchor="middle">no data</text>`+"\n", width/2, height/2)
	}
	d.printf("</svg>\n")
	return d.String()
}

// drawing is a chart on its way to SVG.
type drawing struct {
	strings.Builder
	chart *Chart
	from  time.Time // where the time axis begins
	x, y  axis
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

// frame fits the axes and draws them with their grid.
func (d *drawing) frame(low, high float64) {
	from, to := d.chart.span()
	d.from = from
	d.x = axis{high: to.Sub(from).Seconds(), from: left, to: width - right}
	y, values := valueAxis(low, high, d.chart.Log)
	y.from, y.to = height-bottom, top
	d.y = y
	if d.chart.Unit != "" {
		d.printf(`<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, top-12, text(d.chart.Unit))
	}
	for _, t := range values {
		at := px(d.y.at(t.value))
		d.printf(`<path class="g" d="M%d %sH%d"/><text x="%d" y="%s" dy="4" text-anchor="end">%s</text>`+"\n",
			left, at, width-right, left-8, at, t.label)
	}
	for _, t := range timeTicks(to.Sub(from)) {
		at := px(d.x.at(t.value))
		d.printf(`<path class="g" d="M%s %dv5"/><text x="%s" y="%d" text-anchor="middle">%s</text>`+"\n",
			at, height-bottom, at, height-bottom+18, t.label)
	}
	d.printf(`<text x="%d" y="18" text-anchor="end">from %s</text>`+"\n", width-right, from.UTC().Format(time.DateTime+" MST"))
}

// atTime returns where a time is on the time axis.
func (d *drawing) atTime(t time.Time) float64 { return d.x.at(t.Sub(d.from).Seconds()) }

// marks draws the events, their labels on two rows so that neighbors part.
func (d *drawing) marks() {
	for i, m := range d.chart.Marks {
		at := d.atTime(m.At)
		if at < left || at > width-right {
			continue
		}
		anchor := "start"
		if at+letter*float64(len(m.Label)) > width-right {
			anchor = "end"
		}
		d.printf(`<path class="m" d="M%s %dV%d"/><text x="%s" y="%d" text-anchor="%s">%s</text>`+"\n",
			px(at), top, height-bottom, px(at), top+10+12*(i%2), anchor, text(m.Label))
	}
}

func (d *drawing) limits() {
	for _, l := range d.chart.Limits {
		if !d.chart.shows(l.Value) {
			continue
		}
		at := px(d.y.at(l.Value))
		d.printf(`<path class="l" d="M%d %sH%d"/><text x="%d" y="%s" dy="-4" text-anchor="end">%s</text>`+"\n",
			left, at, width-right, width-right, at, text(l.Label))
	}
}

func (d *drawing) series() {
	for i, s := range d.chart.Series {
		d.printf(`<path fill="none" stroke="%s" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" d="%s"/>`+"\n",
			colors[i%len(colors)], d.line(s))
	}
}

// line returns the path of a series: a new piece after each gap.
func (d *drawing) line(s Series) string {
	var path strings.Builder
	drawn := false
	for _, p := range s.Points {
		x := d.atTime(p.At)
		if !d.chart.shows(p.Value) || x < left-0.01 || x > width-right+0.01 {
			drawn = false
			continue
		}
		y := px(d.y.at(p.Value))
		switch {
		case !drawn: // the h0 makes a dot of a point that stands alone
			path.WriteString("M" + px(x) + " " + y + "h0")
		case s.Step:
			path.WriteString("H" + px(x) + "V" + y)
		default:
			path.WriteString("L" + px(x) + " " + y)
		}
		drawn = true
	}
	if s.Step && drawn {
		path.WriteString("H" + strconv.Itoa(width-right))
	}
	return path.String()
}

// legend names the series, above the chart.
func (d *drawing) legend() {
	x := float64(left)
	for i, s := range d.chart.Series {
		d.printf(`<path fill="none" stroke="%s" stroke-width="3" d="M%s 32h14"/><text x="%s" y="36">%s</text>`+"\n",
			colors[i%len(colors)], px(x), px(x+19), text(s.Name))
		x += 36 + letter*float64(len(s.Name))
	}
}

// px formats a length: hundredths of a pixel are enough, and the same everywhere.
func px(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func text(s string) string { return html.EscapeString(clean(s)) }

func quote(s string) string { return `"` + text(s) + `"` }

// clean drops what XML has no way to write.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
