package fazztest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// signature signs a callback's body as Fazz does: the key is the signing
// secret as it is shown, with its "ss_". It is written apart from the check in
// package fazz, so that one mistake cannot agree with itself.
func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body) // a hash never fails
	return hex.EncodeToString(mac.Sum(nil))
}
