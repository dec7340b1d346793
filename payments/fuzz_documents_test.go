package payments

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzEventData decodes what may stand in a database as an event's data: of
// every kind, of this version and of a later one.
func FuzzEventData(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw, 1)
	}
	for _, s := range []string{``, `null`, `[]`, `{"amount":{"amount":9223372036854775808}}`, `{"then":{"in":{"amount":-1}}}`, `{"claim":{"grants":[{}]}}`, `{"amount":"1"}`} {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, data []byte, version int) {
		e := Event{ID: "p-1", PaymentID: "p", Kind: EventSettled, Version: version, Seq: 1, Data: data}
		reread[Created](t, e)
		reread[Pending](t, e)
		reread[Denied](t, e)
		reread[Settled](t, e)
		reread[FundsAvailable](t, e)
		reread[Refunded](t, e)
		reread[RefundFailed](t, e)
		reread[ChargedBack](t, e)
		reread[Review](t, e)
		reread[ClaimRevoked](t, e)
	})
}

// reread requires an error that names the event and does not repeat its data,
// or a value that is the same when written and read again.
func reread[E any](t *testing.T, e Event) {
	t.Helper()
	v, err := Decode[E](e)
	if e.Version > eventVersion {
		require.ErrorIs(t, err, ErrTooNew)
		return
	}
	if err != nil {
		require.ErrorContains(t, err, "p-1")
		require.Less(t, len(err.Error()), 500)
		return
	}
	e.Data, err = json.Marshal(v)
	if err != nil {
		return // a year that JSON cannot hold
	}
	again, err := Decode[E](e)
	require.NoError(t, err)
	require.Equal(t, v, again)
}

// FuzzStoredPayment reads documents that somebody may have changed in the
// database, or a later version written: all that the service does with a
// payment works on them, and money keeps to the rules that hold whatever the
// facts are.
func FuzzStoredPayment(f *testing.F) {
	for _, v := range vectors {
		h := newHistory(v.payment())
		require.NoError(f, h.takeAll(timed(v.news...)))
		doc, err := json.Marshal(h.p)
		require.NoError(f, err)
		f.Add(doc)
	}
	for _, s := range []string{
		`{}`, `{"plan":{"id":"pro","period":{"months":1}},"amount":{"amount":0,"currency":"IDR"}}`, `{"attempts":[{"facts":[{"kind":"paid"},{"kind":"paid"}]}]}`,
		`{"attempts":[{"facts":[{"kind":"begun"},{"kind":"begun","key":"x"},{"kind":"new in a later version"}]}],"status":"new"}`,
		`{"amount":{"amount":-9223372036854775808,"currency":""},"attempts":[{"facts":[{"kind":"paid","amount":{"amount":9223372036854775807,"currency":"IDR"}},{"kind":"accepted"}]}]}`,
		`{"sessions":[{}],"watch":{"doubts":[{"facts":[{}]}]},"told":[""],"unknown":{"x":1}}`,
	} {
		f.Add([]byte(s))
	}
	service := &Service{}
	service.cfg.setDefaults()
	f.Fuzz(func(t *testing.T, doc []byte) {
		var p *Payment
		if json.Unmarshal(doc, &p) != nil || p == nil {
			return
		}
		now := firstNews.Add(time.Hour)
		_, _, _ = p.look(), p.View(), p.why()
		service.wakeAt(p, nil, now)
		for _, policy := range []ClaimPolicy{{Location: time.UTC}, {Location: time.UTC, PartialRefund: ProrateAccess}, {Location: time.UTC, PartialRefund: RevokeAccess}} {
			if p.Plan != nil {
				if g, ok := policy.grantOf(p, nil); ok {
					c := Claim{Grants: []Grant{g, g}}
					c.lay(time.UTC)
				}
			}
		}
		s := step{p: p.Clone(), at: now}
		s.observe(testGateway, settle("A1").told)
		for _, a := range s.p.look().attempts {
			require.LessOrEqual(t, a.out, max(a.in, 0), "no more goes back than came in")
		}
		told := len(s.events)
		s.observe(testGateway, settle("A1").told)
		require.Len(t, s.events, told, "told once")

		again, err := json.Marshal(s.p)
		if err != nil {
			return // a year that JSON cannot hold
		}
		var reread Payment
		require.NoError(t, json.Unmarshal(again, &reread))
		require.Equal(t, s.p.look().status, reread.look().status)
	})
}
