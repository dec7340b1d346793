package main

// perOrder is how many messages of each order come in B2.
const perOrder = 5

// hostileMix is what comes in B2 of the orders. Of a hundred, 98 are paid: the
// settlement comes three times, and after the first a pending and an expire
// that were long on their way. One gets a wrong amount, one is forged to be
// paid: five times each, so each makes up a hundredth of the messages.
//
// What belongs to an order comes among the messages of fifty others.
func hostileMix(refs []string) []message {
	const together = 50
	var all []message
	for begin := 0; begin < len(refs); begin += together {
		var some []message
		for i := begin; i < min(begin+together, len(refs)); i++ {
			for _, k := range kindsOf(i) {
				some = append(some, message{refs[i], k})
			}
		}
		disorder(some)
		settledFirst(some)
		all = append(all, some...)
	}
	return all
}

func kindsOf(order int) [perOrder]kind {
	switch order % 100 {
	case 49:
		return [...]kind{wrongAmount, wrongAmount, wrongAmount, wrongAmount, wrongAmount}
	case 99:
		return [...]kind{forged, forged, forged, forged, forged}
	}
	return [...]kind{tellsSettled, tellsSettled, tellsSettled, tellsPending, tellsExpired}
}

// settledFirst swaps the first message of each paid order with its first
// settlement, so that the others are late news.
func settledFirst(messages []message) {
	first := map[string]int{}
	for i, m := range messages {
		at, seen := first[m.Ref]
		if !seen {
			first[m.Ref] = i
			continue
		}
		if m.Kind == tellsSettled && messages[at].Kind != tellsSettled {
			messages[i], messages[at] = messages[at], messages[i]
		}
	}
}
