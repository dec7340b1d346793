package gatewaykit

import "errors"

var (
	errTwice = errors.New("a name occurs twice")
	errDeep  = errors.New("nested too deeply")
)

// CheckNames refuses an object in which a name occurs twice, at whatever depth,
// as [ReadBody] does at the top: for gateways that nest what they tell. It also
// refuses what nests deeper than MaxDepth.
func CheckNames(o Object) error { return checkNames(o, MaxDepth-1) }

func checkNames(o Object, depth int) error {
	if hasTwice(o) {
		return errTwice
	}
	for i := range o {
		if err := checkValue(o[i].Value, depth); err != nil {
			return err
		}
	}
	return nil
}

// checkValue goes into valid JSON.
func checkValue(value string, depth int) error {
	switch value[0] {
	case '{':
		if depth == 0 {
			return errDeep
		}
		o, err := members(value)
		if err != nil {
			return err
		}
		return checkNames(o, depth-1)
	case '[':
		if depth == 0 {
			return errDeep
		}
		for _, element := range elementsOf(value) {
			if err := checkValue(element, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}
