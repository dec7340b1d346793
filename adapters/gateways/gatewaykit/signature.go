package gatewaykit

import (
	"crypto/subtle"
	"encoding/hex"
)

// IsHexOf reports whether given is one of the sums in hexadecimal, in a time
// that tells nothing about them. The sums are of one length.
func IsHexOf(given string, sums ...[]byte) bool {
	decoded, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	match := 0
	for _, sum := range sums {
		match |= subtle.ConstantTimeCompare(sum, decoded)
	}
	return match == 1
}
