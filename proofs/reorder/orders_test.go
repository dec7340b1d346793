package reorder

import "math/rand/v2"

// arrangements calls visit with every order of all, each taken so many times,
// until visit says that it has seen enough. Visit must not keep the slice.
func arrangements(all []message, times int, visit func([]message) bool) {
	left := make([]int, len(all))
	for i := range left {
		left[i] = times
	}
	order := make([]message, 0, len(all)*times)
	var next func() bool
	next = func() bool {
		if len(order) == cap(order) {
			return visit(order)
		}
		for i, m := range all {
			if left[i] == 0 {
				continue
			}
			left[i]--
			order = append(order, m)
			goOn := next()
			order = order[:len(order)-1]
			left[i]++
			if !goOn {
				return false
			}
		}
		return true
	}
	next()
}

// plan is how many orders of a sequence are tried.
type plan struct {
	// whole: all orders; else a sample.
	whole bool
	// sample and repeated are how many orders are drawn without and with
	// repetitions, where they are drawn.
	sample, repeated int
	seed             uint64
}

// orders calls visit with orders of all, in each of which every message comes
// once, then with such in which every one comes twice.
func (p plan) orders(all []message, visit func([]message) bool) {
	random := rand.New(rand.NewPCG(p.seed, uint64(len(all))))
	goesOn := true
	seeing := func(order []message) bool {
		goesOn = visit(order)
		return goesOn
	}
	if p.whole || factorial(len(all)) <= p.sample {
		arrangements(all, 1, seeing)
	} else {
		draw(all, random, p.sample, seeing)
	}
	if !goesOn {
		return
	}
	// Of two messages there are six orders with each taken twice, of three 90,
	// of four 2,520.
	if len(all) <= 2 {
		arrangements(all, 2, visit)
		return
	}
	draw(append(append([]message{}, all...), all...), random, p.repeated, visit)
}

// draw calls visit with n random orders of all.
func draw(all []message, random *rand.Rand, n int, visit func([]message) bool) {
	all = append([]message{}, all...)
	for range n {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if !visit(all) {
			return
		}
	}
}

func factorial(n int) int {
	if n < 2 {
		return 1
	}
	return n * factorial(n-1)
}
