package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Progress tells a person what goes on. On a terminal one line is redrawn; elsewhere plain lines appear when
// something changes, and now and then while nothing does.
type Progress struct {
	out   io.Writer
	live  bool
	width int
	every time.Duration

	mu    sync.Mutex
	tasks []*Task
	stop  chan struct{}
	done  chan struct{}
}

// Task is one thing under way.
type Task struct {
	p     *Progress
	name  string
	doing string
	since time.Time
	shown time.Time // when its last plain line appeared
}

// plainGap keeps plain lines apart: what changes faster is caught up with by the next line.
const plainGap = time.Second

// NewProgress writes to a file, usually standard error. Close it before anything else is printed.
func NewProgress(file *os.File) *Progress {
	p := &Progress{out: file, every: 10 * time.Second, stop: make(chan struct{}), done: make(chan struct{})}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && term.IsTerminal(int(file.Fd())) {
		p.live, p.width, p.every = true, width, 200*time.Millisecond
	}
	go p.tick()
	return p
}

// NewPlainProgress writes plain lines to any writer.
func NewPlainProgress(out io.Writer, every time.Duration) *Progress {
	p := &Progress{out: out, every: every, stop: make(chan struct{}), done: make(chan struct{})}
	go p.tick()
	return p
}

// Task begins one; doing says what happens first.
func (p *Progress) Task(name, doing string) *Task {
	t := &Task{p: p, name: name, doing: doing, since: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = append(p.tasks, t)
	p.show(t)
	return t
}

// Say tells what the task does now.
func (t *Task) Say(format string, args ...any) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	if doing := fmt.Sprintf(format, args...); doing != t.doing {
		t.doing = doing
		t.p.show(t)
	}
}

// Note prints a line that stays, while the task goes on.
func (t *Task) Note(format string, args ...any) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.p.line(fmt.Sprintf("%s: %s", t.name, fmt.Sprintf(format, args...)))
	t.p.draw()
}

// End takes the task off; a text, where given, stays to be read.
func (t *Task) End(format string, args ...any) {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.tasks {
		if other == t {
			p.tasks = append(p.tasks[:i], p.tasks[i+1:]...)
			break
		}
	}
	if format != "" {
		p.line(fmt.Sprintf("%s: %s", t.name, fmt.Sprintf(format, args...)))
	}
	p.draw()
}

// Close ends the display.
func (p *Progress) Close() {
	close(p.stop)
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = nil
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *Progress) tick() {
	defer close(p.done)
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
		}
		p.mu.Lock()
		if p.live {
			p.draw()
		} else {
			for _, t := range p.tasks {
				p.line(t.String())
				t.shown = time.Now()
			}
		}
		p.mu.Unlock()
	}
}

func (p *Progress) show(t *Task) {
	switch {
	case p.live:
		p.draw()
	case time.Since(t.shown) >= plainGap:
		p.line(t.String())
		t.shown = time.Now()
	}
}

func (t *Task) String() string {
	text := t.name + ": " + t.doing
	if took := time.Since(t.since).Round(time.Second); took > 0 {
		text += ", " + took.String() + " so far"
	}
	return text
}

// line prints something that stays.
func (p *Progress) line(text string) {
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintln(p.out, text)
}

func (p *Progress) draw() {
	if !p.live {
		return
	}
	parts := make([]string, len(p.tasks))
	for i, t := range p.tasks {
		parts[i] = t.String()
	}
	fmt.Fprint(p.out, "\r\x1b[K"+cut(strings.Join(parts, "  |  "), max(p.width-1, 20)))
}
