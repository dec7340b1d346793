package races

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// How a history was judged.
const (
	linearizable    = "linearizable"
	notLinearizable = "not linearizable"
	undecided       = "not decided in time"
)

// history is what clients saw of operations that overlap: what they asked for
// and when, what they were answered and when.
type history struct {
	mu  sync.Mutex
	now int64
	ops []porcupine.Operation
}

// never is when an operation returns whose outcome the client does not know.
// It may take effect at any time after its call: also behind everything else,
// which is as good as not at all.
const never = int64(1) << 62

// tick is the history's own time. It is one order of all calls and returns.
func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	return h.now
}

// add records an operation that was called then and returns now, or never.
func (h *history) add(client int, call int64, input, output any, known bool) {
	end := h.tick()
	if !known {
		end = never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: input, Output: output, Call: call, Return: end})
}

// judge checks the history, for a while.
func (h *history) judge(model porcupine.Model) string {
	switch porcupine.CheckOperationsTimeout(model, h.ops, 30*time.Second) {
	case porcupine.Ok:
		return linearizable
	case porcupine.Illegal:
		return notLinearizable
	}
	return undecided
}

// String lists the operations by their calls.
func (h *history) String() string {
	ops := slices.Clone(h.ops)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range ops {
		end := fmt.Sprint(op.Return)
		if op.Return == never {
			end = "?"
		}
		fmt.Fprintf(&b, "client %d, %d to %s: %+v -> %+v\n", op.ClientId, op.Call, end, op.Input, op.Output)
	}
	return b.String()
}

// partition splits a history by what its operations are about: if they are
// linearizable one by one, so is the whole.
func partition(about func(input any) string) func([]porcupine.Operation) [][]porcupine.Operation {
	return func(all []porcupine.Operation) [][]porcupine.Operation {
		parts := map[string][]porcupine.Operation{}
		for _, op := range all {
			key := about(op.Input)
			parts[key] = append(parts[key], op)
		}
		var split [][]porcupine.Operation
		for _, part := range parts {
			split = append(split, part)
		}
		return split
	}
}
