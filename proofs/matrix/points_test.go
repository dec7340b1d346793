package matrix

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// target is where a process is to die: at the Nth passing of a point.
type target struct {
	Point string
	Nth   int
}

// points are what a process passes on its way. A point is between two things
// of which the one may have happened and the other not: it is before or after
// a write, a commit, a call to the gateway.
type points struct {
	mu     sync.Mutex
	passed []string
	kill   target
}

func (p *points) pass(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, name)
	if name != p.kill.Point {
		return
	}
	if p.kill.Nth--; p.kill.Nth == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

// begin forgets what was passed, and sets where to die.
func (p *points) begin(kill target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed, p.kill = nil, kill
}

func (p *points) soFar() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.passed)
}

const (
	inCore  = "github.com/lunaspay/lunas/payments."
	inStore = "github.com/lunaspay/lunas/storage/gormstore."
	inHost  = "github.com/lunaspay/lunas/proofs/matrix.(*shop)."
)

// who names the function that is about to write or call: that of the core,
// and behind it that of the store, if that is on the way, too. Functions
// through which others write or call (see plumbing) stand for nobody.
func who() string {
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	core, store := "", ""
	for {
		frame, more := frames.Next()
		name := frame.Function
		switch {
		case strings.HasPrefix(name, inStore):
			if f := function(name, inStore); store == "" && !plumbing[inStore+f] {
				store = f
			}
		case strings.HasPrefix(name, inHost):
			core = "the host's " + function(name, inHost)
		case strings.HasPrefix(name, inCore):
			if f := function(name, inCore); !plumbing[inCore+f] {
				core = f
			}
		}
		if core != "" || !more {
			break
		}
	}
	return strings.Join(slices.DeleteFunc([]string{core, store}, func(s string) bool { return s == "" }), " > ")
}

// function is the name of a function as sites names it, such as "open" or
// "dispatcher.record": without its package, the usual receiver, and what
// stands for a function literal in it.
func function(name, in string) string {
	name = strings.TrimPrefix(name, in)
	name = strings.TrimPrefix(name, "(*Service).")
	name = strings.TrimPrefix(name, "(*Store).")
	name = strings.NewReplacer("(*", "", ")", "").Replace(name)
	name, _, _ = strings.Cut(name, "[")
	name, _, _ = strings.Cut(name, ".func")
	name, _, _ = strings.Cut(name, "-range")
	return strings.TrimSuffix(name, "-fm")
}
