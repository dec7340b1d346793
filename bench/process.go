package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// The server and the load generator are processes of their own, so that the
// processor time of one is told apart from the other's, and no contender's
// garbage collector runs in another's time. They are this same program with
// "child:" and a role as its first argument. Parent and child exchange JSON
// lines over the child's standard input and output.

const childPrefix = "child:"

// actor is what a child process does. Its fields are set from the parent's
// first line.
type actor interface {
	// start makes it ready; the parent gets the answer.
	start(ctx context.Context) (any, error)
	// do carries out one of the parent's commands.
	do(ctx context.Context, command string) (any, error)
	stop()
}

var roles = map[string]func() actor{
	"serve":    func() actor { return &serving{} },
	"load":     func() actor { return &loading{} },
	"status":   func() actor { return &statusServing{} },
	"work":     func() actor { return &working{} },
	"hooked":   func() actor { return &hooked{} },
	"midtrans": func() actor { return &simulating{} },
	"loop":     func() actor { return &looping{} },
}

// line is what a child answers.
type line struct {
	Error  string          `json:"error,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

// runChild plays a role if the arguments name one, until the parent closes
// the child's standard input.
func runChild(args []string) bool {
	if len(args) == 0 || !strings.HasPrefix(args[0], childPrefix) {
		return false
	}
	role, known := roles[strings.TrimPrefix(args[0], childPrefix)]
	if !known {
		fmt.Fprintf(os.Stderr, "bench: there is no role %q\n", args[0])
		os.Exit(2)
	}
	if err := play(context.Background(), role(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", args[0], err)
		os.Exit(1)
	}
	return true
}

// play answers the parent's lines: the first sets the actor up, the others
// are commands.
func play(ctx context.Context, a actor, in io.Reader, out io.Writer) error {
	commands, answers := json.NewDecoder(in), json.NewEncoder(out)
	if err := commands.Decode(a); err != nil {
		return fmt.Errorf("read setup: %w", err)
	}
	defer a.stop()
	reply, err := a.start(ctx)
	for {
		if err := answers.Encode(answer(reply, err)); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		var command string
		if err := commands.Decode(&command); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read command: %w", err)
		}
		reply, err = a.do(ctx, command)
	}
}

func answer(reply any, err error) line {
	if err != nil {
		return line{Error: err.Error()}
	}
	raw, err := json.Marshal(reply)
	if err != nil {
		return line{Error: err.Error()}
	}
	return line{Answer: raw}
}

// child is a running child process, as its parent sees it.
type child struct {
	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// spawn starts a child and waits until it is ready.
func spawn(ctx context.Context, role string, setup, ready any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	cmd := exec.CommandContext(ctx, self, childPrefix+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	c := &child{role: role, cmd: cmd, in: in, out: json.NewDecoder(out)}
	if err := c.exchange(setup, ready); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// ask sends a command and reads the answer into reply, unless that is nil.
func (c *child) ask(command string, reply any) error { return c.exchange(command, reply) }

func (c *child) exchange(message, reply any) error {
	if err := json.NewEncoder(c.in).Encode(message); err != nil {
		return fmt.Errorf("tell %s: %w", c.role, err)
	}
	var l line
	if err := c.out.Decode(&l); err != nil {
		return fmt.Errorf("hear from %s: %w", c.role, err)
	}
	if l.Error != "" {
		return fmt.Errorf("%s: %s", c.role, l.Error)
	}
	if reply == nil {
		return nil
	}
	if err := json.Unmarshal(l.Answer, reply); err != nil {
		return fmt.Errorf("hear from %s: %w", c.role, err)
	}
	return nil
}

// stop ends the child and waits for its end. How it ends is of no interest:
// all that it had to say has been heard.
func (c *child) stop() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}
