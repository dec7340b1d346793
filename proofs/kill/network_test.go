package kill

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// reply is what became of a request.
type reply struct {
	status int
	body   []byte
	// heard: the answer arrived. One that was lost on the way is kept all the
	// same, for the test to know what the sender does not.
	heard bool
}

func (r reply) ok() bool { return r.heard && r.status < 300 }

// trip sends a request over the network, which in a hostile world loses
// requests, loses answers (or puts a 502 in place of one, which tells as
// little), breaks off in the middle, and dawdles.
func (w *world) trip(c chance, req *http.Request) reply {
	if !w.hostile {
		return w.answer(req)
	}
	switch p := c.IntN(100); {
	case p < 4:
		w.faults.Add(1)
		return reply{}
	case p < 14:
		w.faults.Add(1)
		r := w.answer(req)
		r.heard = false
		return r
	case p < 20:
		w.faults.Add(1)
		ctx, hangUp := context.WithTimeout(req.Context(), c.upTo(30*time.Millisecond))
		defer hangUp()
		return w.answer(req.WithContext(ctx))
	case p < 30:
		w.faults.Add(1)
		<-time.After(c.upTo(100 * time.Millisecond)) // on the way
	}
	return w.answer(req)
}

// answer sends a request and reads the answer to its end.
func (w *world) answer(req *http.Request) reply {
	resp, err := w.http.Do(req)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	w.answered.Add(1)
	return reply{status: resp.StatusCode, body: body, heard: true}
}

// harass makes the way between the apps and the gateway as bad: of a thousand
// calls so many fail before the gateway acts, after it has acted, or get a 5xx,
// a 429 or an answer that takes its time. Refunds, of which there are fewer,
// fare worse; some are refused, finally, though the next try is not.
func (w *world) harass() {
	c := chanceOf(w.seed, "gateway")
	for _, f := range []struct {
		simkit.Fault
		perMille int
	}{
		{simkit.Fault{Kind: simkit.Refused, Op: "refund"}, 50},
		{simkit.Fault{Kind: simkit.Broken, Op: "refund"}, 150},
		{simkit.Fault{Kind: simkit.Lost, Op: "refund"}, 150},
		{simkit.Fault{Kind: simkit.Down}, 30},
		{simkit.Fault{Kind: simkit.Throttled}, 10},
		{simkit.Fault{Kind: simkit.Broken}, 30},
		{simkit.Fault{Kind: simkit.Silent}, 5},
		{simkit.Fault{Kind: simkit.Lost}, 40},
		{simkit.Fault{Kind: simkit.LostSilent}, 5},
		{simkit.Fault{Kind: simkit.Slow, Delay: w.clock.of(50 * time.Millisecond)}, 50},
	} {
		f.Count = -1
		f.If = func() bool { return c.IntN(1000) < f.perMille }
		f.Met = func() { w.faults.Add(1) }
		w.sim.Fail(f.Fault)
	}
}

// relent lets everything through from now on.
func (w *world) relent() {
	w.sim.Heal()
	w.hostile = false
}
