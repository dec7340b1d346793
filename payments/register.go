package payments

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var laneName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// Register adds a hook. It fails on a name that is not made of 1 to 64
// lower-case letters, digits, dots, dashes and underscores, on no function or
// an empty list of kinds, on the same name and kind twice, and after Run or
// Drain has begun. The On… methods panic where Register returns an error, like
// http.ServeMux.Handle: it is a mistake of the program, and the stack names
// the line.
func (s *Service) Register(h Hook) error {
	if !laneName.MatchString(h.Name) {
		return fmt.Errorf("payments: register hook: the name %q is not made of 1 to 64 lower-case letters, digits, dots, dashes and underscores", h.Name)
	}
	if h.Handle == nil {
		return fmt.Errorf("payments: register hook %q: no function", h.Name)
	}
	if h.Kinds != nil && len(h.Kinds) == 0 {
		return fmt.Errorf("payments: register hook %q: no kinds; nil stands for all", h.Name)
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
	s.registered++
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
	lanes, _ := s.lanes()
	return lanes
}

// recordLanes makes the store know this process's lanes before the first
// event that they are to see, and again now and then: a process may take
// requests and never run, and kinds that nobody tells of for LaneOverlap are
// forgotten.
func (s *Service) recordLanes(ctx context.Context, store Store) error {
	s.mu.Lock()
	known := s.recorded == s.registered && (s.registered == 0 || s.now().Sub(s.recordedAt) < LaneOverlap/2)
	s.mu.Unlock()
	if known {
		return nil
	}
	_, err := s.seeLanes(ctx, store)
	return err
}

// seeLanes records this process's lanes and returns all that there are. A
// store bound to the host's transaction may be rolled back, so what is
// recorded there is recorded again.
func (s *Service) seeLanes(ctx context.Context, store Store) ([]Lane, error) {
	lanes, registered := s.lanes()
	at := s.now()
	all, err := store.Lanes(ctx, LaneChange{Seen: lanes, At: at})
	if err != nil {
		return nil, fmt.Errorf("record lanes: %w", err)
	}
	if store == s.store {
		s.mu.Lock()
		s.recorded, s.recordedAt = max(s.recorded, registered), at
		s.mu.Unlock()
	}
	return all, nil
}

// lanes are those of this process, and how many hooks they are made of.
func (s *Service) lanes() ([]Lane, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var lanes []Lane
	for name, handlers := range s.hooks {
		lane := Lane{Name: name, SeenAt: now}
		if handlers[anyKind] == nil {
			lane.Kinds = slices.Sorted(maps.Keys(handlers))
		}
		lanes = append(lanes, lane)
	}
	slices.SortFunc(lanes, func(a, b Lane) int { return strings.Compare(a.Name, b.Name) })
	return lanes, s.registered
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
