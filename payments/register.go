package payments

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var laneName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// Register adds a hook. It fails on a name that is not made of lower-case
// letters, digits, dots, dashes and underscores, on the same name and kind
// twice, and after Run or Drain has begun. The On… methods panic where
// Register returns an error, like http.ServeMux.Handle: it is a mistake of the
// program, and the stack names the line.
func (s *Service) Register(h Hook) error {
	if !laneName.MatchString(h.Name) {
		return fmt.Errorf("payments: register hook: the name %q is not made of lower-case letters, digits and dashes", h.Name)
	}
	if h.Handle == nil {
		return fmt.Errorf("payments: register hook %q: no function", h.Name)
	}
	kinds := h.Kinds
	if kinds == nil {
		kinds = []EventKind{anyKind}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return fmt.Errorf("payments: register hook %q: Run has begun; register hooks before it", h.Name)
	}
	lane := s.hooks[h.Name]
	for i, kind := range kinds {
		if lane[kind] != nil || slices.Contains(kinds[:i], kind) {
			return fmt.Errorf("payments: register hook %q: it has a function for %s already", h.Name, kind)
		}
	}
	if lane == nil {
		lane = map[EventKind]func(context.Context, Event) error{}
		s.hooks[h.Name] = lane
	}
	for _, kind := range kinds {
		lane[kind] = h.Handle
	}
	s.fresh = true
	return nil
}

// anyKind stands for the handler of a lane that takes every kind; one for
// the kind itself goes first.
const anyKind EventKind = "*"

// handler returns the lane's function for kind, or nil.
func (s *Service) handler(lane string, kind EventKind) func(context.Context, Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hooks[lane][kind]; h != nil {
		return h
	}
	return s.hooks[lane][anyKind]
}

// begin ends registration and returns the lanes of this process.
func (s *Service) begin() []Lane {
	s.mu.Lock()
	s.started = true
	s.mu.Unlock()
	return s.lanes()
}

// recordLanes makes the store know this process's lanes before the first
// event that they are to see. A store bound to the host's transaction may be
// rolled back, so what is recorded there is recorded again.
func (s *Service) recordLanes(ctx context.Context, store Store) error {
	s.mu.Lock()
	fresh := s.fresh
	s.mu.Unlock()
	if !fresh {
		return nil
	}
	if _, err := store.Lanes(ctx, LaneChange{Seen: s.lanes(), At: s.now()}); err != nil {
		return fmt.Errorf("record lanes: %w", err)
	}
	if store == s.store {
		s.mu.Lock()
		s.fresh = false
		s.mu.Unlock()
	}
	return nil
}

// lanes are those of this process.
func (s *Service) lanes() []Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var lanes []Lane
	for name, handlers := range s.hooks {
		lane := Lane{Name: name, SeenAt: now}
		if handlers[anyKind] == nil {
			lane.Kinds = []EventKind{}
			for kind := range handlers {
				lane.Kinds = append(lane.Kinds, kind)
			}
			slices.Sort(lane.Kinds)
		}
		lanes = append(lanes, lane)
	}
	slices.SortFunc(lanes, func(a, b Lane) int { return strings.Compare(a.Name, b.Name) })
	return lanes
}

// on registers a typed hook.
func on[E any](s *Service, kind EventKind, name string, f func(context.Context, E) error) {
	if f == nil {
		panic(fmt.Sprintf("payments: register hook %q: no function", name))
	}
	err := s.Register(Hook{Name: name, Kinds: []EventKind{kind}, Handle: func(ctx context.Context, e Event) error {
		typed, err := Decode[E](e)
		if err != nil {
			return err
		}
		return f(ctx, typed)
	}})
	if err != nil {
		panic(err)
	}
}

// errNoHandler: a delivery was leased whose kind this process does not handle.
var errNoHandler = errors.New("payments: no handler for this kind in this process")
