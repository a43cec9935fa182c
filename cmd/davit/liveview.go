package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// liveView draws a rollout in place on a terminal.
type liveView struct {
	out   io.Writer
	size  func() (width, height int)
	now   func() time.Time
	color bool

	last    *api.Live
	trouble string // the last thing that went wrong
	drawn   int    // lines on the screen
}

func (v *liveView) event(e davit.Event) error {
	if e.Kind == davit.EventTrouble {
		v.trouble = e.Message
	}
	return nil
}

func (v *liveView) live(l *api.Live) error {
	v.last = l
	return v.draw()
}

func (v *liveView) tick() error { return v.draw() }

func (v *liveView) lost(err error) error {
	v.trouble = "the server does not answer, trying again: " + err.Error()
	return v.draw()
}

func (v *liveView) end(r *davit.Rollout) error {
	_, err := fmt.Fprintf(v.out, "\n%s\n", closing(r))
	return err
}

// draw writes a frame over the last one, in one piece so that it does not
// flicker. What does not fit on the screen is cut at the end.
func (v *liveView) draw() error {
	if v.last == nil {
		return nil
	}
	width, height := v.size()
	lines := frame(v.last, v.trouble, width, v.now())
	if len(lines) > height-1 {
		lines = lines[:max(height-1, 1)]
	}
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", v.drawn)
	}
	for _, l := range lines {
		b.WriteString(l.String(v.color))
		b.WriteString("\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	v.drawn = len(lines)
	_, err := io.WriteString(v.out, b.String())
	return err
}

func terminalSize(fd int) (width, height int) {
	width, height, err := term.GetSize(fd)
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// line is a line of a frame.
type line struct {
	text  string
	style style
}

type style string

const (
	plain style = ""
	bold  style = "1"
	faint style = "2"
	red   style = "31"
	green style = "32"
	amber style = "33"
)

// String returns the line as a terminal shows it.
func (l line) String(color bool) string {
	if !color || l.style == plain {
		return l.text
	}
	return "\x1b[" + string(l.style) + "m" + l.text + "\x1b[0m"
}

// clip cuts text to a number of characters.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-1, 0)]) + "…"
}
