package payments_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
	"github.com/lunaspay/lunas/payments"
)

// What strangers and gateways say gets into logs, as values. It must not look
// like a record of its own there.
func TestForeignWordsMakeNoLogLines(t *testing.T) {
	t.Parallel()
	const forged = "x\nlevel=ERROR msg=\"all keys leaked\"\r\x1b[2J\u2028\x00 \xff\" admin=true"
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(leak.Watch(t, w), nil) },
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(leak.Watch(t, w), nil) },
	} {
		var logs bytes.Buffer
		var store *flakyStore
		s := newShop(t, withFlaky(&store), with(func(c *payments.Config) { c.Logger = slog.New(handler(&logs)) }))
		p := s.buy("ana", `{"plan_id":"pro"}`)

		s.fake.read = func(payments.RawNotification) (payments.Notification, error) {
			return payments.Notification{Observation: payments.Observation{Ref: forged}}, fmt.Errorf("%s: %w", forged, payments.ErrForged)
		}
		require.Equal(t, 403, s.do("POST", "/notifications/fake", "", "{}").Code)
		s.fake.read = nil
		s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
			return payments.Observation{}, &payments.GatewayError{Gateway: "fake", Op: "status", Message: forged}
		}
		code, _ := s.notify(settlement(p, "tx1"))
		require.Equal(t, 503, code)
		s.fake.status = nil
		s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
			return payments.CheckoutResult{}, &payments.GatewayError{Gateway: "fake", Op: "checkout", Message: forged}
		}
		require.Equal(t, 502, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`).Code)
		store.set(nil, func() error { return errors.New(forged) })
		require.Equal(t, 500, s.do("GET", "/payments/"+string(p.ID), "ana", "").Code)
		store.set(nil, nil)
		s.web.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/notifications/fake", iotest.ErrReader(errors.New(forged))))

		lines := 0
		for scan := bufio.NewScanner(&logs); scan.Scan(); lines++ {
			line := scan.Text()
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\x1b")
			require.NotContains(t, line, "\x00")
			if name == "text" {
				require.True(t, strings.HasPrefix(line, "time="), line)
				require.NotContains(t, line, " admin=true\n")
				require.NotContains(t, line, `msg="all keys leaked"`)
				continue
			}
			var record map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &record), line)
			require.NotContains(t, record, "admin")
			require.NotContains(t, record["msg"], "leaked")
		}
		require.Equal(t, 5, lines, "one for each that happened")
	}
}

// A handler may print the message as it is. So no message is made of foreign
// words: all of them are constants, and what varies is a value.
func TestLogMessagesAreConstants(t *testing.T) {
	t.Parallel()
	for _, call := range logCalls(t, "*.go", "../adapters/gateways/midtrans/*.go", "../storage/gormstore/*.go") {
		require.True(t, call.constant, "%s: the message is put together: %s", call.at, call.message)
	}
}

// Strangers can send as many broken requests as they like: what they cause is
// logged up to a bound.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 500 {
		s.do("POST", "/notifications/fake", "", `{}`)
		s.do("POST", "/notifications/fake", "", strings.Repeat(" ", 64<<10+1))
		s.do("POST", "/notifications/none", "", `{}`)
		s.do("POST", "/checkout", "", `{}`)
		s.do("GET", "/return/"+string(payments.NewID()), "", "")
		s.do("GET", "/nothing", "", "")
		s.web.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/notifications/fake", iotest.ErrReader(errors.New("reset"))))
	}
	require.LessOrEqual(t, strings.Count(s.logs.String(), "\n"), 120)
}

// What a gateway's adapter could not read as its own is not kept, as only the
// adapter knows what in it is secret.
func TestOfWhatIsTooLargeNothingIsKept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	problem(t, s.do("POST", "/notifications/fake", "", `{"signature_key":"5ec4e7","pad":"`+strings.Repeat("x", 64<<10)+`"}`), 413, "too-large")
	m := s.message(s.lastMessage("notification"))
	require.Equal(t, payments.VerdictMalformed, m.Verdict)
	require.Equal(t, "larger than 64 KiB", m.Note)
	require.Empty(t, m.Raw)
}
