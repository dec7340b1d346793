package midtranstest

import (
	"crypto/sha512"
	"fmt"
	"io"
)

// signature signs a body as Midtrans does. It is written apart from the
// check in package midtrans, so that one mistake cannot agree with itself.
func signature(orderID, statusCode, grossAmount, serverKey string) string {
	h := sha512.New()
	for _, part := range []string{orderID, statusCode, grossAmount, serverKey} {
		_, _ = io.WriteString(h, part) // a hash never fails
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
