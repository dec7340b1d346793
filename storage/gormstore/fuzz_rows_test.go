package gormstore

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// fixedRow gives the same values to whoever scans it.
type fixedRow []string

func (r fixedRow) Scan(into ...any) error {
	for i, to := range into {
		*to.(*string) = r[i]
	}
	return nil
}

// FuzzRows reads what may stand in a database that somebody has changed, or a
// later version of this module written: an error that names the row, or a value
// that is stored and read as it is.
func FuzzRows(f *testing.F) {
	raw, err := os.ReadFile("testdata/v1.json")
	require.NoError(f, err)
	f.Add(string(raw), "a-1/hook:b")
	for _, doc := range []string{
		``, `null`, `{}`, `[]`, `{"id":1}`, `{"id":"p1","amount":{"amount":1e3}}`, `{"id":"p1","facts":[{"kind":"new"}],"later":{"a":1}}`,
		`{"id":"p1","wake_at":"0001-01-01T00:00:00Z","version":-1}`, `{"created_at":"yesterday"}`, "\xff", `{"user_id":"\u0000","grants":[{"period":{"months":-1}}]}`,
	} {
		for _, id := range []string{"", "a-1/b", "a-1/hook:b/c", "-1/", "a--1/b", "a-01/b", "a-1", "a/b", "a-x/b", "a-99999999999999999999/b", "\x00-1/\xff"} {
			f.Add(doc, id)
		}
	}
	f.Fuzz(func(t *testing.T, doc, id string) {
		p, err := paymentRow{id: "p1", doc: doc, version: 7}.payment()
		if err != nil {
			require.ErrorContains(t, err, "payment p1")
		} else {
			require.EqualValues(t, 7, p.Version)
			require.True(t, p.WakeAt.IsZero(), "the column counts")
			var r paymentRow
			if r.fill(p) == nil { // else a year that JSON cannot hold
				again, err := paymentRow{id: "p1", doc: r.doc, version: 7}.payment()
				require.NoError(t, err)
				require.Equal(t, written(t, p), written(t, again))
			}
		}
		c, err := scanClaim(fixedRow{"siti", "pro", doc})
		if err != nil {
			require.ErrorContains(t, err, `claim of user "siti" on "pro"`)
		} else if d, err := json.Marshal(c); err == nil {
			again, err := scanClaim(fixedRow{"siti", "pro", string(d)})
			require.NoError(t, err)
			require.Equal(t, written(t, c), written(t, again))
		}
		if key, ok := parseDeliveryID(payments.ID(id)); ok {
			again, ok := parseDeliveryID(key.id())
			require.True(t, ok)
			require.Equal(t, key, again)
		}
	})
}

func written(t *testing.T, v any) string {
	t.Helper()
	doc, err := document(v)
	require.NoError(t, err)
	return doc
}
