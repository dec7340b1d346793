package races

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// patience is how long a round may take on a slow machine before it counts as
// stuck.
const patience = 2 * time.Minute

// round is one race, run once.
type round struct {
	*world
	t      *testing.T
	ctx    context.Context
	dealt  bool // the steps are dealt
	unsure bool

	mu     sync.Mutex
	faults []string
	mailed []simkit.Sent // notifications that nobody has taken yet
}

func (w *world) round(t *testing.T, dealt, unsure bool) *round {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w.sim.Take() // of the round before
	w.asked.Store(0)
	return &round{world: w, t: t, ctx: ctx, dealt: dealt, unsure: unsure}
}

// wrong notes what must not be.
func (r *round) wrong(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// close fails the test if anything was wrong.
func (r *round) close(race race, end string) (right bool) {
	r.t.Helper()
	if !slices.Contains(race.ends, end) {
		r.wrong("it ended in a way that is not allowed: %s", end)
	}
	if r.faults != nil {
		r.t.Errorf("dealt %v; ended: %s\n%q", r.dealt, end, r.faults)
	}
	return r.faults == nil
}

// open creates a payment and opens it at the gateway.
func (r *round) open(params payments.CreateParams) *payments.Payment {
	r.t.Helper()
	if params.User.ID == "" {
		params.User.ID = "ana"
	}
	out, err := r.shop(0).pay.Checkout(r.ctx, params)
	require.NoError(r.t, err)
	return out.Payment
}

func (r *round) openMug() *payments.Payment {
	r.t.Helper()
	return r.open(payments.CreateParams{Items: []payments.Pick{{ID: mug.ID, Quantity: 1}}})
}

// paid is one that is open here and paid at the gateway, whose notifications
// are on their way: that it is pending, and the settlement.
func (r *round) paid() (p *payments.Payment, pending, settlement simkit.Sent) {
	r.t.Helper()
	p = r.openMug()
	require.NoError(r.t, r.sim.Pay(string(p.ID)))
	mail := r.mail(p.ID)
	require.Len(r.t, mail, 2)
	return p, mail[0], mail[1]
}

// settled is one whose settlement is known.
func (r *round) settled() *payments.Payment {
	r.t.Helper()
	p, _, settlement := r.paid()
	require.Equal(r.t, http.StatusOK, r.notify(r.ctx, 0, settlement).code)
	return p
}

// mail takes the notifications about a payment from the gateway.
func (r *round) mail(id payments.ID) []simkit.Sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mailed = append(r.mailed, r.sim.Take()...)
	var mine, others []simkit.Sent
	for _, sent := range r.mailed {
		if sent.Ref == string(id) {
			mine = append(mine, sent)
		} else {
			others = append(others, sent)
		}
	}
	r.mailed = others
	return mine
}

// answer of a shop, over HTTP.
type answer struct {
	code int
	body []byte
}

func (a answer) verdict() (v payments.Verdict) {
	var body struct{ Verdict payments.Verdict }
	if json.Unmarshal(a.body, &body) == nil {
		v = body.Verdict
	}
	return v
}

func (a answer) paymentID() (id payments.ID) {
	var body struct {
		ID payments.ID `json:"payment_id"`
	}
	if json.Unmarshal(a.body, &body) == nil {
		id = body.ID
	}
	return id
}

// notify sends a notification to a process; again when it is asked to, as
// gateways do. It is asked to where the gateway did not answer in time.
func (r *round) notify(ctx context.Context, process int, sent simkit.Sent) answer {
	for try := 1; ; try++ {
		a := r.send(ctx, process, http.MethodPost, "/notifications/midtrans", sent.Header, sent.Body)
		if a.code != http.StatusServiceUnavailable || try == 3 || ctx.Value(unsureKey{}) != nil {
			return a
		}
	}
}

// send sends a request to a process, over a connection; or without one when
// the steps of the racers are dealt, as a connection does not carry whose turn
// it is.
func (r *round) send(ctx context.Context, process int, method, path string, header http.Header, body []byte) answer {
	shop := r.shop(process)
	req, err := http.NewRequestWithContext(ctx, method, shop.url+path, bytes.NewReader(body))
	if err != nil {
		r.wrong("request: %v", err)
		return answer{}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if dealt(ctx) || ctx.Value(unsureKey{}) != nil {
		w := httptest.NewRecorder()
		shop.web.ServeHTTP(w, req)
		return answer{w.Code, w.Body.Bytes()}
	}
	resp, err := r.client.Transport.RoundTrip(req) // no redirect is followed
	if err != nil {
		r.wrong("%s %s: %v", method, path, err)
		return answer{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		r.wrong("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, got}
}

// quiet brings all mail, and lets all processes do what is left to be done.
func (r *round) quiet(ids ...payments.ID) {
	for _, id := range ids {
		for _, sent := range r.mail(id) {
			if a := r.notify(r.ctx, 0, sent); a.code != http.StatusOK {
				r.wrong("the notification %q, at last: %d %s", sent.Word, a.code, a.body)
			}
		}
	}
	for _, shop := range r.shops {
		if err := shop.pay.Drain(r.ctx); err != nil {
			r.wrong("drain: %v", err)
		}
	}
}
