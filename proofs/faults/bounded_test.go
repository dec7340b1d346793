package faults

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The database is away, and many send notifications at the same time, again
// and again: no memory and no goroutine stays behind, and each is told to come
// again.
func TestNothingPilesUp(t *testing.T) {
	const callers = 64
	d := newPostgres(t)
	proxy := newToxic(t, d.addr)
	w := newWorld(t, "", d, around{database: proxy.addr()})
	w.load = startLoad(t, w.sim, w.shop.url)
	w.taken(enough)
	w.load.stopBuying()
	w.untilQuiet()
	w.load.stop()
	body := w.load.answers[0].Sent.Body
	heapBefore, goroutinesBefore := heap(), goroutines(w.shop.name)

	heal := proxy.cut()
	refused, most := w.hammer(callers, body, func() bool {
		return w.shop.watch.count(notifications, http.StatusServiceUnavailable) >= 20*callers
	})
	heal()
	require.Zero(t, refused.other, "answers other than 503 while the database is away")
	// One for the connection, one that handles it, and those of the database's
	// driver.
	require.Less(t, most, goroutinesBefore+3*callers)

	await(t, "the shop works again", patience, func() bool { return w.post(body) == http.StatusOK })
	await(t, "the requests' goroutines end", patience, func() bool { return goroutines(w.shop.name) <= goroutinesBefore+10 })
	heapAfter := heap()
	t.Logf("%d notifications refused: heap %.1f MiB, before %.1f MiB; goroutines %d, at most %d, before %d", refused.later,
		mebibytes(heapAfter), mebibytes(heapBefore), goroutines(w.shop.name), most, goroutinesBefore)
	require.Less(t, mebibytes(heapAfter), mebibytes(heapBefore)+8)
	w.shop.close(t)
}

type refusals struct{ later, other int64 }

// hammer sends a notification by many at once, until done. It also says how
// many goroutines the shop had at most.
func (w *world) hammer(callers int, body []byte, done func() bool) (r refusals, most int) {
	w.t.Helper()
	var later, other atomic.Int64
	var stop atomic.Bool
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for !stop.Load() {
				if w.post(body) == http.StatusServiceUnavailable {
					later.Add(1)
				} else {
					other.Add(1)
				}
			}
		})
	}
	await(w.t, "notifications are refused", patience, func() bool {
		most = max(most, goroutines(w.shop.name))
		return done()
	})
	stop.Store(true)
	all.Wait()
	http.DefaultClient.CloseIdleConnections()
	return refusals{later.Load(), other.Load()}, most
}

// post sends a notification once. Zero: there was no answer.
func (w *world) post(body []byte) (status int) {
	resp, err := http.Post(w.shop.url+notifications, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}

func heap() uint64 {
	var m runtime.MemStats
	for range 2 { // what has a finalizer takes two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }
