package routing

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

func total(weights map[string]int) (sum int) {
	for _, w := range weights {
		sum += w
	}
	return sum
}

// split deals an order out by its id, so that a repeat goes where it went
// before. One without an id, as when methods are listed, goes to the heaviest.
func split(weights map[string]int, id payments.ID) []payments.Choice {
	sum := total(weights)
	names := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
	})
	if id != "" && sum > 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id)) // a hash takes everything
		at := int(h.Sum64() % uint64(sum))
		for i, name := range names {
			if at -= weights[name]; at < 0 {
				names = append([]string{name}, slices.Delete(names, i, i+1)...)
				break
			}
		}
	}
	choices := make([]payments.Choice, 0, len(names))
	for _, name := range names {
		choices = append(choices, payments.Choice{Gateway: name, Reason: fmt.Sprintf("split %d of %d", weights[name], sum)})
	}
	return choices
}
